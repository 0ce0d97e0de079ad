import io
import struct

import pytest

from tests.media.probe.test_ifd import LONG, SHORT, entry, ifd
from torana.core.errors import InvalidImage
from torana.media.probe import inspect


def tiff(width: int, height: int, *, offsets: int = 273, at: int = 0, length: int = 8, order: str = "<") -> bytes:
    def long(tag: int, value: int) -> bytes:
        return entry(tag, LONG, 1, struct.pack(f"{order}I", value), order)

    lengths = {273: 279, 324: 325}[offsets]
    return ifd(long(256, width), long(257, height), long(offsets, at), long(lengths, length), order=order)


def refused(data: bytes) -> str | None:
    with pytest.raises(InvalidImage) as caught:
        inspect(io.BytesIO(data), max_pixels=100_000_000)
    return caught.value.code


def test_a_header_is_enough_to_refuse_a_bomb():
    assert refused(tiff(60_000, 60_000)) == "image_too_large"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("offsets", [273, 324], ids=["strips", "tiles"])
def test_strips_and_tiles_must_lie_inside_the_file(order, offsets):
    head = tiff(5, 3, order=order)
    data = tiff(5, 3, offsets=offsets, at=len(head), length=45, order=order) + bytes(45)

    assert str(inspect(io.BytesIO(data), max_pixels=15).stored) == "5x3"
    assert refused(data[:-1]) == "image_parse_error"


def test_a_strip_far_outside():
    assert refused(tiff(5, 3, at=2**32 - 1, length=2**32 - 1)) == "image_parse_error"


@pytest.mark.parametrize(
    "data",
    [
        tiff(0, 3),
        ifd(),
        ifd(entry(256, SHORT, 1, b"\5\0\0\0"), entry(257, SHORT, 1, b"\3\0\0\0")),
    ],
    ids=["no width", "nothing", "no pixels"],
)
def test_malformed(data):
    assert refused(data) == "invalid_image"


def test_a_directory_that_points_at_itself_is_read_once():
    looped = tiff(5, 3)[:-4] + struct.pack("<I", 8)

    assert str(inspect(io.BytesIO(looped), max_pixels=15).stored) == "5x3"
