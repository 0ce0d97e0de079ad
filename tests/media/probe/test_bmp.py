import io
import struct

import pytest

from torana.core.errors import InvalidImage
from torana.media.probe import inspect


def bmp(width: int, height: int, *, depth: int = 24, compression: int = 0, length: int = 0, header: int = 40) -> bytes:
    info = struct.pack("<IiiHHIIiiII", header, width, height, 1, depth, compression, length, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + 40) + info


def refused(data: bytes) -> str | None:
    with pytest.raises(InvalidImage) as caught:
        inspect(io.BytesIO(data), max_pixels=100_000_000)
    return caught.value.code


def told(data: bytes) -> str:
    return str(inspect(io.BytesIO(data), max_pixels=100_000_000).stored)


def test_a_header_is_enough_to_refuse_a_bomb():
    assert refused(bmp(60_000, 60_000)) == "image_too_large"
    assert refused(bmp(60_000, -60_000)) == "image_too_large"


@pytest.mark.parametrize(("depth", "row"), [(1, 4), (4, 4), (8, 8), (16, 12), (24, 16), (32, 20)])
def test_every_row_must_be_there(depth, row):
    data = bmp(5, 3, depth=depth) + bytes(3 * row)

    assert told(data) == "5x3"
    assert refused(data[:-1]) == "image_parse_error"


def test_rows_from_the_top():
    assert told(bmp(5, -3) + bytes(48)) == "5x3"


def test_run_lengths_tell_their_own_length():
    data = bmp(50, 30, depth=8, compression=1, length=10) + bytes(10)

    assert told(data) == "50x30"
    assert refused(data[:-1]) == "image_parse_error"


def test_the_oldest_header():
    assert told(b"BM" + struct.pack("<IHHIIHHHH", 0, 0, 0, 26, 12, 5, 3, 1, 24) + bytes(48)) == "5x3"


@pytest.mark.parametrize(
    "data",
    [bmp(0, 5), bmp(-5, 5), bmp(5, 3, depth=7), bmp(5, 3, header=41)],
    ids=["none", "negative", "depth", "header"],
)
def test_malformed(data):
    assert refused(data + bytes(100)) == "invalid_image"
