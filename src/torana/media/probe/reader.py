"""Reading a picture file at offsets, and the refusals that every format shares."""

import os
from typing import BinaryIO

from msgspec import Struct

from torana.core.content import PictureInfo, Size
from torana.core.errors import InvalidImage

_MAX_READS = 10_000
"""Bounds every loop over a file: 80 MB of PNG in the usual 8 KiB chunks needs as many."""

_MAX_SIDE = 65_535
"""What JPEG, GIF and most tools end at; a longer side is a mistake or an attack."""


class Header(Struct, frozen=True, gc=False):
    """What a picture's header says: its format, its size as stored, and how to turn it to show it.

    ``bare`` and ``opaque`` are those of ``PictureInfo``; a format that is not looked through leaves them False.
    """

    format: str
    stored: Size
    orientation: int = 1
    """EXIF's code, 1 to 8; from 5 on, width and height change places."""
    bare: bool = False
    opaque: bool = False

    @property
    def shown(self) -> Size:
        """The size with the orientation applied."""
        if self.orientation < 5:  # noqa: PLR2004  EXIF's own figure, told above
            return self.stored
        return Size(self.stored.height, self.stored.width)

    @property
    def info(self) -> PictureInfo:
        """What the rest of the house needs to know."""
        return PictureInfo(self.format, self.shown, self.bare, self.opaque)


class Reader:
    """A seekable file, or a part of one, read at offsets: never past its end, never endlessly.

    ``name`` is the format's name for messages, ``max_pixels`` the most that a header may claim.
    """

    __slots__ = ("_file", "_max_pixels", "_name", "_reads_left", "_start", "size")

    def __init__(self, file: BinaryIO, *, name: str, max_pixels: int) -> None:
        self.size = file.seek(0, os.SEEK_END)
        self._file = file
        self._start = 0
        self._name = name
        self._max_pixels = max_pixels
        self._reads_left = _MAX_READS

    def within(self, offset: int, count: int) -> "Reader":
        """The part of ``count`` bytes at ``offset``, as a file of its own; it must be there."""
        self.need(offset + count)
        part = Reader(self._file, name=self._name, max_pixels=self._max_pixels)
        part.size = count
        part._start = self._start + offset
        return part

    def take(self, offset: int, count: int) -> bytes:
        """Exactly ``count`` bytes at ``offset``; InvalidImage when the file stops before."""
        if offset + count > self.size:
            self.need(offset + count)
        return self._read(offset, count)

    def peek(self, offset: int, count: int) -> bytes:
        """At most ``count`` bytes at ``offset``, fewer where the file stops."""
        return self._read(offset, max(0, min(count, self.size - offset)))

    def _read(self, offset: int, count: int) -> bytes:
        if self._reads_left == 0:
            raise self.malformed("it is made of too many small parts")
        self._reads_left -= 1
        self._file.seek(self._start + offset)
        return self._file.read(count)

    def need(self, end: int) -> None:
        """InvalidImage when the file stops before ``end``."""
        if end > self.size:
            raise InvalidImage(
                f"The image is incomplete: the {self._name} file stops part-way, after {self.size:,} bytes. "
                "Send the whole file.",
                code="image_parse_error",
            )

    def claim(self, width: int, height: int) -> Size:
        """The size that a header claims; InvalidImage when it is none, or more than we take."""
        if width < 1 or height < 1:
            raise self.malformed(f"its header claims a size of {width}x{height} pixels")
        size = Size(width, height)
        if size.pixels > self._max_pixels:
            raise InvalidImage(
                f"The image is too large: it claims {size}, that is {size.pixels:,} pixels, "
                f"and the limit is {self._max_pixels:,} pixels.",
                code="image_too_large",
            )
        if max(width, height) > _MAX_SIDE:
            raise self.malformed(f"a side of {max(width, height):,} pixels is longer than {_MAX_SIDE:,}")
        return size

    def malformed(self, why: str) -> InvalidImage:
        """The refusal of a file that breaks its own format's rules; ``why`` ends the sentence."""
        return InvalidImage(f"The image is not a valid {self._name} file: {why}.", code="invalid_image")
