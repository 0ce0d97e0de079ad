import io
import random
import sys
import warnings
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tests.media.samples import (
    SIZE,
    encoded,
    everything,
    exif,
    grey_profile,
    interlaced_png,
    picture,
    swapped_profile,
    turned,
)
from torana.core.content import Size
from torana.core.errors import InvalidImage
from torana.media.codec import decode, encode, fit
from torana.media.probe import probe

SAMPLES = everything()
LIMIT = SIZE.pixels
CORNERS = ((2, 2), (34, 2), (2, 20), (34, 20))


def close(found: Any, expected: Any, by: int = 12) -> bool:
    """Whether two pixels are nearly the same."""
    pairs = zip(found, expected, strict=True) if isinstance(found, tuple) else ((found, expected),)
    return all(abs(one - other) <= by for one, other in pairs)


def lookalike(found: Image.Image, expected: Image.Image, by: int = 12) -> bool:
    return found.size == expected.size and all(
        close(found.getpixel(spot), expected.getpixel(spot), by) for spot in CORNERS
    )


@pytest.mark.parametrize("name", SAMPLES)
def test_decodes_what_probe_takes(name):
    decoded = decode(SAMPLES[name], max_pixels=LIMIT)

    assert decoded.size == (SIZE.width, SIZE.height)
    assert decoded.mode in {"L", "LA", "RGB", "RGBA"}
    assert decoded.info == {}
    assert not isinstance(decoded, type(Image.open(io.BytesIO(SAMPLES[name]))))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_applies_the_orientation(file_format, orientation):
    data = turned(file_format, orientation)
    with Image.open(io.BytesIO(data)) as image:
        expected = ImageOps.exif_transpose(image)

    decoded = decode(data, max_pixels=LIMIT)

    assert decoded.tobytes() == expected.tobytes()
    shown = probe(io.BytesIO(data), max_pixels=LIMIT).size
    assert decoded.size == (shown.width, shown.height)


def test_only_exif_turns_a_picture():
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    for data in (
        encoded(picture(), "TIFF", tiffinfo={700: xmp}),
        encoded(picture(), "JPEG", xmp=xmp),
        encoded(picture(), "WEBP", xmp=xmp),
    ):
        assert decode(data, max_pixels=LIMIT).size == (SIZE.width, SIZE.height)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("png bits", "L"),
        ("png grey alpha", "LA"),
        ("png palette", "RGBA"),
        ("png 16 bits", "L"),
        ("jpeg grey", "L"),
        ("jpeg cmyk", "RGB"),
        ("webp alpha", "RGBA"),
        ("gif", "RGB"),
        ("gif transparent", "RGBA"),
        ("tiff strips", "RGBA"),
        ("tiff cmyk", "RGB"),
    ],
)
def test_modes(name, mode):
    assert decode(SAMPLES[name], max_pixels=LIMIT).mode == mode


@pytest.mark.parametrize(
    "name", ["jpeg", "jpeg cmyk", "png", "webp", "gif", "bmp", "bmp alpha", "tiff cmyk", "tiff jpeg"]
)
def test_colours_survive(name):
    assert lookalike(decode(SAMPLES[name], max_pixels=LIMIT), picture())


def test_a_cmyk_jpeg_is_not_negative():
    data = encoded(Image.new("CMYK", (8, 8), (0, 0, 255, 0)), "JPEG")  # pure yellow, which Pillow writes as Adobe does

    assert close(decode(data, max_pixels=64).getpixel((4, 4)), (255, 255, 0))


def test_colour_keys_become_alpha():
    keyed = Image.new("RGB", (2, 1), (9, 9, 9))
    keyed.putpixel((1, 0), (10, 20, 30))
    decoded = decode(encoded(keyed, "PNG", transparency=(10, 20, 30)), max_pixels=2)
    assert [decoded.getpixel((x, 0)) for x in (0, 1)] == [(9, 9, 9, 255), (10, 20, 30, 0)]

    grey = Image.new("L", (2, 1), 9)
    grey.putpixel((1, 0), 80)
    decoded = decode(encoded(grey, "PNG", transparency=80), max_pixels=2)
    assert [decoded.getpixel((x, 0)) for x in (0, 1)] == [(9, 255), (80, 0)]


@pytest.mark.parametrize("mode", ["I;16", "I;16B"])
def test_sixteen_bits_are_scaled_not_clipped(mode):
    grey = Image.new(mode, (4, 1))
    for x, value in enumerate((0, 257, 32_896, 65_535)):
        grey.putpixel((x, 0), value)

    decoded = decode(encoded(grey, "TIFF"), max_pixels=4)

    assert [decoded.getpixel((x, 0)) for x in range(4)] == [0, 1, 128, 255]


@pytest.mark.parametrize(
    ("mode", "values", "expected"),
    [
        ("F", (0.0, 0.25, 0.5, 1.0), [0, 64, 128, 255]),
        ("F", (-1.0, 0.0, 1.0, 3.0), [0, 64, 128, 255]),
        ("F", (0.0, 51.0, 102.0, 255.0), [0, 51, 102, 255]),
        ("F", (0.0, float("nan"), float("inf"), 1.0), None),
        ("I", (0, 257, 32_896, 65_535), [0, 1, 128, 255]),
        ("I", (0, 1 << 20, 1 << 21, 1 << 22), [0, 64, 128, 255]),
    ],
)
def test_deep_grey_is_scaled_to_its_range(mode, values, expected):
    grey = Image.new(mode, (4, 1))
    for x, value in enumerate(values):
        grey.putpixel((x, 0), value)

    decoded = decode(encoded(grey, "TIFF"), max_pixels=4)

    assert decoded.mode == "L"
    assert expected in (None, [decoded.getpixel((x, 0)) for x in range(4)])


def test_interlaced():
    assert decode(interlaced_png(picture("L")), max_pixels=LIMIT).tobytes() == picture("L").tobytes()


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_profiles_are_applied(file_format):
    red, green, blue = picture().split()

    decoded = decode(encoded(picture(), file_format, icc_profile=swapped_profile()), max_pixels=LIMIT)

    assert lookalike(decoded, Image.merge("RGB", (blue, green, red)))


def test_profiles_leave_alpha_alone():
    decoded = decode(encoded(picture("RGBA"), "PNG", icc_profile=swapped_profile()), max_pixels=LIMIT)

    assert decoded.mode == "RGBA"
    assert lookalike(decoded.getchannel("R"), picture().getchannel("B"))
    assert decoded.getchannel("A").getextrema() == (200, 200)


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_profiles_are_applied(mode):
    decoded = decode(encoded(Image.new(mode, (4, 4), 55), "PNG", icc_profile=grey_profile()), max_pixels=16)

    assert decoded.mode == mode
    assert close(decoded.getchannel("L").getpixel((1, 1)), 128, by=3)  # linear 55 is 128 in sRGB


@pytest.mark.parametrize(
    "profile",
    [b"no profile", swapped_profile()[:200], grey_profile(), swapped_profile(b"sRGB")],
    ids=["noise", "cut", "of another colour space", "called sRGB"],
)
def test_profiles_of_no_use_are_passed_over(profile):
    assert lookalike(decode(encoded(picture(), "PNG", icc_profile=profile), max_pixels=LIMIT), picture(), by=0)


def test_the_target_shrinks_a_jpeg_while_it_loads():
    large = encoded(picture(size=Size(800, 600)), "JPEG")

    assert decode(large, max_pixels=480_000, target=Size(50, 37)).size == (100, 75)
    assert decode(large, max_pixels=480_000, target=Size(50, 50)).size == (200, 150)
    assert decode(large, max_pixels=480_000, target=Size(151, 20)).size == (400, 300)
    assert decode(large, max_pixels=480_000, target=Size(900, 900)).size == (800, 600)


SHRINKING = [
    ("PNG", {}),
    ("WEBP", {"lossless": True}),
    ("WEBP", {"quality": 95}),
    ("GIF", {}),
    ("BMP", {}),
    ("TIFF", {}),
]


@pytest.mark.parametrize(("file_format", "options"), SHRINKING)
def test_the_target_shrinks_every_other_format_by_a_whole_number(file_format, options):
    large = encoded(picture(size=Size(800, 601)), file_format, **options)

    for target, size in [
        (Size(50, 30), (100, 76)),
        (Size(50, 90), (267, 201)),
        (Size(200, 150), (400, 301)),
        (Size(201, 20), (800, 601)),
    ]:
        made = decode(large, max_pixels=480_800, target=target)
        assert made.size == size
        assert lookalike(made.resize((37, 23)), picture())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_shrinking_is_averaging(mode):
    stored = picture("I" if mode == "I;16" else mode, Size(90, 60)).convert(mode)
    data = encoded(stored, "PNG")

    made = decode(data, max_pixels=5_400, target=Size(15, 10))

    assert made.tobytes() == decode(data, max_pixels=5_400).reduce(3).tobytes()


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
def test_a_turned_picture_shrinks_as_shown(file_format):
    tall = encoded(picture(size=Size(800, 200)), file_format, exif=exif(6))

    assert decode(tall, max_pixels=160_000, target=Size(25, 100)).size == (50, 200)
    assert decode(tall, max_pixels=160_000, target=Size(100, 25)).size == (200, 800)


def test_a_moving_webp_shrinks_too():
    moving = encoded(picture(size=Size(80, 60)), "WEBP", save_all=True, append_images=[Image.new("RGB", (80, 60))])

    assert decode(moving, max_pixels=4_800, target=Size(20, 15)).size == (40, 30)


def test_profiles_are_applied_to_what_has_shrunk():
    red, green, blue = picture(size=Size(80, 60)).split()
    data = encoded(Image.merge("RGB", (red, green, blue)), "PNG", icc_profile=swapped_profile())

    made = decode(data, max_pixels=4_800, target=Size(20, 15))

    assert made.size == (40, 30)
    assert lookalike(made, Image.merge("RGB", (blue, green, red)).reduce(2))


def test_the_target_is_measured_as_shown():
    tall = encoded(picture(size=Size(800, 200)), "JPEG", exif=exif(6))

    assert decode(tall, max_pixels=160_000, target=Size(25, 100)).size == (50, 200)
    assert decode(tall, max_pixels=160_000, target=Size(100, 25)).size == (200, 800)


def test_too_large_is_refused_before_decoding():
    with pytest.raises(InvalidImage) as caught:
        decode(SAMPLES["png"], max_pixels=LIMIT - 1)
    assert caught.value.code == "image_too_large"


def damaged(data: bytes) -> bytes:
    """With the same header and chain, and noise for pixels."""
    half = len(data) // 2
    return data[:half] + bytes(b ^ 0x55 for b in data[half:-20]) + data[-20:]


@pytest.mark.parametrize("name", ["png", "webp lossless", "tiff lzw", "tiff jpeg"])
def test_damaged_pixels(name):
    with pytest.raises(InvalidImage) as caught:
        decode(damaged(SAMPLES[name]), max_pixels=LIMIT)
    assert caught.value.code in {"image_parse_error", "invalid_image"}


def test_pillow_s_own_errors_become_ours():
    data = SAMPLES["png"]
    wrong_checksum = data[:29] + b"\0\0\0\0" + data[33:]
    with pytest.raises(InvalidImage) as caught:
        decode(wrong_checksum, max_pixels=LIMIT)
    assert caught.value.code == "image_parse_error"
    assert "checksum" not in caught.value.message


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.integers(0, 2**32))
def test_damage_raises_nothing_but_invalid_image(name, seed):
    chance = random.Random(seed)
    data = bytearray(SAMPLES[name])
    for _ in range(chance.randint(1, 6)):
        data[chance.randrange(min(chance.choice([64, 512, len(data)]), len(data)))] = chance.randrange(256)
    try:
        decoded = decode(bytes(data), max_pixels=100_000)
    except InvalidImage as error:
        assert error.code  # noqa: PT017  not raising is right too
    else:
        shown = probe(io.BytesIO(bytes(data)), max_pixels=100_000).size
        assert decoded.size == (shown.width, shown.height)


def test_a_damaged_tiff_does_not_fill_the_log(capfd):
    tall = encoded(Image.new("1", (64, 500)), "TIFF", compression="group3")
    noisy = tall[:8] + b"\x55" * (len(tall) // 2) + tall[8 + len(tall) // 2 :]
    with suppress(InvalidImage):
        decode(noisy, max_pixels=32_000)

    sys.stderr.write("still there")
    assert capfd.readouterr().err == "still there"


def test_pillow_s_warnings_stay_inside():
    broken_exif = encoded(picture(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff")
    with pytest.warns(UserWarning, match="Corrupt EXIF"):
        Image.open(io.BytesIO(broken_exif))

    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        decode(broken_exif, max_pixels=LIMIT)
    assert leaked == []


@pytest.mark.parametrize("output_format", ["png", "webp", "jpeg"])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_encodes_every_mode(output_format, mode):
    data = encode(picture(mode), output_format)

    assert probe(io.BytesIO(data), max_pixels=LIMIT).format == output_format
    decoded = decode(data, max_pixels=LIMIT)
    assert lookalike(decoded.convert("L"), ground(picture(mode), output_format).convert("L"), by=16)
    assert decoded.mode.endswith("A") == (mode.endswith("A") and output_format != "jpeg")


def ground(image: Image.Image, output_format: str) -> Image.Image:
    """What comes back: on white where there is no alpha to write."""
    if output_format != "jpeg":
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA"))


def test_a_transparent_picture_becomes_a_white_jpeg():
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))

    assert close(decode(encode(clear, "jpeg"), max_pixels=64).getpixel((4, 4)), (255, 255, 255), by=1)


@pytest.mark.parametrize("output_format", ["png", "webp", "jpeg"])
def test_no_metadata_is_carried_over(output_format):
    tagged = encoded(
        picture(), "JPEG", exif=exif(6), icc_profile=swapped_profile(), comment=b"told in confidence", dpi=(99, 99)
    )
    with Image.open(io.BytesIO(tagged)) as image:
        image.load()
        for made in (encode(image, output_format), encode(decode(tagged, max_pixels=LIMIT), output_format)):
            with Image.open(io.BytesIO(made)) as found:
                assert not {"icc_profile", "exif", "comment", "dpi", "xmp"} & set(found.info)
                assert not found.getexif()
            assert b"confidence" not in made


@pytest.mark.parametrize("size", [Size(37, 23), Size(64, 64), Size(10, 80), Size(300, 7), Size(1, 1)])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_fits_exactly(size, mode):
    fitted = fit(picture(mode), size)

    assert fitted.size == (size.width, size.height)
    assert fitted.mode == mode


def test_fits_the_middle():
    stripes = Image.new("RGB", (30, 10), "red")
    stripes.paste("lime", (10, 0, 20, 10))

    fitted = fit(stripes, Size(100, 100))

    assert fitted.getpixel((50, 50)) == (0, 255, 0)
    assert close(fitted.resize((1, 1)).getpixel((0, 0)), (0, 255, 0), by=8)
