"""GIF: a screen, extensions, and frames made of sub-blocks; the first frame must be whole."""

import struct

from torana.media.probe.reader import Header, Reader

_SCREEN = struct.Struct("<6xHHB2x")
_FRAME = struct.Struct("<HHHHB")
_BLOCK_WINDOW = 4_096


def read(reader: Reader) -> Header:
    """The header of a GIF whose first frame lies inside the file.

    The size is the screen's, widened where the first frame stands out of it, as decoders do.
    """
    width, height, flags = _SCREEN.unpack(reader.take(0, _SCREEN.size))
    if width and height:
        reader.claim(width, height)
    offset = _first_frame(reader, _SCREEN.size + _palette(flags))
    left, top, frame_width, frame_height, flags = _FRAME.unpack(reader.take(offset, _FRAME.size))
    stored = reader.claim(max(width, left + frame_width), max(height, top + frame_height))
    pixels = offset + _FRAME.size + _palette(flags) + 1  # a byte tells the code size
    _past_blocks(reader, pixels)
    return Header("gif", stored)


def _palette(flags: int) -> int:
    """How many bytes of palette follow."""
    return 3 << (flags % 8 + 1) if flags & 0x80 else 0


def _first_frame(reader: Reader, offset: int) -> int:
    """Where the first frame's descriptor begins, over extensions and stray bytes."""
    while (kind := reader.take(offset, 1)) != b",":
        if kind == b";":
            raise reader.malformed("it holds no picture")
        offset = _past_blocks(reader, offset + 2) if kind == b"!" else offset + 1
    return offset + 1


def _past_blocks(reader: Reader, offset: int) -> int:
    """The offset behind a chain of sub-blocks.

    Encoders make all of them equally long but the last, so a run of equal lengths is one step: large frames take
    no longer than small ones.
    """
    while window := reader.peek(offset, _BLOCK_WINDOW):
        length = window[0]
        if length == 0:
            return offset + 1
        lengths = window[:: length + 1]
        run = len(lengths) - len(lengths.lstrip(window[:1]))
        offset += run * (length + 1)
    reader.need(offset + 1)
    return offset
