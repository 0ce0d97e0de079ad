"""PNG decoded a band at a time: Pillow, asked for a picture, decodes all of it or nothing."""

import struct
import zlib
from collections.abc import Iterator

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

_SIGNATURE_LENGTH = 8
_CHUNK = struct.Struct(">I4s")
_CHECKSUM_LENGTH = 4
_LAYOUT = struct.Struct(">BB2xB")  # bits of a sample, colour type, whether interlaced
_LAYOUT_OFFSET = 24
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""How many a pixel has, by colour type."""

_CARRIERS = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""Modes with so many bytes to a pixel, in which Pillow hands bytes through as they are."""

_STORED = 0  # zlib's level that packs nothing


def bands(data: bytes, image: PngImageFile, *, rows: int) -> Iterator[Image.Image] | None:
    """The picture from top to bottom, ``rows`` rows at a time, in the mode that Pillow opened it in.

    None when it is interlaced, or has 16 bits for each of several colours. What is raised on the way for damaged data
    is Pillow's, zlib's or a ValueError.
    """
    depth, colour, interlaced = _LAYOUT.unpack_from(data, _LAYOUT_OFFSET)
    bits = depth * _SAMPLES[colour]
    pixel = max(1, bits // 8)
    if interlaced or pixel not in _CARRIERS:
        return None
    return _bands(_Rows(data, (image.width * bits + 7) // 8, pixel), image, rows)


def _bands(source: "_Rows", image: PngImageFile, rows: int) -> Iterator[Image.Image]:
    for top in range(0, image.height, rows):
        count = min(rows, image.height - top)
        band = Image.frombytes(image.mode, (image.width, count), source.take(count), "raw", image.tile[0].args)
        band.info = image.info
        # A copy, because a picture loads its palette but once.
        band.palette = image.palette and image.palette.copy()
        yield band


class _Rows:
    """The bytes of a PNG's rows, unpacked and freed of their filters.

    A filter tells a byte by its neighbours to the left, a pixel away, and above. So Pillow undoes it for any layout
    in a picture that has as many bytes to a pixel, given the row before the first.
    """

    def __init__(self, data: bytes, stride: int, pixel: int) -> None:
        self._data = data
        self._offset = _SIGNATURE_LENGTH
        self._inflate = zlib.decompressobj()
        self._stride = stride
        self._carrier = _CARRIERS[pixel]
        self._width = stride // pixel
        self._above = bytes(stride)

    def take(self, count: int) -> bytes:
        """The next rows; ValueError when there are no more."""
        filtered = b"\0" + self._above + self._unpacked(count * (1 + self._stride))
        size = self._width, 1 + count
        carrier = Image.frombytes(self._carrier, size, zlib.compress(filtered, _STORED), "zip", self._carrier, 0)
        found = carrier.tobytes()[self._stride :]
        self._above = found[-self._stride :]
        return found

    def _unpacked(self, length: int) -> bytes:
        parts = []
        while length:
            packed = self._inflate.unconsumed_tail or self._next_chunk()
            parts.append(self._inflate.decompress(packed, length))
            length -= len(parts[-1])
        return b"".join(parts)

    def _next_chunk(self) -> bytes:
        """The next piece of the packed rows."""
        kind = b""
        while kind != b"IDAT":
            if self._inflate.eof or kind == b"IEND":
                raise ValueError("the rows end early")
            length, kind = _CHUNK.unpack_from(self._data, self._offset)
            start = self._offset + _CHUNK.size
            self._offset = start + length + _CHECKSUM_LENGTH
        return self._data[start : start + length]
