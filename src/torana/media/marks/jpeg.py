"""XMP in a JPEG: an APP1 segment, behind JFIF's and EXIF's."""

import re
import struct
from collections.abc import Iterator
from typing import Final

from torana.media.marks.xmp import Found
from torana.media.probe.reader import Header

PREFIX: Final = b"http://ns.adobe.com/xap/1.0/\0"
"""What tells XMP from the other things that APP1 is used for."""
OVERHEAD: Final = 4
"""How many bytes stand before a body: the marker, and its length."""
LONGEST: Final = 65_533
"""The most bytes that a body may have."""

_MARKER = re.compile(rb"\xff([^\x00\xff])")
_LENGTH = struct.Struct(">H")
_APP0, _APP1, _APP11, _START_OF_SCAN = 0xE0, 0xE1, 0xEB, 0xDA
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_FIRST = 2


def find(data: bytes) -> Found:
    """What a whole JPEG says of itself before its first scan."""
    signed, leading, packets, place = False, True, list[bytes](), (_FIRST, _FIRST)
    for marker, start, body, end in _segments(data):
        signed |= marker == _APP11 and data.find(b"c2pa", body, end) > 0
        leading &= marker in {_APP0, _APP1}
        if marker == _APP1 and data.startswith(PREFIX, body):
            place = place if packets else (start, end)
            packets.append(data[body:end])
        elif leading and not packets:
            place = (end, end)
    return Found(signed, tuple(packets), *place)


def put(data: bytes, found: Found, body: bytes, _: Header) -> bytes:
    """The JPEG with that XMP."""
    whole = memoryview(data)
    return b"".join((whole[: found.start], segment(body), whole[found.end :]))


def segment(body: bytes) -> bytes:
    """The segment that holds that XMP."""
    return bytes((0xFF, _APP1)) + _LENGTH.pack(_LENGTH.size + len(body)) + body


def _segments(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Every segment's marker, and where it begins, where its body does, and where it ends."""
    end = _FIRST
    while found := _MARKER.search(data, end):
        marker, end = found[1][0], found.end()
        if marker == _START_OF_SCAN:
            return
        if marker not in _STANDALONE:
            body = end + _LENGTH.size
            end += _LENGTH.unpack_from(data, end)[0]
            yield marker, found.start(), body, end
