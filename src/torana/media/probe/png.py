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
    chain = Chain(reader)
    chain.walk(reader)
    return chain.header(reader)


class Chain:
    """A PNG's chunks, as far as one has gone along them."""

    __slots__ = ("_colour", "_kinds", "_orientation", "_stored", "end")

    def __init__(self, reader: Reader) -> None:
        self._stored, self._colour = _stored(reader)
        self._orientation = 1
        self._kinds = {b"IHDR"}
        self.end = _SIGNATURE_LENGTH + _CHUNK_OVERHEAD + _IHDR_LENGTH
        """Where the last chunk ends whose head was read."""

    @property
    def has_pixels(self) -> bool:
        """Whether they have begun."""
        return b"IDAT" in self._kinds

    @property
    def is_bare(self) -> bool:
        """Whether all chunks so far tell nothing but how to show the picture."""
        return self._kinds <= _BARE

    def walk(self, reader: Reader) -> None:
        """Go on to the last chunk."""
        kinds, kind, offset = self._kinds, b"", self.end
        while kind != b"IEND":
            length, kind = _CHUNK.unpack(reader.take(offset, _CHUNK.size))
            if not kind.isalpha():
                raise reader.malformed("its chain of chunks is broken")
            end = offset + _CHUNK_OVERHEAD + length
            if end > reader.size:
                reader.need(end)
            if kind == b"eXIf":
                self._orientation = orientation_of(reader.within(offset + _CHUNK.size, length))
            kinds.add(kind)
            self.end = offset = end
        if not self.has_pixels:
            raise reader.malformed("it holds no pixels")

    def header(self, reader: Reader) -> Header:
        """What it is, if nothing but pixels and the end come after what was read."""
        opaque = self._colour not in _COLOURS_WITH_ALPHA and b"tRNS" not in self._kinds
        bare = self.is_bare and (self.end == reader.size or b"IEND" not in self._kinds)
        return Header("png", self._stored, self._orientation, bare, opaque)


def _stored(reader: Reader) -> tuple[Size, int]:
    """The size and the colour type."""
    length, kind, width, height, depth, colour = _IHDR.unpack(reader.take(_SIGNATURE_LENGTH, _IHDR.size))
    if (length, kind) != (_IHDR_LENGTH, b"IHDR"):
        raise reader.malformed("it does not begin with an IHDR chunk")
    if depth not in _BIT_DEPTHS.get(colour, ()):
        raise reader.malformed(f"colour type {colour} with bit depth {depth} does not exist")
    return reader.claim(width, height), colour
