"""PNG: a signature and a chain of chunks, from IHDR to IEND."""

import struct

from torana.core.content import Size
from torana.media.probe.ifd import orientation_of
from torana.media.probe.reader import Header, Reader

_CHUNK = struct.Struct(">I4s")
_IHDR = struct.Struct(">I4sIIBB")
_IHDR_LENGTH = 13
_SIGNATURE_LENGTH = 8
_CHUNK_OVERHEAD = 12  # length, kind and checksum
_BARE = {
    *(b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"),
    *(b"gAMA", b"cHRM", b"sRGB", b"cICP", b"sBIT", b"bKGD", b"pHYs"),
}
"""The chunks that tell nothing but how to show the picture. A colour profile may name a device, so it is not here."""
_COLOURS_WITH_ALPHA = (4, 6)
_BIT_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # by colour type


def read(reader: Reader) -> Header:
    """The header of a PNG whose chunks all lie inside the file."""
    stored, colour = _stored(reader)
    orientation, kinds, kind = 1, {b"IHDR"}, b"IHDR"
    offset = _SIGNATURE_LENGTH + _CHUNK_OVERHEAD + _IHDR_LENGTH
    while kind != b"IEND":
        length, kind = _CHUNK.unpack(reader.take(offset, _CHUNK.size))
        if not kind.isalpha():
            raise reader.malformed("its chain of chunks is broken")
        end = offset + _CHUNK_OVERHEAD + length
        if end > reader.size:
            reader.need(end)
        if kind == b"eXIf":
            orientation = orientation_of(reader.within(offset + _CHUNK.size, length))
        kinds.add(kind)
        offset = end
    if b"IDAT" not in kinds:
        raise reader.malformed("it holds no pixels")
    bare = kinds <= _BARE and offset == reader.size
    opaque = colour not in _COLOURS_WITH_ALPHA and b"tRNS" not in kinds
    return Header("png", stored, orientation, bare, opaque)


def _stored(reader: Reader) -> tuple[Size, int]:
    """The size and the colour type."""
    length, kind, width, height, depth, colour = _IHDR.unpack(reader.take(_SIGNATURE_LENGTH, _IHDR.size))
    if (length, kind) != (_IHDR_LENGTH, b"IHDR"):
        raise reader.malformed("it does not begin with an IHDR chunk")
    if depth not in _BIT_DEPTHS.get(colour, ()):
        raise reader.malformed(f"colour type {colour} with bit depth {depth} does not exist")
    return reader.claim(width, height), colour
