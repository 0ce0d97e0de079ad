"""Looking at a PNG, and marking it, as base64 has it: its pixels are neither decoded nor copied."""

import io
import struct
from binascii import a2b_base64, b2a_base64
from functools import lru_cache
from typing import NamedTuple

from torana.core.content import Size
from torana.core.errors import InvalidImage
from torana.media.marks import png
from torana.media.marks.xmp import Found, SourceType, stated
from torana.media.probe import probe

_CHUNK = struct.Struct(">I4s")
_OVERHEAD = 12
_HEADER = 33
_HEADER_TEXT = 44
_WINDOW = 16
"""Characters in which eight bytes lie wherever they begin."""
_MOST_CHUNKS = 10_000
_SIGNED = b"caBX"
_QUIET = frozenset({
    *(b"PLTE", b"tRNS", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"cICP", b"sBIT", b"bKGD", b"pHYs"),
    *(b"iCCP", b"tEXt", b"zTXt", b"tIME", b"hIST", b"sPLT", _SIGNED),
})  # fmt: skip
"""Chunks that neither turn the picture nor can say in XMP how it came to be."""
_REST = b"\0\0\0\0IDAT\0\0\0\0\0\0\0\0IEND\0\0\0\0"
"""What a header needs behind it to be taken for a picture's."""


class Seen(NamedTuple):
    """What a whole PNG says of itself."""

    size: Size
    signed: bool
    """Whether it holds a C2PA manifest, which a mark would break."""


def look(text: memoryview, max_pixels: int) -> Seen | None:
    """What a PNG in base64 says, by its chain of chunks; None where it has to be decoded to be understood.

    That is where it is no PNG, is broken, goes on behind its end, is larger than ``max_pixels``, or has chunks that
    must be looked into. What is within chunks, and the checksums, are not looked at.
    """
    try:
        kinds = _kinds(text)
        if kinds is None or b"IDAT" not in kinds:
            return None
        return Seen(_size(a2b_base64(text[:_HEADER_TEXT], strict_mode=True), max_pixels), _SIGNED in kinds)
    except (ValueError, InvalidImage):
        return None


def put(text: memoryview, kind: SourceType) -> tuple[bytes | memoryview, ...]:
    """The PNG with the mark behind its header, in pieces: what follows it stays as it is, character by character."""
    return text[:_HEADER_TEXT], _mark(kind), text[_HEADER_TEXT:]


def _kinds(text: memoryview) -> set[bytes] | None:
    """The kinds of its chunks behind the header; None where they do not end where it does."""
    characters = len(text)
    if characters < _HEADER_TEXT + _WINDOW or characters % 4:
        return None
    size = characters // 4 * 3 - bytes(text[-2:]).count(b"=")
    kinds, kind, start = set[bytes](), b"", _HEADER
    for _ in range(_MOST_CHUNKS):
        if start + _OVERHEAD > size:
            return None
        first = start // 3 * 4
        length, kind = _CHUNK.unpack_from(a2b_base64(text[first : first + _WINDOW], strict_mode=True), start % 3)
        kinds.add(kind)
        start += _OVERHEAD + length
        if kind == b"IEND":
            return kinds if start == size and kinds <= _QUIET else None
    return None


@lru_cache(256)
def _size(header: bytes, max_pixels: int) -> Size:
    return probe(io.BytesIO(header + _REST), max_pixels=max_pixels).size


@lru_cache(8)
def _mark(kind: SourceType) -> bytes:
    body = stated(Found(signed=False, packets=(), start=_HEADER, end=_HEADER), kind, prefix=png.PREFIX)
    assert body is not None, "nothing is said yet"
    return b2a_base64(png.chunk(body), newline=False)
