"""JPEG in base64: all it says stands before its first scan, the mark among it, and nothing else changes."""

import io
from binascii import b2a_base64
from functools import lru_cache

from torana.core.errors import InvalidImage
from torana.media.marks import jpeg
from torana.media.marks.straight.text import Pieces, Seen, length, peek
from torana.media.marks.xmp import SourceType, fresh
from torana.media.probe import inspect

_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_USUAL, _LONGEST = 4_096, 98_304
"""Bytes before the first scan: with the usual colour profile, and with a thumbnail, a large profile or a manifest."""


def look(text: memoryview, max_pixels: int) -> Seen | None:
    """What a JPEG says before its first scan; else None, ValueError or InvalidImage."""
    if peek(text, length(text) - len(_END), len(_END)) != _END:
        return None
    head = peek(text, 0, _USUAL)
    try:
        return _remembered(head[: head.find(_SCAN) + len(_SCAN)], max_pixels)
    except InvalidImage:
        return _seen(peek(text, 0, _LONGEST), max_pixels)


def put(text: memoryview, seen: Seen, kind: SourceType) -> Pieces:
    """The JPEG with the mark."""
    first, over = divmod(seen.place, 3)
    group, mark = peek(text, 3 * first, 3), _mark(kind)
    # The mark is a multiple of three: what follows this group stays as it is.
    between = b2a_base64(b"".join((group[:over], mark, group[over:])), newline=False)
    return text[: 4 * first], between, text[4 * first + 4 :]


def _seen(head: bytes, max_pixels: int) -> Seen | None:
    """What the beginning of a JPEG says; None where there is XMP to be added to, InvalidImage without a scan."""
    header, found = inspect(io.BytesIO(head + _END), max_pixels=max_pixels), jpeg.find(head)
    return Seen(header, found.signed, found.start) if found.signed or not found.packets else None


# Pictures of one size from one encoder begin alike. Where that is cut within a segment there is no scan.
_remembered = lru_cache(64)(_seen)


@lru_cache(8)
def _mark(kind: SourceType) -> bytes:
    return jpeg.segment(fresh(kind, prefix=jpeg.PREFIX, overhead=jpeg.OVERHEAD))
