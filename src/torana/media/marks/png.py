"""XMP in a PNG: an iTXt chunk, behind the header."""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from torana.media.marks.xmp import Found
from torana.media.probe.reader import Header

_KEYWORD = b"XML:com.adobe.xmp\0"
PREFIX: Final = _KEYWORD + bytes(4)
"""The keyword, then: not compressed, no language, no translated keyword."""
OVERHEAD: Final = 12
"""How many bytes stand around a body: its length, the chunk's kind, and a checksum."""
LONGEST: Final = 2**31 - 1
"""The most bytes that a body may have."""

_CHUNK = struct.Struct(">I4s")
_CHECKSUM_LENGTH = 4
_FIRST = 8
_BEHIND_HEADER = 33


def find(data: bytes) -> Found:
    """What a whole PNG says of itself."""
    signed, packets, place = False, list[bytes](), (_BEHIND_HEADER, _BEHIND_HEADER)
    for kind, start, end in _chunks(data):
        body = start + _CHUNK.size
        signed |= kind == b"caBX"
        if kind == b"iTXt" and data.startswith(_KEYWORD, body):
            place = place if packets else (start, end)
            packets.append(data[body : end - _CHECKSUM_LENGTH])
    return Found(signed, tuple(packets), *place)


def put(data: bytes, found: Found, body: bytes, _: Header) -> bytes:
    """The PNG with that XMP."""
    whole = memoryview(data)
    return b"".join((whole[: found.start], chunk(body), whole[found.end :]))


def chunk(body: bytes) -> bytes:
    """The chunk that holds that XMP."""
    checksum = zlib.crc32(body, zlib.crc32(b"iTXt")).to_bytes(_CHECKSUM_LENGTH)
    return b"".join((_CHUNK.pack(len(body), b"iTXt"), body, checksum))


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Every chunk's kind, and where it begins and ends."""
    end, kind = _FIRST, b""
    while kind != b"IEND":
        start = end
        length, kind = _CHUNK.unpack_from(data, start)
        end = start + _CHUNK.size + length + _CHECKSUM_LENGTH
        yield kind, start, end
