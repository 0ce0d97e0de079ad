"""Uploads in flight: in memory while small, else in nameless files that are gone whatever happens."""

import io
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self, TypeVar

from torana.core.content import PictureInfo
from torana.storage.files import CHUNK, SharedFile, in_thread

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer  # there for type checkers alone

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spool:
    """Where uploads wait: up to ``memory`` bytes of each in memory, the rest in ``directory``."""

    directory: Path
    memory: int

    def open(self, filename: str) -> "SpooledFile":
        """A new file, empty. Whoever opens it closes it."""
        return SpooledFile(filename, memory=self.memory, disk=SharedFile(partial(_nameless, self.directory)))


class SpooledFile:
    """A file that grows as its bytes arrive and, once finished, is an Upload.

    ``disk`` takes what exceeds ``memory`` bytes. The bytes are gone when it is closed; using it then raises ValueError.
    """

    def __init__(self, filename: str, *, memory: int, disk: SharedFile) -> None:
        self.filename = filename
        self.size = 0
        self._memory = memory
        self._disk = disk
        self._pending = bytearray()
        self._spilled = False
        self._closed = False
        self._info: PictureInfo | None = None

    async def append(self, chunk: bytes) -> None:
        """Adds bytes at the end; WorkFailed when the disk takes no more."""
        self._check_open()
        self._pending += chunk
        self.size += len(chunk)
        if len(self._pending) > self._memory:
            await self._spill()

    async def inspect(self, look: Callable[[BinaryIO], T]) -> T:
        """What ``look`` makes of the bytes so far; it runs in a thread when they are on disk."""
        self._check_open()
        if not self._spilled:
            return look(io.BytesIO(self._pending))
        await self._spill()
        return await in_thread(self._show, look)

    async def finish(self, examine: Callable[[BinaryIO], PictureInfo]) -> None:
        """Ends the growth: from here on this is an Upload with the info that ``examine`` gives."""
        self._info = await self.inspect(examine)

    @property
    def info(self) -> PictureInfo:
        """What its own bytes say it is; known once it is finished."""
        assert self._info is not None, "the file is not finished"
        return self._info

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes from the start, as often as asked, by several readers at once too."""
        self._check_open()
        if self._spilled:
            async for chunk in self._disk.chunks(self.size):
                yield chunk
            return
        for offset in range(0, self.size, CHUNK):
            self._check_open()
            yield bytes(self._pending[offset : offset + CHUNK])

    def close(self) -> None:
        """Frees memory and disk, also when a cancelled write or read is still under way."""
        self._closed = True
        self._pending = bytearray()
        self._disk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _spill(self) -> None:
        pending, self._pending = self._pending, bytearray()
        self._spilled = True
        await in_thread(self._disk.append, pending)

    def _show(self, look: Callable[[BinaryIO], T]) -> T:
        with io.BufferedReader(_Cursor(self._disk, self.size)) as file:
            return look(file)

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("the upload is closed")


class _Cursor(io.RawIOBase):
    """A position of its own in a shared file, for code that wants to seek and read."""

    def __init__(self, file: SharedFile, size: int) -> None:
        self._file = file
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        data = self._file.read(self._position, len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


def _nameless(directory: Path) -> int:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
        return os.dup(file.fileno())
