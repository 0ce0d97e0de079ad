"""Uploads in flight: in memory while there is room, else in nameless files that are gone whatever happens."""

import bisect
import io
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self, TypeVar, cast

from torana.core.content import PictureInfo
from torana.storage.files import CHUNK, SharedFile, in_thread

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer  # there for type checkers alone

T = TypeVar("T")

_OVERHEAD = 64
"""Bytes that a piece takes beside its own: who sends single bytes is not to fill the memory with what holds them."""


_WORTH_A_WRITE = 16 * 1024


class Room:
    """The memory that all uploads in flight share, in bytes.

    Each may hold as much as is left beside it. So a few take what they need, many take even shares, and there is always
    some left for small ones, however many large ones wait.
    """

    __slots__ = ("left",)

    def __init__(self, size: int) -> None:
        self.left = size

    def has(self, held: int) -> bool:
        """Whether one that holds so many bytes may keep them."""
        return held <= self.left


class Spool:
    """Where uploads wait: up to ``memory`` bytes of all together in memory, the rest in ``directory``."""

    __slots__ = ("_room", "directory")

    def __init__(self, directory: Path, memory: int) -> None:
        self.directory = directory
        self._room = Room(memory)

    def open(self, filename: str) -> "SpooledFile":
        """A new file, empty. Whoever opens it closes it."""
        return SpooledFile(filename, room=self._room, disk=SharedFile(partial(_nameless, self.directory)))


class SpooledFile:
    """A file that grows as its bytes arrive and, once finished, is an Upload.

    ``disk`` takes what finds no ``room``. The bytes are gone when it is closed; using it then raises ValueError.
    """

    __slots__ = ("_closed", "_disk", "_held", "_info", "_pieces", "_room", "_spilled", "filename", "size")

    def __init__(self, filename: str, *, room: Room, disk: SharedFile) -> None:
        self.filename = filename
        self.size = 0
        self._room = room
        self._disk = disk
        # As they came: what is never joined is never copied.
        self._pieces: list[bytes] = []
        self._held = 0
        self._spilled = False
        self._closed = False
        self._info: PictureInfo | None = None

    async def append(self, chunk: bytes) -> None:
        """Adds bytes at the end; WorkFailed when the disk takes no more."""
        self._check_open()
        self._pieces.append(chunk)
        self.size += len(chunk)
        self._hold(len(chunk) + _OVERHEAD)
        if not self._room.has(self._held) or (self._spilled and self._held > CHUNK):
            await self._spill(_nothing)

    async def inspect(self, look: Callable[[BinaryIO], T]) -> T:
        """What ``look`` makes of the bytes so far; it runs in a thread when they are on disk."""
        self._check_open()
        if self._spilled:
            return await self._spill(partial(self._show, look))
        pieces = self._pieces
        if len(pieces) == 1:
            return look(io.BytesIO(pieces[0]))
        # Buffered, it would read more than is looked at.
        return look(cast(BinaryIO, _Leafing(pieces)))

    async def finish(self, examine: Callable[[BinaryIO], PictureInfo]) -> None:
        """Ends the growth: from here on this is an Upload with the info that ``examine`` gives."""
        self._info = await self.inspect(examine)

    @property
    def info(self) -> PictureInfo:
        """What its own bytes say it is; known once it is finished."""
        assert self._info is not None, "the file is not finished"
        return self._info

    def at_hand(self) -> Sequence[bytes] | None:
        """All bytes as they came, where all are in memory; None where they are on disk."""
        self._check_open()
        return None if self._spilled else self._pieces

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes from the start, as often as asked, by several readers at once too."""
        self._check_open()
        if self._spilled:
            async for chunk in self._disk.chunks(self.size):
                yield chunk
            return
        for piece in self._pieces:
            yield piece
            self._check_open()

    def close(self) -> None:
        """Frees memory and disk, also when a cancelled write or read is still under way."""
        self._closed = True
        self._pieces = []
        self._hold(-self._held)
        self._disk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _hold(self, more: int) -> None:
        self._held += more
        self._room.left -= more

    async def _spill(self, then: Callable[[], T]) -> T:
        """Write what is in memory to disk, and do something more in the same thread."""
        pieces, self._pieces = self._pieces, []
        held = self._held
        self._spilled = True
        done = await in_thread(self._write, pieces, then)
        # Closing has given back all of it, and may come before this.
        self._hold(-min(held, self._held))
        return done

    def _write(self, pieces: Sequence[bytes], then: Callable[[], T]) -> T:
        for block in _blocks(pieces):
            self._disk.append(block)
        return then()

    def _show(self, look: Callable[[BinaryIO], T]) -> T:
        with io.BufferedReader(_Cursor(self._disk, self.size)) as file:
            return look(file)

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("the upload is closed")


class _Place(io.RawIOBase, ABC):
    """A position of its own in bytes that lie somewhere, for code that wants to seek and read."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._position = 0

    @abstractmethod
    def _between(self, start: int, end: int) -> bytes:
        """The bytes between two offsets that are there."""

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

    def read(self, size: int = -1) -> bytes:
        start, end = self._position, self._size
        if size >= 0:
            end = min(end, start + size)
        if start >= end:
            return b""
        data = self._between(start, end)
        self._position += len(data)
        return data

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)


class _Cursor(_Place):
    """A position in a shared file."""

    def __init__(self, file: SharedFile, size: int) -> None:
        super().__init__(size)
        self._file = file

    def _between(self, start: int, end: int) -> bytes:
        return self._file.read(start, end - start)


class _Leafing(_Place):
    """A position in pieces in memory."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces
        self._ends = list(accumulate(len(piece) for piece in pieces))
        super().__init__(self._ends[-1] if pieces else 0)

    def _between(self, start: int, end: int) -> bytes:
        number = bisect.bisect_right(self._ends, start)
        found: list[bytes] = []
        while start < end:
            piece, upto = self._pieces[number], self._ends[number]
            base = upto - len(piece)
            found.append(piece[start - base : end - base])
            start, number = upto, number + 1
        return b"".join(found)


def _nameless(directory: Path) -> int:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
        return os.dup(file.fileno())


def _blocks(pieces: Sequence[bytes]) -> Iterator[bytes]:
    """The pieces, small ones joined to what is worth a write; large ones are not copied."""
    small: list[bytes] = []
    size = 0
    for piece in pieces:
        if len(piece) < _WORTH_A_WRITE:
            small.append(piece)
            size += len(piece)
            if size < _WORTH_A_WRITE:
                continue
        if small:
            yield b"".join(small)
            small, size = [], 0
        if len(piece) >= _WORTH_A_WRITE:
            yield piece
    if small:
        yield b"".join(small)


def _nothing() -> None:
    """What there is to do after a write, mostly."""
