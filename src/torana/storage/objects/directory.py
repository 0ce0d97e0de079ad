"""Made pictures in a directory that several processes may share."""

import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from torana.core.clock import Clock
from torana.core.errors import WorkFailed
from torana.storage.files import SharedFile, in_thread
from torana.storage.objects.names import new_name, read_name
from torana.storage.objects.port import StoredObject, Swept

_UNFINISHED = ".part"
_LOCK = ".lock"
_COUNT_LENGTH = 20


class _Kept(NamedTuple):
    """What a file's name tells; in order of age, for all pictures are kept equally long."""

    expires: int
    size: int
    file: str

    @property
    def unfinished(self) -> bool:
        """Being written; or left so by a process that was killed, and then it goes when it expires."""
        return self.file.endswith(_UNFINISHED)


class Directory:
    """Keeps pictures until they expire, ``max_total`` bytes in all: beyond it the oldest go first.

    A lock in the directory makes that hold for all processes that share it, at every moment.
    """

    def __init__(self, directory: Path, *, max_total: int, clock: Clock) -> None:
        self._directory = directory
        self._max_total = max_total
        self._clock = clock
        self._swept = Swept()

    async def put(self, data: bytes, *, extension: str, expires: float) -> str:
        """Keeps a picture until ``expires``, in seconds since the Unix epoch; gives its name, which nobody can guess.

        WorkFailed when it is larger than all that may be kept, or the disk takes no more.
        """
        name = new_name(len(data), extension=extension, expires=expires)
        if len(data) > self._max_total:
            raise WorkFailed(
                f"The picture has {len(data):,} bytes, more than the gateway may keep.", code="storage_failed"
            )
        await in_thread(self._put, name, data)
        return name

    async def open(self, name: str) -> StoredObject | None:
        """The picture of that name; None when there is none, or its time is up."""
        told = read_name(name)
        if told is None or told.expires <= self._clock.now():
            return None
        path = self._directory / name
        if not await in_thread(_is_whole, path, told.size):
            return None
        return StoredObject(told.media_type, told.size, told.expires, partial(_chunks, path, told.size))

    async def sweep(self) -> Swept:
        """Removes what expired and, beyond ``max_total``, the oldest; tells what went since the last sweep."""
        return await in_thread(self._sweep)

    async def writable(self) -> bool:
        """Whether the disk takes a file now."""
        try:
            await in_thread(self._try_out)
        except WorkFailed:
            return False
        return True

    def _put(self, name: str, data: bytes) -> None:
        path = self._directory / name
        unfinished = self._directory / f"{name}{_UNFINISHED}"
        with self._locked() as count:
            self._reserve(count, len(data))
            # Its name holds its room from here on, so the lock need not be held while the bytes are written.
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            unfinished.rename(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise

    def _reserve(self, count: int, size: int) -> None:
        """Counts ``size`` more bytes in the lock's file, so that the directory is listed only when it seems to be full.

        The count is never too low: what is removed is taken off by the next listing only.
        """
        text = os.pread(count, _COUNT_LENGTH, 0).strip()
        total = int(text) if text.isdigit() else self._max_total + 1
        if total + size > self._max_total:
            # Some more room than needed, or a full store would be listed at every turn.
            total = self._make_room(size + self._max_total // 16)
        if total + size > self._max_total:
            raise OSError(errno.ENOSPC, "pictures that are being written take all the room")
        _write_count(count, total + size)

    def _sweep(self) -> Swept:
        with self._locked() as count:
            _write_count(count, self._make_room(0))
            swept, self._swept = self._swept, Swept()
        return swept

    def _make_room(self, size: int) -> int:
        """Removes what expired and then, until ``size`` more bytes fit, the oldest; gives the bytes that are left.

        Pictures that are being written count but stay: to take one away would fail the call that made it.
        """
        now = self._clock.now()
        kept = sorted(self._kept())
        total = sum(picture.size for picture in kept)
        for picture in kept:
            expired = picture.expires <= now
            if not expired and (total + size <= self._max_total or picture.unfinished):
                continue
            (self._directory / picture.file).unlink(missing_ok=True)
            total -= picture.size
            self._swept = Swept(self._swept.expired + expired, self._swept.evicted + (not expired))
        return total

    def _kept(self) -> Iterator[_Kept]:
        with os.scandir(self._directory) as found:
            for entry in found:
                if told := read_name(entry.name.removesuffix(_UNFINISHED)):
                    yield _Kept(told.expires, told.size, entry.name)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Holds the lock; gives the descriptor of its file, in which all processes count."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def _try_out(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self._directory, buffering=0) as file:
            file.write(b"\0")


def _write_count(count: int, total: int) -> None:
    os.pwrite(count, f"{total:{_COUNT_LENGTH}}".encode(), 0)


def _is_whole(path: Path, size: int) -> bool:
    """A power cut may leave a file that is shorter than its name says."""
    with suppress(FileNotFoundError):
        status = path.lstat()
        return stat.S_ISREG(status.st_mode) and status.st_size == size
    return False


async def _chunks(path: Path, size: int) -> AsyncGenerator[bytes, None]:
    file = SharedFile(partial(os.open, path, os.O_RDONLY | os.O_NOFOLLOW))
    try:
        async for chunk in file.chunks(size):
            yield chunk
    finally:
        file.close()
