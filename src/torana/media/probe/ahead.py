"""What a picture will be, by its beginning: told only where the rest can hardly make it another."""

import re
from contextlib import suppress
from typing import BinaryIO

from torana.core.content import PictureInfo
from torana.core.errors import InvalidImage
from torana.media.probe import png, webp
from torana.media.probe.reader import Reader

_PNG = re.compile(rb"\x89PNG\r\n\x1a\n")
_WEBP = re.compile(rb"RIFF.{4}WEBP", re.DOTALL)
_HEAD_LENGTH = 12
_HELD = 64
"""Bytes at a picture's end that are told only when it is whole."""


class _NotYetThere(Exception):
    """More must come before that can be read."""


class _Beginning(Reader):
    """A file that will have ``size`` bytes, of which some are there."""

    __slots__ = ()

    def __init__(self, file: BinaryIO, *, name: str, max_pixels: int, size: int) -> None:
        super().__init__(file, name=name, max_pixels=max_pixels)
        self.size = size

    def _read(self, offset: int, count: int) -> bytes:
        data = super()._read(offset, count)
        if len(data) < count:
            raise _NotYetThere
        return data


class Foretold:
    """A picture that tells nothing that it need not, if it goes on as it began: its info, and how far that is sure."""

    __slots__ = ("_chain", "_max_pixels", "_size", "info", "sure")

    def __init__(self, info: PictureInfo, *, size: int, max_pixels: int, chain: png.Chain | None = None) -> None:
        self.info = info
        self.sure = 0
        """Bytes of it that tell nothing but the picture, whether they are there or not."""
        self._size = size
        self._max_pixels = max_pixels
        self._chain = chain
        self._go_as_far_as(size if chain is None else chain.end)

    def look_on(self, file: BinaryIO) -> None:
        """More of it is there; where that tells anything else than was foretold, nothing further is sure."""
        chain = self._chain
        if chain is None or chain.end >= self._size:
            return
        try:
            chain.walk(_Beginning(file, name="PNG", max_pixels=self._max_pixels, size=self._size))
        except _NotYetThere:
            pass
        except InvalidImage:
            # Whoever looks at the whole of it says so.
            self._chain = None
            return
        if chain.is_bare:
            self._go_as_far_as(chain.end)
        else:
            self._chain = None

    def _go_as_far_as(self, end: int) -> None:
        self.sure = max(self.sure, min(end, self._size - _HELD))


def foretell(file: BinaryIO, *, size: int, max_pixels: int) -> Foretold | None:
    """What a picture of ``size`` bytes will be, of which ``file`` is the beginning; None where that is not sure.

    A JPEG's is not: only its end tells whether more stands behind it. Nor that of a picture which says more than it
    shows, or which is not told by its beginning: who waits for the rest will see.
    """
    file.seek(0)
    head = file.read(_HEAD_LENGTH)
    try:
        if _PNG.match(head):
            return _png(_Beginning(file, name="PNG", max_pixels=max_pixels, size=size), max_pixels)
        if _WEBP.match(head):
            header = webp.read(_Beginning(file, name="WebP", max_pixels=max_pixels, size=size))
            return Foretold(header.info, size=size, max_pixels=max_pixels) if header.bare else None
    except (_NotYetThere, InvalidImage):
        pass
    return None


def _png(reader: Reader, max_pixels: int) -> Foretold | None:
    chain = png.Chain(reader)
    with suppress(_NotYetThere):
        chain.walk(reader)
    header = chain.header(reader)
    if not (header.bare and chain.has_pixels):
        return None
    return Foretold(header.info, size=reader.size, max_pixels=max_pixels, chain=chain)
