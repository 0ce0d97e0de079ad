import io
import struct

import pytest

from torana.core.errors import InvalidImage
from torana.media.probe import inspect

END = b";"


def screen(width: int, height: int, flags: int = 0) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", width, height, flags, 0, 0)


def descriptor(left: int, top: int, width: int, height: int, flags: int = 0) -> bytes:
    return b"," + struct.pack("<HHHHB", left, top, width, height, flags)


def blocks(*bodies: bytes) -> bytes:
    return b"".join(bytes((len(body),)) + body for body in bodies) + b"\0"


def told(data: bytes) -> str:
    return str(inspect(io.BytesIO(data), max_pixels=100_000_000).stored)


def refused(data: bytes) -> str | None:
    with pytest.raises(InvalidImage) as caught:
        inspect(io.BytesIO(data), max_pixels=100_000_000)
    return caught.value.code


PIXELS = b"\2" + blocks(b"abc")


def test_a_header_is_enough_to_refuse_a_bomb():
    assert refused(screen(60_000, 60_000)) == "image_too_large"
    assert refused(screen(9, 9) + descriptor(0, 0, 60_000, 60_000)) == "image_too_large"


def test_palettes_and_extensions_are_stepped_over():
    palette = bytes(3 << 3)
    comment = b"!\xfe" + blocks(b"," * 255, b";")
    data = screen(9, 7, 0x82) + palette + comment + descriptor(0, 0, 9, 7, 0x82) + palette + PIXELS

    assert told(data) == "9x7"


def test_the_size_is_widened_to_the_first_frame():
    assert told(screen(9, 7) + descriptor(5, 0, 9, 3) + PIXELS) == "14x7"
    assert told(screen(0, 0) + descriptor(0, 0, 4, 3) + PIXELS) == "4x3"


@pytest.mark.parametrize(
    "bodies",
    [
        [b"a" * 255] * 400 + [b"b" * 9],
        [b"a" * 254] * 400,
        [b"ab", b"c"] * 300,
        [b"\2" * 2] * 5000 + [b"x"],
    ],
    ids=["full", "nearly full", "uneven", "small"],
)
def test_the_first_frame_must_be_whole(bodies):
    data = screen(9, 7) + descriptor(0, 0, 9, 7) + b"\2" + blocks(*bodies)

    assert told(data) == "9x7"
    for cut in (1, 2, 100):
        assert refused(data[:-cut]) == "image_parse_error"


def test_later_frames_and_the_trailer_need_not_be():
    assert told(screen(9, 7) + descriptor(0, 0, 9, 7) + PIXELS + b"!\xf9\4") == "9x7"


def test_no_picture():
    assert refused(screen(9, 7) + END) == "invalid_image"


@pytest.mark.parametrize(
    "data",
    [
        screen(9, 7) + bytes(50_000),
        screen(9, 7) + b"!\xfe\0" * 50_000,
        screen(9, 7) + descriptor(0, 0, 9, 7) + b"\2" + b"\1a\2aa" * 50_000,
    ],
    ids=["strays", "extensions", "blocks"],
)
def test_endless_parts_end_soon(data):
    assert refused(data + END) == "invalid_image"
