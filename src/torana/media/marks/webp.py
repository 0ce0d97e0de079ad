"""XMP in a WebP: a chunk at the end, announced by the extended header, which simple files first have to get."""

import struct
from collections.abc import Iterator
from typing import Final

from torana.media.marks.xmp import Found
from torana.media.probe.reader import Header

PREFIX: Final = b""
"""XMP stands bare."""
OVERHEAD: Final = 8
"""How many bytes stand before a body: the chunk's kind, and its length."""
LONGEST: Final = 2**31 - 1
"""The most bytes that a body may have."""

_CHUNK = struct.Struct("<4sI")
_RIFF_HEADER = 8
_FIRST = 12
_EXTENDED_LENGTH = 10
_HAS_XMP, _HAS_ALPHA = 0x04, 0x10


def find(data: bytes) -> Found:
    """What a whole WebP says of itself."""
    riff_end = _riff_end(data)
    signed, packets, place = False, list[bytes](), (riff_end, riff_end)
    for kind, start, body, end in _chunks(data, riff_end):
        signed |= kind == b"C2PA"
        if kind == b"XMP ":
            place = place if packets else (start, min(end + (end - start) % 2, riff_end))
            packets.append(data[body:end])
    return Found(signed, tuple(packets), *place)


def put(data: bytes, found: Found, body: bytes, header: Header) -> bytes:
    """The WebP with that XMP, under an extended header."""
    riff_end, whole = _riff_end(data), memoryview(data)
    announcing, rest = extended(data, header)
    pixels = whole[rest : found.start]
    padding = bytes(len(pixels) % 2)
    chunks = (b"WEBP", announcing, pixels, padding, chunk(body), whole[found.end : riff_end])
    length = sum(map(len, chunks))
    return b"".join((_CHUNK.pack(b"RIFF", length), *chunks, whole[riff_end:]))


def chunk(body: bytes) -> bytes:
    """The chunk that holds that XMP."""
    return _CHUNK.pack(b"XMP ", len(body)) + body + bytes(len(body) % 2)


def extended(data: bytes, header: Header) -> tuple[bytes, int]:
    """The extended header that announces XMP, and where in the data what follows it begins."""
    kind, length = _CHUNK.unpack_from(data, _FIRST)
    body = _FIRST + _CHUNK.size
    if kind == b"VP8X":
        if length < _EXTENDED_LENGTH:
            raise ValueError("a WebP whose extended header is cut short cannot be marked")
        end = body + length + length % 2
        return data[_FIRST:body] + bytes((data[body] | _HAS_XMP,)) + data[body + 1 : end], end
    flags = _HAS_XMP if header.opaque else _HAS_XMP | _HAS_ALPHA
    sides = (side.to_bytes(3, "little") for side in (header.stored.width - 1, header.stored.height - 1))
    return b"".join((_CHUNK.pack(b"VP8X", _EXTENDED_LENGTH), struct.pack("<I", flags), *sides)), _FIRST


def _riff_end(data: bytes) -> int:
    return _RIFF_HEADER + int(_CHUNK.unpack_from(data)[1])


def _chunks(data: bytes, riff_end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Every chunk's kind, and where it begins, where its body does, and where that ends."""
    start = _FIRST
    while start + _CHUNK.size <= riff_end:
        kind, length = _CHUNK.unpack_from(data, start)
        body = start + _CHUNK.size
        yield kind, start, body, body + length
        start = body + length + length % 2
    # The last one's padding is sometimes missing.
    if start not in {riff_end, riff_end + 1}:
        raise ValueError("a WebP whose chunks do not fill it cannot be marked")
