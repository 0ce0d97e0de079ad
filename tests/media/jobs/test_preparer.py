import io

import msgspec
import pytest
from PIL import Image

from tests.media.samples import encoded, everything, picture, turned
from torana.core.content import PictureInfo, Size
from torana.core.errors import InvalidImage
from torana.media.jobs.preparer import prepare_picture
from torana.media.jobs.preparing import Demands, Preparing
from torana.media.probe import probe

NOISE = Image.merge("RGB", [Image.effect_noise((256, 256), 90) for _ in range(3)])
SAMPLES = everything()


def prepared(*sources: bytes, **wanted) -> list[bytes]:
    params = msgspec.msgpack.encode(Preparing(Demands(**wanted), 4_000_000))
    return list(prepare_picture(params, list(sources)).blobs)


def info(data: bytes) -> PictureInfo:
    return probe(io.BytesIO(data), max_pixels=4_000_000)


def pixels(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGBA")


def masking(size: Size, clear: tuple[int, int, int, int]) -> bytes:
    """A mask that is transparent in that box."""
    mask = Image.new("RGBA", (size.width, size.height), "red")
    mask.paste((0, 0, 0, 0), clear)
    return encoded(mask, "PNG")


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("formats", [("png",), ("jpeg",), ("webp",)])
def test_whatever_comes_in_may_then_be_sent_as_it_is(name, formats):
    wanted = Demands(formats=formats, least_side=32, multiple=16, steepest=1.5, opaque=True)
    params = msgspec.msgpack.encode(Preparing(wanted, 4_000_000))

    (data,) = prepare_picture(params, [SAMPLES[name]]).blobs

    assert wanted.met_by(info(data), len(data))


def test_upright_and_without_metadata():
    (data,) = prepared(turned("PNG", 6))

    assert info(data) == PictureInfo("png", Size(23, 37), bare=True, opaque=True)
    assert pixels(data).convert("RGB").tobytes() == picture().transpose(Image.Transpose.ROTATE_270).tobytes()


def test_what_stands_out_is_cropped_from_both_sides():
    stripes = Image.new("RGB", (300, 100), "red")
    stripes.paste("blue", (100, 0, 200, 100))

    (data,) = prepared(encoded(stripes, "PNG"), square=True)

    assert pixels(data).getcolors() == [(10_000, (0, 0, 255, 255))]


def test_transparency_is_laid_on_white_where_it_must_go():
    clear = encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), "PNG")

    for wanted in ({"opaque": True}, {"formats": ("jpeg",)}):
        (data,) = prepared(clear, **wanted)
        assert info(data).opaque
        assert pixels(data).getpixel((4, 4)) == (255, 255, 255, 255)


def test_transparency_is_kept_where_it_may_be():
    for formats in (("png", "jpeg"), ("jpeg", "png"), ("jpeg", "webp")):
        (data,) = prepared(encoded(picture("RGBA"), "PNG"), formats=formats)
        assert pixels(data).getchannel("A").getpixel((4, 4)) == 200


@pytest.mark.parametrize(
    ("source", "formats", "chosen"),
    [
        (encoded(picture(), "PNG"), ("jpeg", "png"), "png"),
        (encoded(picture(), "JPEG"), ("png", "jpeg", "webp"), "jpeg"),
        (encoded(picture(), "JPEG"), ("png", "webp", "jpeg"), "jpeg"),
        (encoded(picture(), "WEBP"), ("png",), "png"),
        (encoded(picture(size=Size(1_200, 900)), "BMP"), ("png", "jpeg"), "jpeg"),
        (encoded(picture("RGBA", size=Size(1_200, 900)), "PNG"), ("jpeg", "png"), "png"),
        (encoded(picture().convert("RGBA"), "WEBP"), ("png", "jpeg"), "jpeg"),
    ],
    ids=["lossless", "photograph", "as it is", "the only one", "large", "large, clear", "clear nowhere"],
)
def test_the_format_that_serves_best(source, formats, chosen):
    (data,) = prepared(source, formats=formats)

    assert info(data).format == chosen


def test_too_many_bytes_make_it_coarser_and_then_smaller():
    source = encoded(NOISE, "PNG")
    sizes = {}
    for most in (300_000, 100_000, 50_000, 20_000, 2_000):
        (data,) = prepared(source, max_bytes=most)
        assert len(data) <= most
        sizes[most] = (info(data).format, info(data).size.width)

    assert sizes[300_000] == ("png", 256)
    assert sizes[100_000] == ("jpeg", 256)
    assert 256 > sizes[20_000][1] > sizes[2_000][1]


def test_multiples_do_not_keep_it_from_shrinking():
    length = len(prepared(encoded(NOISE, "PNG"), formats=("png",))[0])

    (data,) = prepared(encoded(NOISE, "PNG"), formats=("png",), multiple=64, max_bytes=length * 9 // 10)

    assert info(data).size == Size(128, 128)


def test_where_it_cannot_be_smaller_it_is_refused():
    with pytest.raises(InvalidImage, match="2,000 bytes") as caught:
        prepared(encoded(NOISE, "PNG"), max_bytes=2_000, exact=Size(256, 256))

    assert (caught.value.param, caught.value.code) == ("image", "image_too_large")


def test_the_limit_holds_for_the_source():
    with pytest.raises(InvalidImage, match="limit is 4,000,000"):
        prepared(encoded(Image.new("1", (2_001, 2_000)), "PNG"))


def test_a_mask_is_cropped_and_scaled_with_its_picture():
    source = picture(size=Size(400, 200))

    data, mask = prepared(
        encoded(source, "JPEG"), masking(Size(400, 200), (100, 0, 200, 200)), square=True, most_side=50
    )

    assert info(data).size == info(mask).size == Size(50, 50)
    cut = pixels(mask)
    assert cut.crop((0, 0, 25, 50)).getcolors() == [(25 * 50, (255, 255, 255, 0))]
    assert cut.crop((25, 0, 50, 50)).getcolors() == [(25 * 50, (0, 0, 0, 255))]


def test_a_mask_shrinks_with_its_picture():
    data, mask = prepared(encoded(NOISE, "PNG"), masking(Size(256, 256), (0, 0, 9, 9)), max_bytes=20_000)

    assert info(mask).format == "png"
    assert info(mask).size == info(data).size != Size(256, 256)


@pytest.mark.parametrize(
    ("mask", "why"),
    [
        (b"nothing", "not a picture"),
        (encoded(picture(), "PNG"), "The mask has no transparency"),
        (masking(Size(38, 23), (0, 0, 5, 5)), "The mask is 38x23 and the image 37x23"),
        (masking(Size(37, 23), (0, 0, 5, 5))[:-20], "The mask"),
    ],
)
def test_a_mask_that_is_none(mask, why):
    with pytest.raises(InvalidImage, match=why) as caught:
        prepared(encoded(picture(), "PNG"), mask)

    assert caught.value.param == "mask"
