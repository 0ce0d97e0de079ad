"""Responses in a directory that several processes may share."""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from torana.core.clock import Clock
from torana.storage.files import in_thread
from torana.storage.objects.port import Swept
from torana.storage.responses.port import NAME

_LOCK = ".lock"
_COUNT_LENGTH = 20
_FOLDER = 2
"""Digits of a name that say in which folder it is: one folder with all would be slow to list."""
_UNFINISHED = ".part"
_UNFINISHED_SECONDS = 3600.0
_SLACK = 16
"""A full store makes room for this share of it at once, or it would be listed at every turn."""


class _File(NamedTuple):
    expires: float
    size: int
    path: Path


class Directory:
    """Keeps responses for ``ttl`` seconds, ``max_total`` bytes in all: beyond it the oldest go first.

    A file's time of change is when it expires. A lock makes the bound hold for all processes that share the directory.
    """

    def __init__(self, directory: Path, *, ttl: float, max_total: int, clock: Clock) -> None:
        self._directory = directory
        self._ttl = ttl
        self._max_total = max_total
        self._clock = clock
        self._evicted = 0

    async def put(self, name: str, data: bytes) -> None:
        """Keeps a document, in place of what was under that name."""
        await in_thread(self._put, self._path(name), data)

    async def get(self, name: str) -> bytes | None:
        """The document of that name; None when there is none, or its time is up."""
        return await in_thread(self._get, self._path(name))

    async def remove(self, name: str) -> None:
        """Forgets a document; nothing when there is none."""
        await in_thread(self._path(name).unlink, missing_ok=True)

    async def sweep(self) -> Swept:
        """Removes what expired and, beyond ``max_total``, the oldest; tells what went since the last sweep."""
        return await in_thread(self._sweep)

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a response")
        return self._directory / name[:_FOLDER] / name

    def _put(self, path: Path, data: bytes) -> None:
        with self._locked() as count:
            self._reserve(count, len(data))
        path.parent.mkdir(mode=0o700, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}{_UNFINISHED}")
        expires = self._clock.now() + self._ttl
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            os.utime(unfinished, (expires, expires))
            unfinished.rename(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise

    def _get(self, path: Path) -> bytes | None:
        with suppress(FileNotFoundError), path.open("rb") as file:
            if os.fstat(file.fileno()).st_mtime > self._clock.now():
                return file.read()
        return None

    def _reserve(self, count: int, size: int) -> None:
        """Counts so many more bytes. The count is never too low: what goes is taken off by the next listing only."""
        text = os.pread(count, _COUNT_LENGTH, 0).strip()
        total = int(text) if text.isdigit() else self._max_total + 1
        if total + size > self._max_total:
            total, _ = self._make_room(size + self._max_total // _SLACK)
        if total + size > self._max_total:
            raise OSError(errno.ENOSPC, "a response has more bytes than all that may be kept")
        _write_count(count, total + size)

    def _sweep(self) -> Swept:
        if not self._directory.exists():
            return Swept()
        with self._locked() as count:
            total, expired = self._make_room(0)
            _write_count(count, total)
            evicted, self._evicted = self._evicted, 0
        return Swept(expired, evicted)

    def _make_room(self, size: int) -> tuple[int, int]:
        """Removes what expired and then, until so many bytes fit, the oldest; the bytes left, and how many expired."""
        now = self._clock.now()
        kept = sorted(self._kept())
        total, gone = sum(file.size for file in kept), 0
        for file in kept:
            expired = file.expires <= now
            if not expired and total + size <= self._max_total:
                break
            file.path.unlink(missing_ok=True)
            total -= file.size
            gone += expired
            self._evicted += not expired
        return total, gone

    def _kept(self) -> Iterator[_File]:
        for folder in self._directory.iterdir():
            if folder.is_dir():
                yield from _files(folder)

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


def _files(folder: Path) -> Iterator[_File]:
    with os.scandir(folder) as found:
        for entry in found:
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                # One that is being written has its time yet to be set; or a process that was killed has left it.
                grace = _UNFINISHED_SECONDS if entry.name.endswith(_UNFINISHED) else 0.0
                yield _File(status.st_mtime + grace, status.st_size, Path(entry.path))


def _write_count(count: int, total: int) -> None:
    os.pwrite(count, f"{total:{_COUNT_LENGTH}}".encode(), 0)
