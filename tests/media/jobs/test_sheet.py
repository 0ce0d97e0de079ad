import io

import msgspec
import pytest
from PIL import Image

from tests.media.samples import encoded
from torana.core.errors import InvalidImage
from torana.media.jobs.sheet import lay_out
from torana.media.jobs.sheets import Sheet


def flat(size: tuple[int, int], colour: tuple[int, ...], mode: str = "RGB") -> bytes:
    return encoded(Image.new(mode, size, colour), "PNG")


def laid_out(*sources: bytes, captions: tuple[str, ...]) -> Image.Image:
    params = msgspec.msgpack.encode(Sheet(100, captions, max_pixels=1_000_000))
    (data,) = lay_out(params, list(sources)).blobs
    return Image.open(io.BytesIO(data))


def test_pictures_stand_in_a_row_whole_and_centred():
    sheet = laid_out(flat((400, 200), (255, 0, 0)), flat((50, 50), (0, 0, 255)), captions=("a", "b"))
    assert sheet.size == (10 + 2 * 110, 100 + 18 + 20)
    assert [sheet.getpixel(at) for at in ((60, 60), (60, 20), (170, 60), (125, 60))] == [
        (255, 0, 0), (255, 255, 255), (0, 0, 255), (255, 255, 255),
    ]  # fmt: skip


def test_captions_stand_below():
    bare = laid_out(flat((50, 50), (9, 9, 9)), captions=("",))
    named = laid_out(flat((50, 50), (9, 9, 9)), captions=("coffee-1.png",))
    below = (0, 111, bare.width, bare.height)
    assert bare.crop(below).getcolors() == [(bare.width * 27, (255, 255, 255))]
    assert len(named.crop(below).getcolors() or ()) > 1


def test_a_long_caption_keeps_its_end_and_its_column():
    long, short = "a-name-much-longer-than-its-picture-1.png", "b.png"
    pictures = flat((50, 50), (9, 9, 9)), flat((50, 50), (9, 9, 9))
    sheet, other = (laid_out(*pictures, captions=(first, short)) for first in (long, long[1:]))
    alone = laid_out(*pictures, captions=("", short))
    first_column, second_column = (0, 111, 115, sheet.height), (115, 111, sheet.width, sheet.height)
    assert sheet.crop(second_column).tobytes() == alone.crop(second_column).tobytes()
    assert sheet.crop(first_column).tobytes() == other.crop(first_column).tobytes()
    assert sheet.crop(first_column).tobytes() != alone.crop(first_column).tobytes()


def test_what_is_clear_shows_the_ground():
    assert laid_out(flat((50, 50), (255, 0, 0, 0), "RGBA"), captions=("",)).getpixel((60, 60)) == (255, 255, 255)


def test_the_limit_holds_for_each():
    with pytest.raises(InvalidImage):
        laid_out(flat((50, 50), (1, 1, 1)), flat((1001, 1000), (1, 1, 1)), captions=("", ""))
