"""A picture that is on its way in and may already be read, as far as it is known to be what was foretold."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Literal

from torana.core.content import PictureInfo
from torana.core.exchange import Misled
from torana.media.probe.ahead import Foretold
from torana.storage.spool import SpooledFile


class Arriving:
    """An Upload of which the rest comes while it is read; Misled for its readers where that is not as foretold.

    Its bytes are given as they come. The last of them are kept back until it is whole and known to be right, so that
    nobody ever has all of one that is not.
    """

    __slots__ = ("_file", "_foretold", "_more", "_state", "size")

    def __init__(self, file: SpooledFile, size: int, foretold: Foretold) -> None:
        self.size = size
        self._file = file
        self._foretold = foretold
        self._state: Literal["coming", "here", "misleading"] = "coming"
        self._more = asyncio.Event()

    @property
    def filename(self) -> str:
        """The client's name for it."""
        return self._file.filename

    @property
    def info(self) -> PictureInfo:
        """What its beginning says that it is."""
        return self._foretold.info

    @property
    def is_misleading(self) -> bool:
        """Whether it is no more what was foretold."""
        return self._state == "misleading"

    def at_hand(self) -> Sequence[bytes] | None:
        """All bytes as they lie in memory; None while some are still to come."""
        return self._file.at_hand() if self._state == "here" else None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes from the start, as often as asked, by several readers at once too."""
        number = within = given = 0
        while given < self.size:
            sure = await self._sure_beyond(given)
            pieces = self._file.at_hand() or ()
            while given < sure:
                piece = pieces[number]
                chunk = piece[within : within + sure - given]
                given += len(chunk)
                within += len(chunk)
                if within == len(piece):
                    number, within = number + 1, 0
                yield chunk

    async def whole(self) -> None:
        """Returns when it is here."""
        await self._sure_beyond(self.size - 1)

    def grown(self) -> None:
        """More of it has come."""
        if self._state == "coming":
            if self._file.at_hand() is not None:
                self._file.look(self._foretold.look_on)
            self._tell()

    def end(self) -> None:
        """All has come, of it and of what it came with."""
        if self._state == "coming":
            is_as_foretold = self._file.size == self.size and self._file.info == self._foretold.info
            self._state = "here" if is_as_foretold else "misleading"
            self._tell()

    def mislead(self) -> None:
        """It is not what was foretold, or is not wanted as that any more."""
        if self._state == "coming":
            self._state = "misleading"
            self._tell()

    async def _sure_beyond(self, given: int) -> int:
        """How many bytes are there that may be read, more than were given already."""
        while True:
            if self._file.at_hand() is None:
                # It has gone to the disk, where no two can write and read at once.
                self._state = "misleading"
            if self._state == "misleading":
                raise Misled
            sure = self.size if self._state == "here" else min(self._foretold.sure, self._file.size)
            if sure > given:
                return sure
            await self._more.wait()

    def _tell(self) -> None:
        more, self._more = self._more, asyncio.Event()
        more.set()
