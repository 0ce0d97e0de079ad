"""Uploads in flight: in memory while there is room, else in nameless files that are gone whatever happens."""

import asyncio
import bisect
import io
import os
import tempfile
from abc import ABC, abstractmethod
from collections import deque
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
_SMALL_PIECE = 1024
"""Bytes of pieces for whose overhead a seat has place."""


class Place(ABC):
    """Memory that uploads may take, in bytes."""

    __slots__ = ("left",)

    def __init__(self, size: int) -> None:
        self.left = size

    @abstractmethod
    def has(self, held: int) -> bool:
        """Whether an upload that holds so many bytes may keep them."""

    @abstractmethod
    def freed(self) -> None:
        """An upload has given back what it held."""


class Room(Place):
    """The memory that all uploads in flight share.

    Each may hold as much as is left beside it. So a few take what they need, many take even shares, and there is always
    some left for small ones, however many large ones wait.

    Who knows what he will bring asks for a seat. If all came in together, each would have brought a share of his bytes
    while nobody is through, and most bytes would go by the disk. So some have their clients wait, in the order in which
    they came and no longer than ``patience`` seconds. A quarter of the room is nobody's seat.
    """

    __slots__ = ("_most", "_patience", "_queue", "_standing")

    def __init__(self, size: int, patience: float = 0.0) -> None:
        super().__init__(size)
        self._patience = patience
        self._standing = size // 4
        self._most = size - self._standing
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    def has(self, held: int) -> bool:
        """Whether one that holds so many bytes may keep them."""
        return held <= self.left

    def freed(self) -> None:
        """There is more left than before: whoever waits for so much gets his seat."""
        while self._queue and self._queue[0][0] <= self.left - self._standing:
            size, turn = self._queue.popleft()
            if not turn.done():
                self.left -= size
                turn.set_result(None)

    async def seat(self, size: int) -> "Seat | None":
        """Memory for ``size`` bytes, to be left by whoever gets it; None where there is none in time."""
        if size <= self.left - self._standing and not self._queue:
            self.left -= size
            return Seat(self, size)
        if not self._patience or size > self._most:
            return None
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asked = (size, turn)
        self._queue.append(asked)
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except TimeoutError:
            # It may have come at that very moment.
            if turn.cancelled():
                return None
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.left += size
            raise
        finally:
            if asked in self._queue:
                self._queue.remove(asked)
            self.freed()
        return Seat(self, size)


class Seat(Place):
    """A part of the room that is one body's alone."""

    __slots__ = ("_room", "_size")

    def __init__(self, room: Room, size: int) -> None:
        super().__init__(size)
        self._room = room
        self._size = size

    def has(self, held: int) -> bool:  # noqa: ARG002 - it is all its own
        """Whether there is place; bytes that come in very small pieces take more of it than their number."""
        return self.left >= 0

    def freed(self) -> None:
        """It stays taken until it is left."""

    def leave(self) -> None:
        """Give it back, with all that its uploads hold."""
        size, self._size = self._size, 0
        self._room.left += size
        self._room.freed()


class Spool:
    """Where uploads wait: up to ``memory`` bytes of all together in memory, the rest in ``directory``.

    ``patience`` is how many seconds a large one waits for memory before it goes by the disk.
    """

    __slots__ = ("_room", "directory")

    def __init__(self, directory: Path, memory: int, patience: float = 0.0) -> None:
        self.directory = directory
        self._room = Room(memory, patience)

    async def seat(self, size: int) -> Seat | None:
        """Memory for a body of ``size`` bytes, which is to be left; None where there is none for it."""
        return await self._room.seat(size + size // _SMALL_PIECE * _OVERHEAD)

    def open(self, filename: str, seat: Seat | None = None) -> "SpooledFile":
        """A new file, empty, of a body that may have a seat. Whoever opens it closes it."""
        return SpooledFile(filename, room=seat or self._room, disk=SharedFile(partial(_nameless, self.directory)))


class SpooledFile:
    """A file that grows as its bytes arrive and, once finished, is an Upload.

    ``disk`` takes what finds no ``room``. The bytes are gone when it is closed; using it then raises ValueError.
    """

    __slots__ = ("_closed", "_disk", "_held", "_info", "_pieces", "_room", "_spilled", "filename", "size")

    def __init__(self, filename: str, *, room: Place, disk: SharedFile) -> None:
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
        return await self._spill(partial(self._show, look)) if self._spilled else self.look(look)

    def look(self, look: Callable[[BinaryIO], T]) -> T:
        """As ``inspect``, at what is in memory: nothing where the bytes are on disk."""
        pieces = self._pieces
        # Buffered, it would read more than is looked at.
        return look(io.BytesIO(pieces[0]) if len(pieces) == 1 else cast(BinaryIO, _Leafing(pieces)))

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
        self._room.freed()
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
        if end <= self._ends[number]:
            # Mostly little is looked at.
            begin = self._ends[number] - len(self._pieces[number])
            return self._pieces[number][start - begin : end - begin]
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
