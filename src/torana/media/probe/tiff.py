"""TIFF: a directory of tags, and the strips or tiles that it points to."""

from operator import add

from torana.media.probe.ifd import Directory
from torana.media.probe.reader import Header, Reader

_WIDTH, _HEIGHT = 256, 257
_STRIP_OFFSETS, _STRIP_LENGTHS = 273, 279
_TILE_OFFSETS, _TILE_LENGTHS = 324, 325


def read(reader: Reader) -> Header:
    """The header of a TIFF whose first page lies inside the file."""
    directory = Directory(reader)
    stored = reader.claim(directory.number(_WIDTH), directory.number(_HEIGHT))
    offsets = directory.numbers(_STRIP_OFFSETS) or directory.numbers(_TILE_OFFSETS)
    lengths = directory.numbers(_STRIP_LENGTHS) or directory.numbers(_TILE_LENGTHS)
    if not offsets or not lengths:
        raise reader.malformed("it does not tell where its pixels are")
    reader.need(max(map(add, offsets, lengths)))
    return Header("tiff", stored, directory.orientation)
