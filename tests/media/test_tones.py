import pytest
from PIL import Image

from tests.media.samples import SIZE, picture
from torana.media.tones import conversion, cut, joined, rows_of_a_band

BECOMES = {
    "1": "L",
    "L": "L",
    "LA": "LA",
    "La": "LA",
    "P": "RGB",
    "RGB": "RGB",
    "RGBA": "RGBA",
    "RGBX": "RGB",
    "CMYK": "CMYK",
    "YCbCr": "RGB",
    "LAB": "RGB",
    "I;16": "L",
    "I": "L",
    "F": "L",
}


def stored(mode: str) -> Image.Image:
    """A picture in a mode, by way of one that leads there."""
    via = {"La": "LA", "LAB": "RGB", "I;16": "I"}.get(mode)
    if mode == "LAB":
        return Image.frombytes("LAB", (SIZE.width, SIZE.height), picture().tobytes())
    return (picture(via) if via else picture()).convert(mode)


@pytest.mark.parametrize("mode", BECOMES)
def test_every_mode_becomes_one_of_eight_bits(mode):
    assert conversion(stored(mode))(stored(mode)).mode == BECOMES[mode]


@pytest.mark.parametrize("key", [7, b"\x00\x80"])
def test_a_transparent_colour_becomes_alpha_in_every_band(key):
    image = picture().quantize(8)
    image.info["transparency"] = key
    convert = conversion(image)

    assert {convert(band).mode for band in cut(image, 4)} == {"RGBA"}


@pytest.mark.parametrize("mode", ["I", "F"])
def test_deep_grey_is_scaled_by_all_of_the_picture_not_by_the_band(mode):
    ramp = Image.new(mode, (1, 4))
    for y, value in enumerate((0, 100_000, 200_000, 400_000)):
        ramp.putpixel((0, y), value)
    convert = conversion(ramp)

    assert [convert(band).getpixel((0, 0)) for band in cut(ramp, 1)] == [0, 64, 128, 255]


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("factor", [1, 2, 3, 8, 30, 50])
def test_bands_make_the_same_as_the_whole(mode, factor):
    image = picture("RGB").convert(mode)

    made = joined(cut(image, 2 * factor), height=image.height, factor=factor)

    assert made.mode == mode
    assert made.tobytes() == image.reduce(factor).tobytes()


@pytest.mark.parametrize("width", [1, 1_000, 1 << 20, 50_000_000])
@pytest.mark.parametrize("factor", [1, 3, 64])
def test_bands_are_of_whole_steps_and_about_a_million_pixels(width, factor):
    rows = rows_of_a_band(width, factor)

    assert rows % factor == 0
    assert rows == factor or rows * width <= 1 << 20
    assert (rows + factor) * width > 1 << 20
