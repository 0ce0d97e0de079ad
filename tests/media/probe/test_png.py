import io

import pytest

from tests.media.samples import SIZE, chunk, exif, png_header
from torana.core.content import PictureInfo
from torana.core.errors import InvalidImage
from torana.media.probe import inspect, probe

PIXELS = chunk(b"IDAT", b"anything")
END = chunk(b"IEND")


def refused(data: bytes) -> str | None:
    with pytest.raises(InvalidImage) as caught:
        inspect(io.BytesIO(data), max_pixels=100_000_000)
    return caught.value.code


def test_a_header_is_enough_to_refuse_a_bomb():
    assert refused(png_header(60_000, 60_000)) == "image_too_large"


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (2**31, 1), (2**32 - 1, 2**32 - 1)])
def test_absurd_sizes(size):
    assert refused(png_header(*size) + PIXELS + END) in {"invalid_image", "image_too_large"}


@pytest.mark.parametrize(("depth", "colour"), [(3, 0), (4, 2), (16, 3), (8, 5)])
def test_kinds_that_do_not_exist(depth, colour):
    assert refused(png_header(9, 9, depth, colour) + PIXELS + END) == "invalid_image"


def test_must_begin_with_its_header():
    assert refused(b"\x89PNG\r\n\x1a\n" + chunk(b"tEXt", bytes(13)) + PIXELS + END) == "invalid_image"


def test_must_hold_pixels():
    assert refused(png_header(9, 9) + END) == "invalid_image"


def test_a_broken_chain():
    assert refused(png_header(9, 9) + PIXELS + bytes(50)) == "invalid_image"


def test_an_endless_chain_ends_soon():
    assert refused(png_header(9, 9) + chunk(b"abCd") * 20_000 + PIXELS + END) == "invalid_image"


def test_the_orientation_may_stand_behind_the_pixels():
    tags = exif(6).tobytes().removeprefix(b"Exif\0\0")
    data = png_header(SIZE.width, SIZE.height) + PIXELS + chunk(b"eXIf", tags) + END

    assert inspect(io.BytesIO(data), max_pixels=SIZE.pixels).orientation == 6


def test_a_broken_orientation_spoils_nothing():
    data = png_header(SIZE.width, SIZE.height) + chunk(b"eXIf", b"II*\0\xff\xff\xff\xff") + PIXELS + END

    assert inspect(io.BytesIO(data), max_pixels=SIZE.pixels).orientation == 1


def found(*between: bytes, colour: int = 2, tail: bytes = b"") -> PictureInfo:
    data = png_header(9, 9, colour=colour) + b"".join(between) + PIXELS + END + tail
    return probe(io.BytesIO(data), max_pixels=81)


@pytest.mark.parametrize("kind", [b"gAMA", b"cHRM", b"sRGB", b"cICP", b"PLTE", b"tRNS", b"pHYs"])
def test_chunks_that_only_tell_how_to_show_it_leave_it_bare(kind):
    assert found(chunk(kind)).bare


@pytest.mark.parametrize(
    "kind", [b"eXIf", b"tEXt", b"iTXt", b"zTXt", b"tIME", b"iCCP", b"acTL", b"caBX", b"prVt", b"zxIf"]
)
def test_every_other_chunk_may_tell_more(kind):
    assert not found(chunk(kind)).bare


def test_what_follows_its_end_may_tell_more():
    assert not found(tail=b"\0").bare


@pytest.mark.parametrize(("colour", "opaque"), [(0, True), (2, True), (3, True), (4, False), (6, False)])
def test_opaque_by_its_colour_type(colour, opaque):
    assert found(colour=colour).opaque == opaque


@pytest.mark.parametrize("colour", [0, 2, 3])
def test_a_transparent_colour_is_transparency(colour):
    assert not found(chunk(b"tRNS"), colour=colour).opaque
