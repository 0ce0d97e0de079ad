import io
import struct

import pytest

from torana.core.errors import InvalidImage
from torana.media.probe.ifd import Directory, orientation_of
from torana.media.probe.reader import Reader

BYTE, ASCII, SHORT, LONG = 1, 2, 3, 4


def reader(data: bytes) -> Reader:
    return Reader(io.BytesIO(data), name="TIFF", max_pixels=100)


def ifd(*entries: bytes, order: str = "<") -> bytes:
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(f"{order}IH", 8, len(entries)) + b"".join(entries) + bytes(4)


def entry(tag: int, kind: int, count: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}HHI4s", tag, kind, count, value)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "code"), [(BYTE, "B"), (SHORT, "H"), (LONG, "I")])
def test_numbers_of_every_width(order, kind, code):
    data = ifd(entry(7, kind, 1, struct.pack(f"{order}{code}", 200), order), order=order)

    assert Directory(reader(data)).numbers(7) == (200,)


def test_numbers_that_lie_elsewhere():
    data = ifd(entry(7, LONG, 3, struct.pack("<I", 26))) + struct.pack("<III", 1, 2, 70_000)

    assert Directory(reader(data)).numbers(7) == (1, 2, 70_000)
    with pytest.raises(InvalidImage):
        Directory(reader(data[:-1])).numbers(7)


def test_what_holds_no_numbers():
    directory = Directory(reader(ifd(entry(7, ASCII, 2, b"ab\0\0"), entry(8, SHORT, 0, bytes(4)))))

    assert directory.numbers(7) == directory.numbers(8) == directory.numbers(9) == ()
    assert directory.number(9) == 0


def test_absurdly_many_numbers():
    with pytest.raises(InvalidImage) as caught:
        Directory(reader(ifd(entry(7, LONG, 2**32 - 1, bytes(4))))).numbers(7)
    assert caught.value.code == "invalid_image"


@pytest.mark.parametrize("code", [0, 9, 65_535])
def test_an_orientation_that_makes_no_sense(code):
    assert orientation_of(reader(ifd(entry(274, SHORT, 1, struct.pack("<H", code))))) == 1


@pytest.mark.parametrize(
    "data",
    [b"", b"II*\0", b"XX*\0\x08\0\0\0", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff", b"II*\0\0\0\0\0"],
    ids=["empty", "short", "foreign", "outside", "too long", "pointing at itself"],
)
def test_broken_exif_tells_no_orientation(data):
    assert orientation_of(reader(data)) == 1
