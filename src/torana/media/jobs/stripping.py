"""Taking out of a JPEG what tells where and by whom it was taken, and leaving its picture as it is, byte for byte."""

import io
import re
import struct

from torana.core.content import Size
from torana.core.errors import InvalidImage
from torana.media.probe import inspect

_LENGTH = struct.Struct(">H")
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""What ends the data of a scan."""
_START, _END, _SCAN, _COMMENT, _ICC, _ADOBE = b"\xff\xd8", 0xD9, 0xDA, 0xFE, 0xE2, 0xEE
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
    """All that decoding needs; None where a segment is met that cannot be judged.

    What follows the end is dropped: some cameras put whole pictures there, with metadata of their own.
    """
    pieces = [_START]
    offset = len(_START)
    while found := _MARKER.match(data, offset):
        marker = found[0][1]
        if marker == _END:
            return b"".join([*pieces, found[0]])
        end = _segment_end(data, offset)
        if end is None:
            return None
        if marker == _ICC and not any(name in data[offset:end] for name in _SRGB_NAMES):
            return None
        if marker == _ADOBE or marker not in {*_APPLICATION, _COMMENT}:
            pieces.append(data[offset:end])
        offset = end
    return None


def _segment_end(data: bytes, offset: int) -> int | None:
    """Where the segment ends, with the data of the scan if it begins one; None where that is not to be seen."""
    length = data[offset + 2 : offset + 2 + _LENGTH.size]
    if len(length) < _LENGTH.size:
        return None
    end = offset + 2 + int(_LENGTH.unpack(length)[0])
    if data[offset + 1] != _SCAN:
        return end
    behind = _MARKER.search(data, end)
    return behind.start() if behind else None
