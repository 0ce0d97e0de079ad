"""JPEG: segments up to the first scan, then an end marker somewhere behind it."""

import re
import struct

from torana.core.content import Size
from torana.media.probe.ifd import EXIF_PREFIX, orientation_of
from torana.media.probe.reader import Header, Reader

_FRAME = struct.Struct(">xHH")  # precision, height, width
_LENGTH = struct.Struct(">H")
_MARKER = re.compile(rb"\xff([^\x00\xff])")
_MARKER_WINDOW = 64
_SEARCH_BLOCK = 65_536

_START_OF_SCAN, _END_OF_IMAGE, _APP1 = 0xDA, 0xD9, 0xE1
_END_MARKER = b"\xff\xd9"
_STARTS_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})


def read(reader: Reader) -> Header:
    """The header of a JPEG that has a frame, a scan and an end."""
    stored, orientation = None, None
    marker, offset = _next_marker(reader, 2)
    while marker != _START_OF_SCAN:
        if marker == _END_OF_IMAGE:
            raise reader.malformed("it ends before its picture begins")
        if marker not in _STANDALONE:
            body, end = _segment(reader, offset)
            if marker in _STARTS_OF_FRAME and stored is None:
                stored = _stored(reader, body)
            elif marker == _APP1 and orientation is None:
                orientation = _orientation(reader, body, end)
            offset = end
        marker, offset = _next_marker(reader, offset)
    if stored is None:
        raise reader.malformed("its picture begins before its size is told")
    if not _ends(reader, offset):
        reader.need(reader.size + 1)
    return Header("jpeg", stored, orientation or 1)


def _next_marker(reader: Reader, offset: int) -> tuple[int, int]:
    """The next marker at or after ``offset``, over fill bytes and strays, and the offset behind it."""
    while True:
        reader.need(offset + 2)
        window = reader.peek(offset, _MARKER_WINDOW)
        if found := _MARKER.search(window):
            return found[1][0], offset + found.end()
        # The last byte may be the first of a marker.
        offset += len(window) - 1


def _segment(reader: Reader, offset: int) -> tuple[int, int]:
    """Where the segment's body begins and ends."""
    (length,) = _LENGTH.unpack(reader.take(offset, _LENGTH.size))
    if length < _LENGTH.size:
        raise reader.malformed("one of its segments is shorter than its own length")
    reader.need(offset + length)
    return offset + _LENGTH.size, offset + length


def _stored(reader: Reader, offset: int) -> Size:
    height, width = _FRAME.unpack(reader.take(offset, _FRAME.size))
    return reader.claim(width, height)


def _orientation(reader: Reader, start: int, end: int) -> int | None:
    """The orientation when the segment is EXIF; APP1 also carries XMP."""
    length = len(EXIF_PREFIX)
    if end - start < length or reader.take(start, length) != EXIF_PREFIX:
        return None
    return orientation_of(reader.within(start + length, end - start - length))


def _ends(reader: Reader, start: int) -> bool:
    """Whether an end marker follows: sought from the back, for that is where it is unless there is a tail."""
    end = reader.size
    while end > start:
        begin = max(start, end - _SEARCH_BLOCK)
        # One byte more, for a marker that lies across two blocks.
        if _END_MARKER in reader.peek(begin, end - begin + 1):
            return True
        end = begin
    return False
