"""PNG in base64: the mark stands behind the header, and nothing else changes."""

import io
import struct
from binascii import b2a_base64
from functools import lru_cache

from torana.media.marks import png
from torana.media.marks.straight.text import Pieces, Seen, length, peek
from torana.media.marks.xmp import SourceType, fresh
from torana.media.probe import inspect
from torana.media.probe.reader import Header

_CHUNK = struct.Struct(">I4s")
_HEADER = 33
_MOST_CHUNKS = 10_000
_SIGNED = b"caBX"
_QUIET = frozenset({
    *(b"PLTE", b"tRNS", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"cICP", b"sBIT", b"bKGD", b"pHYs"),
    *(b"iCCP", b"tEXt", b"zTXt", b"tIME", b"hIST", b"sPLT", _SIGNED),
})  # fmt: skip
"""Chunks that neither turn the picture nor can say in XMP how it came to be."""
_REST = b"\0\0\0\0IDAT\0\0\0\0\0\0\0\0IEND\0\0\0\0"
"""What a header needs behind it to be taken for a picture's."""


def look(text: memoryview, max_pixels: int) -> Seen | None:
    """What a PNG says, by its chain of chunks; else None, ValueError or InvalidImage."""
    kinds = _kinds(text)
    if kinds is None or b"IDAT" not in kinds:
        return None
    return Seen(_header(peek(text, 0, _HEADER), max_pixels), _SIGNED in kinds, _HEADER)


def put(text: memoryview, seen: Seen, kind: SourceType) -> Pieces:
    """The PNG with the mark."""
    # The header is a multiple of three, and so is the mark.
    place = seen.place // 3 * 4
    return text[:place], _mark(kind), text[place:]


def _kinds(text: memoryview) -> set[bytes] | None:
    """The kinds of its chunks behind the header; None where they do not end where it does."""
    size, start = length(text), _HEADER
    kinds = set[bytes]()
    for _ in range(_MOST_CHUNKS):
        if start + png.OVERHEAD > size:
            return None
        held, kind = _CHUNK.unpack(peek(text, start, _CHUNK.size))
        kinds.add(kind)
        start += png.OVERHEAD + held
        if kind == b"IEND":
            return kinds if start == size and kinds <= _QUIET else None
    return None


@lru_cache(256)
def _header(data: bytes, max_pixels: int) -> Header:
    return inspect(io.BytesIO(data + _REST), max_pixels=max_pixels)


@lru_cache(8)
def _mark(kind: SourceType) -> bytes:
    return b2a_base64(png.chunk(fresh(kind, prefix=png.PREFIX, overhead=png.OVERHEAD)), newline=False)
