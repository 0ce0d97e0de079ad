"""JPEG: segments up to the first scan, then an end marker somewhere behind it."""

import re
import struct

from torana.core.content import Size
from torana.media.probe.ifd import EXIF_PREFIX, orientation_of
from torana.media.probe.reader import Header, Reader

_FRAME = struct.Struct(">xHHB")  # precision, height, width, components
_LENGTH = struct.Struct(">H")
_MARKER = re.compile(rb"\xff([^\x00\xff])")
_MARKER_LENGTH = 2
_MARKER_WINDOW = 64
_SEARCH_BLOCK = 65_536

_START_OF_SCAN, _END_OF_IMAGE, _APP0, _APP1, _APP14 = 0xDA, 0xD9, 0xE0, 0xE1, 0xEE
_HARMLESS = {_APP0: (b"JFIF\0", 16), _APP14: (b"Adobe", 14)}
"""How segments begin that tell only how to show the picture, and how long they are: a longer JFIF has a thumbnail."""
_TABLES = range(0xC0, 0xE0)
"""Frames and what decoding them needs; every other segment may tell anything."""
_CMYK = 4  # components
_END_MARKER = b"\xff\xd9"
_STARTS_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})


def read(reader: Reader) -> Header:
    """The header of a JPEG that has a frame, a scan and an end.

    Whether it is bare is judged by what stands before the first scan and by its ending where its file does.
    """
    stored, orientation = None, None
    marker, offset = _next_marker(reader, _MARKER_LENGTH)
    bare = offset == 2 * _MARKER_LENGTH
    while marker != _START_OF_SCAN:
        if marker == _END_OF_IMAGE:
            raise reader.malformed("it ends before its picture begins")
        if marker not in _STANDALONE:
            body, end = _segment(reader, offset)
            bare &= _is_harmless(reader, marker, body, end)
            if marker in _STARTS_OF_FRAME and stored is None:
                stored, components = _stored(reader, body)
                bare &= components < _CMYK  # not every reader knows what inks look like
            elif marker == _APP1 and orientation is None:
                orientation = _orientation(reader, body, end)
            offset = end
        marker, behind = _next_marker(reader, offset)
        bare &= behind == offset + _MARKER_LENGTH
        offset = behind
    if stored is None:
        raise reader.malformed("its picture begins before its size is told")
    if not _ends(reader, offset):
        reader.need(reader.size + 1)
    bare &= reader.peek(reader.size - len(_END_MARKER), len(_END_MARKER)) == _END_MARKER
    return Header("jpeg", stored, orientation or 1, bare, opaque=True)


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


def _is_harmless(reader: Reader, marker: int, start: int, end: int) -> bool:
    """Whether a segment tells nothing but how to show the picture."""
    if marker in _TABLES:
        return True
    prefix, length = _HARMLESS.get(marker, (b"", 0))
    return end - start + _LENGTH.size == length and reader.take(start, len(prefix)) == prefix


def _stored(reader: Reader, offset: int) -> tuple[Size, int]:
    """The size and the number of components."""
    height, width, components = _FRAME.unpack(reader.take(offset, _FRAME.size))
    return reader.claim(width, height), components


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
