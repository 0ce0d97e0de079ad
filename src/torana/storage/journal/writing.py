"""Writes the journal: every line goes to the kernel at once, so that what a killed process wrote is there."""

import asyncio
import fcntl
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import msgspec

from torana.core.clock import Clock
from torana.core.ledger import Closed, Opened

FILE = ".journal"
LOCK = ".lock"
SEGMENT = 4 * 1024**2
"""Bytes after which a new file is begun, so that old ones can go; fewer where the journal may not be long."""

_SEGMENTS = 16
"""So many files are room for at least: one that is being written cannot go."""

AGE = 3600.0
"""Seconds after which one is begun in any case, so that what an idle process wrote can go, too."""

_LOOK_AGAIN = 1.0
_LEAST_PAUSE = 1.0
_MOST_LEFT = 8


class JournalFailed(Exception):
    """Nothing was written; the message says why."""


class Journal:
    """One process's journal in a directory that may hold others', ``most`` bytes in all.

    ``sync`` seconds are the most that a power cut may take back; 0 has every line reach the disk before a call goes
    on. OSError when the directory cannot be used at all.
    """

    def __init__(self, directory: Path, clock: Clock, *, most: int, sync: float) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._clock = clock
        self._most = most
        self._segment = min(SEGMENT, most // _SEGMENTS)
        self._sync = sync
        self.run = secrets.token_hex(8)
        """Names this process's files."""
        self._lock = _locked(directory / f"{self.run}{LOCK}")
        self._lines = msgspec.json.Encoder().encode_lines
        self._number = 0
        self._file: int | None = None
        self._length = 0
        self._begun = clock.ticks()
        self._dirty = False
        self._left: list[int] = []
        """Files that are full, and not all of which has reached the disk."""
        self._taken = _size(directory)
        self._looked = clock.ticks()

    @property
    def taken(self) -> int:
        """Bytes that all journals in the directory take, as far as this one knows."""
        return self._taken

    def write(self, *entries: Opened | Closed) -> None:
        """Adds entries, all or none; JournalFailed when there is no room, or the disk does not do it."""
        data = self._lines(entries)
        size = len(data)
        if self._taken + size > self._most:
            self._look_again(size)
        try:
            file = self._file
            if file is None or self._length >= self._segment:
                file = self._begin()
            if os.write(file, data) < size:
                self._leave_half_written()
            if not self._sync:
                os.fdatasync(file)
        except OSError as error:
            raise JournalFailed(f"the journal cannot be written: {error.strerror}") from error
        self._length += size
        self._taken += size
        self._dirty = True

    async def keep(self) -> None:
        """Has what was written reach the disk, and what is old be put by, again and again, until cancelled.

        A failing disk shows in ``write``.
        """
        while True:
            await asyncio.sleep(self._sync or _LEAST_PAUSE)
            files = [os.dup(self._file)] if self._dirty and self._file is not None else []
            files += self._left
            self._dirty, self._left = False, []
            self._dirty = not await asyncio.to_thread(_synced, files) or self._dirty
            self._taken = await asyncio.to_thread(_size, self._directory)
            self._put_by()

    def close(self) -> None:
        """Ends it: whatever is open from now on was lost."""
        self._leave()
        _synced(self._left)
        self._left = []
        os.close(self._lock)

    def _begin(self) -> int:
        """A file that is new."""
        self._leave()
        self._number += 1
        path = self._directory / f"{self.run}.{self._number:08d}{FILE}"
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        self._file, self._begun = file, self._clock.ticks()
        return file

    def _leave_half_written(self) -> NoReturn:
        """What is half written is never written on to: its reader stops at the last whole line."""
        self._leave()
        raise OSError(0, "the disk is full")

    def _leave(self) -> None:
        if self._file is not None:
            self._left.append(self._file)
        if not self._dirty or len(self._left) > _MOST_LEFT:
            _synced(self._left)
            self._left = []
        self._file, self._length, self._dirty = None, 0, False

    def _put_by(self) -> None:
        """Begins a file in the place of one that was begun long ago: readers remove none but those before the last."""
        if self._length and self._clock.ticks() - self._begun >= AGE:
            with suppress(OSError):
                self._begin()

    def _look_again(self, more: int) -> None:
        if self._clock.ticks() - self._looked >= _LOOK_AGAIN:
            self._looked = self._clock.ticks()
            self._taken = _size(self._directory)
        if self._taken + more > self._most:
            raise JournalFailed("the journal is full")


def _locked(path: Path) -> int:
    """A lock that is held from the moment its file can be seen."""
    hidden = path.with_name(f".{path.name}")
    lock = os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    hidden.rename(path)
    return lock


def _size(directory: Path) -> int:
    total = 0
    for path in directory.glob(f"*{FILE}"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def _synced(files: Sequence[int]) -> bool:
    """Closes files of which all has reached the disk; whether that went well with each."""
    well = True
    for file in files:
        try:
            os.fdatasync(file)
        except OSError:
            well = False
        finally:
            os.close(file)
    return well
