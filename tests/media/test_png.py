import io
import zlib
from collections.abc import Iterator

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from tests.media.samples import SIZE, chunk, encoded, interlaced_png, picture, png_header
from torana.media.png import bands

FILTERS = range(5)
LAYOUTS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (4, 16), (6, 8)]
"""Colour types and bits of a sample."""
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def noisy(colour: int, depth: int, *, pieces: int = 1) -> bytes:
    """Rows of noise, which are rows of something whatever their filters; the filters take turns."""
    stride = (SIZE.width * depth * SAMPLES[colour] + 7) // 8
    noise = picture().resize((stride, SIZE.height)).convert("L").tobytes()
    rows = (bytes([y % len(FILTERS)]) + noise[y * stride : (y + 1) * stride] for y in range(SIZE.height))
    packed = zlib.compress(b"".join(rows))
    step = -(-len(packed) // pieces)
    pixels = (chunk(b"IDAT", packed[at : at + step]) for at in range(0, len(packed), step))
    palette = chunk(b"PLTE", (bytes(range(256)) * 3)[: 3 << depth]) if colour == 3 else b""
    return png_header(SIZE.width, SIZE.height, depth, colour) + palette + b"".join(pixels) + chunk(b"IEND")


def opened(data: bytes) -> PngImageFile:
    image = Image.open(io.BytesIO(data))
    assert isinstance(image, PngImageFile)
    return image


def cut(data: bytes, rows: int = 5) -> Iterator[Image.Image]:
    found = bands(data, opened(data), rows=rows)
    assert found is not None
    return found


def whole(data: bytes, rows: int = 5) -> Image.Image:
    """The bands put together again."""
    found = list(cut(data, rows))
    made = found[0].resize(opened(data).size)
    for number, band in enumerate(found):
        made.paste(band, (0, number * rows))
    return made


@pytest.mark.parametrize("rows", [1, 5, SIZE.height, 100])
@pytest.mark.parametrize(("colour", "depth"), LAYOUTS)
def test_bands_are_what_pillow_makes_of_the_whole(colour, depth, rows):
    data = noisy(colour, depth)
    expected = opened(data)

    made = whole(data, rows)

    assert made.mode == expected.mode
    assert made.tobytes() == expected.tobytes()
    assert [band.height for band in cut(data, 5)] == [5, 5, 5, 5, 3]


@pytest.mark.parametrize("pieces", [1, 2, 9, 400])
def test_pixels_may_lie_in_any_number_of_chunks(pieces):
    data = noisy(2, 8, pieces=pieces)

    assert whole(data).tobytes() == opened(data).tobytes()


@pytest.mark.parametrize("transparency", [3, bytes(range(64))])
def test_a_palette_goes_with_every_band(transparency):
    data = encoded(picture().quantize(64), "PNG", transparency=transparency)
    expected = opened(data).convert("RGBA")

    found = [band.convert("RGBA") for band in cut(data, 10)]

    assert b"".join(band.tobytes() for band in found) == expected.tobytes()


def test_a_colour_key_goes_with_every_band():
    data = encoded(Image.new("RGB", (4, 9), (10, 20, 30)), "PNG", transparency=(10, 20, 30))

    assert all(band.convert("RGBA").getchannel("A").getextrema() == (0, 0) for band in cut(data, 4))


def test_what_cannot_be_cut_is_left_to_pillow():
    for data in (interlaced_png(picture("L")), noisy(2, 16), noisy(6, 16)):
        assert bands(data, opened(data), rows=5) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed[: len(packed) // 2],
        lambda packed: b"\x78\x9c" + b"\x55" * 40,
        lambda packed: zlib.compress(zlib.decompress(packed)[:-1]),
        lambda packed: zlib.compress(b"\x07" + zlib.decompress(packed)[1:]),
    ],
    ids=["cut off", "not packed", "a byte short", "an unknown filter"],
)
def test_damage_is_told(spoil):
    good = zlib.compress(b"".join(b"\0" + bytes(12) for _ in range(9)))
    data = png_header(4, 9) + chunk(b"IDAT", spoil(good)) + chunk(b"IEND")

    with pytest.raises((ValueError, zlib.error)):
        list(cut(data))


def test_no_more_is_unpacked_than_asked_for():
    """A few bytes that unpack to gigabytes cost no more than the rows that the header tells of."""
    endless = zlib.compress(bytes(50_000_000))
    data = png_header(4, 9) + chunk(b"IDAT", endless) + chunk(b"IEND")

    assert [band.size for band in cut(data)] == [(4, 5), (4, 4)]
