"""Taking out of a JPEG what tells where and by whom it was taken, and leaving its picture as it is, byte for byte."""

import io
import struct

from torana.core.content import Size
from torana.core.errors import InvalidImage
from torana.media.probe import inspect

_LENGTH = struct.Struct(">H")
_START, _SCAN, _COMMENT, _ICC, _ADOBE = b"\xff\xd8", 0xDA, 0xFE, 0xE2, 0xEE
_APPLICATION = range(0xE0, 0xF0)
_SRGB_NAMES = (b"sRGB", "sRGB".encode("utf-16-be"))


def stripped(data: bytes, size: Size) -> bytes | None:
    """The same JPEG without its metadata; None where that would change how it looks, or cannot be done for sure.

    That is: one that must be turned, that has colours of another space, or that is not built as usual. ``size`` is the
    picture's, as shown.
    """
    kept = _kept(data)
    if kept is None:
        return None
    try:
        header = inspect(io.BytesIO(kept), max_pixels=size.pixels)
        turned = inspect(io.BytesIO(data), max_pixels=size.pixels).orientation != 1
    except InvalidImage:
        return None
    return kept if header.bare and header.shown == size and not turned else None


def _kept(data: bytes) -> bytes | None:
    """All that decoding needs; None where a segment is met that cannot be judged."""
    pieces = [_START]
    offset = len(_START)
    while data[offset : offset + 1] == b"\xff" and len(data) > offset + 2 * _LENGTH.size:
        marker = data[offset + 1]
        if marker == _SCAN:
            return b"".join([*pieces, data[offset:]])
        (length,) = _LENGTH.unpack_from(data, offset + 2)
        segment = data[offset : offset + 2 + length]
        if marker == _ICC and not any(name in segment for name in _SRGB_NAMES):
            return None
        if marker == _ADOBE or marker not in {*_APPLICATION, _COMMENT}:
            pieces.append(segment)
        offset += 2 + length
    return None
