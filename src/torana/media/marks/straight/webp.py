"""WebP in base64: the mark stands at the end, and the head announces it."""

import io
import struct
from binascii import b2a_base64
from functools import lru_cache

from torana.media.marks import webp
from torana.media.marks.straight.text import Pieces, Seen, length, peek
from torana.media.marks.xmp import SourceType, fresh
from torana.media.probe import inspect
from torana.media.probe.reader import Header

_CHUNK = struct.Struct("<4sI")
_HEAD = struct.Struct("<4sI4s4sI")
_RIFF_HEADER = 8
_FIRST = 12
_TOLD = 10
"""How many bytes of the first chunk tell the size; the extended header has no more."""
_HEADER = _HEAD.size + _TOLD
_MOST_CHUNKS = 100
_SIGNED = b"C2PA"
_PIXELS = frozenset({b"VP8 ", b"VP8L"})
_QUIET = _PIXELS | {b"VP8X", b"ALPH", b"ICCP", _SIGNED}
"""Chunks that neither turn the picture nor can say in XMP how it came to be."""
_REST = b"VP8 \0\0\0\0"
"""What a first chunk needs behind it to be taken for a picture's."""


def look(text: memoryview, max_pixels: int) -> Seen | None:
    """What a WebP says, by its chain of chunks; else None or InvalidImage, or ValueError."""
    size, head = length(text), peek(text, 0, _HEADER)
    if len(head) < _HEADER:
        return None
    riff, filled, name, first, told = _HEAD.unpack_from(head)
    if (riff, name, filled) != (b"RIFF", b"WEBP", size - _RIFF_HEADER):
        return None
    kinds = _kinds(text, size)
    if first == b"VP8X":
        whole = told == _TOLD and kinds <= _QUIET and not kinds.isdisjoint(_PIXELS)
    else:
        whole = told >= _TOLD and kinds == {first} <= _PIXELS
    return Seen(_header(first, head[-_TOLD:], max_pixels), _SIGNED in kinds, size) if whole else None


def put(text: memoryview, seen: Seen, kind: SourceType) -> Pieces:
    """The WebP with the mark, and an extended header."""
    mark = _mark(kind)
    extended, rest = webp.extended(peek(text, 0, _HEADER), seen.header)
    # All of these are multiples of three, with an extended header and without one: the pixels' characters stay.
    filled = _FIRST - _RIFF_HEADER + len(extended) + seen.place - rest + len(mark)
    head = _CHUNK.pack(b"RIFF", filled) + b"WEBP" + extended
    last = seen.place // 3
    tail = peek(text, 3 * last, 3) + mark
    return (
        b2a_base64(head, newline=False),
        text[rest // 3 * 4 : 4 * last],
        b2a_base64(tail, newline=False),
    )


def _kinds(text: memoryview, size: int) -> set[bytes]:
    """The kinds of its chunks; none where they do not end where it does."""
    kinds, start = set[bytes](), _FIRST
    for _ in range(_MOST_CHUNKS):
        if start + _CHUNK.size > size:
            break
        kind, held = _CHUNK.unpack(peek(text, start, _CHUNK.size))
        kinds.add(kind)
        start += _CHUNK.size + held + held % 2
    return kinds if start == size else set()


@lru_cache(256)
def _header(first: bytes, told: bytes, max_pixels: int) -> Header:
    chunks = b"".join((b"WEBP", _CHUNK.pack(first, len(told)), told, _REST))
    return inspect(io.BytesIO(_CHUNK.pack(b"RIFF", len(chunks)) + chunks), max_pixels=max_pixels)


@lru_cache(8)
def _mark(kind: SourceType) -> bytes:
    return webp.chunk(fresh(kind, prefix=webp.PREFIX, overhead=webp.OVERHEAD))
