"""Reads journals, puts each call's beginning and end together, and removes what has been put away."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import msgspec

from torana.core.clock import Clock
from torana.core.ledger import LOST, Closed, Opened, Row
from torana.storage.journal.writing import FILE, LOCK

_PIECE = 1024**2
_LATE = 60.0
"""How long after it must have ended a call whose process lives is given up, in seconds."""
_LOOK = 1.0
"""How often such calls are looked for, in seconds: there may be thousands that go on."""


@dataclass(slots=True)
class _Segment:
    """A file, and how far it has been read."""

    path: Path
    offset: int = 0
    unended: set[str] = field(default_factory=set)
    """Calls that begin in it and are not put away yet."""


@dataclass(slots=True)
class _Run:
    """The files of one process, in their order."""

    name: str
    segments: dict[str, _Segment] = field(default_factory=dict)
    alive: bool = True
    looked: float = -inf
    """When it was last looked for calls that must have ended."""


class _Begun(msgspec.Struct, frozen=True, gc=False):
    opened: Opened
    segment: _Segment
    met: float
    """When it was read, on the clock that never goes back."""


class Reader:
    """All journals of a directory, for one reader; not for two threads at once.

    ``take`` gives finished calls, and the same ones until ``put_away`` says that they are safe elsewhere. A reader that
    is killed is followed by one that reads from the start: what it gives was perhaps given before.
    """

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._decoder = msgspec.json.Decoder(Opened | Closed)
        self._runs: dict[str, _Run] = {}
        self._begun: dict[str, _Begun] = {}
        self._taken: list[Row] = []
        self._ended: list[tuple[str, _Segment]] = []
        self._exhausted = False
        self.spoilt = 0
        """Lines so far that could not be read."""

    @property
    def open_calls(self) -> list[Opened]:
        """Calls that have begun and not ended, as far as was read."""
        return [begun.opened for begun in self._begun.values()]

    @property
    def living(self) -> frozenset[str]:
        """Runs whose process lived when it was last looked for."""
        return frozenset(run.name for run in self._runs.values() if run.alive)

    @property
    def exhausted(self) -> bool:
        """Whether everything was read that there was when ``take`` was last called, and is put away."""
        return self._exhausted and not self._taken

    def take(self, limit: int) -> list[Row]:
        """About so many finished calls at most, or fewer when there are no more; among them those that got lost."""
        if self._taken:
            # What came after them was not looked for.
            self._exhausted = False
            return self._taken
        self._find()
        self._exhausted = True
        for run in self._runs.values():
            for segment in run.segments.values():
                if len(self._taken) >= limit:
                    self._exhausted = False
                    return self._taken
                self._read(segment, limit)
            if len(self._taken) < limit:
                self._give_up(run)
        return self._taken

    def put_away(self) -> None:
        """What was taken last is safe; files of which nothing is needed any more go."""
        for id_, segment in self._ended:
            segment.unended.discard(id_)
        self._ended.clear()
        self._taken = []
        for run in list(self._runs.values()):
            self._remove(run)

    def _find(self) -> None:
        # Whether a process lives is asked before its files are listed: what a dead one wrote is all there then.
        for run in self._runs.values():
            run.alive = run.alive and _is_held(self._directory / f"{run.name}{LOCK}")
        for path in sorted(self._directory.glob(f"[!.]*{LOCK}")):
            if path.stem not in self._runs:
                self._runs[path.stem] = _Run(path.stem, alive=_is_held(path))
        for path in sorted(self._directory.glob(f"[!.]*{FILE}")):
            # One that is met first by a file of its own began just now, or its lock is gone: the next time will tell.
            run = self._runs.setdefault(path.name.partition(".")[0], _Run(path.name.partition(".")[0]))
            run.segments.setdefault(path.name, _Segment(path))

    def _read(self, segment: _Segment, limit: int) -> None:
        for lines in _lines(segment):
            begin = 0
            while begin < len(lines):
                # Each line ends one call at most.
                some = lines[begin : begin + limit - len(self._taken)]
                begin += len(some)
                piece = b"".join(some)
                segment.offset += len(piece)
                self._note(self._decoded(piece, some), segment)
                if len(self._taken) >= limit:
                    self._exhausted = False
                    return

    def _decoded(self, piece: bytes, lines: list[bytes]) -> list[Opened | Closed]:
        with suppress(msgspec.DecodeError):
            entries = self._decoder.decode_lines(piece)
            if len(entries) == len(lines):
                return entries
        found = []
        for line in lines:
            try:
                found.append(self._decoder.decode(line))
            except msgspec.DecodeError:
                self.spoilt += 1
        return found

    def _note(self, entries: list[Opened | Closed], segment: _Segment) -> None:
        begun, end, ticks = self._begun, self._end, self._clock.ticks()
        for entry in entries:
            if isinstance(entry, Closed):
                end(entry)
            elif entry.id not in begun:
                begun[entry.id] = _Begun(entry, segment, ticks)
                segment.unended.add(entry.id)
            else:
                # It was begun again, and may come to another price.
                known = begun[entry.id]
                begun[entry.id] = _Begun(entry, known.segment, known.met)

    def _end(self, closed: Closed) -> None:
        begun = self._begun.pop(closed.id, None)
        if begun is not None:
            self._taken.append(Row(begun.opened, closed))
            self._ended.append((closed.id, begun.segment))

    def _give_up(self, run: _Run) -> None:
        """Ends the calls of a process that cannot: what they may have cost counts as spent."""
        now, ticks = self._clock.now(), self._clock.ticks()
        if run.alive and ticks < run.looked + _LOOK:
            return
        run.looked = ticks
        for id_ in [id_ for segment in run.segments.values() for id_ in segment.unended if id_ in self._begun]:
            begun = self._begun[id_]
            opened = begun.opened
            # Wall clocks are set forward at times, and calls go on all the same.
            if not run.alive or begun.met + max(0.0, opened.expires - opened.at) + _LATE < ticks:
                self._end(Closed(id_, at=now, status=0, error=LOST, charged=opened.reserved))

    def _remove(self, run: _Run) -> None:
        # In their order: the end of a call must not go before its beginning, which would be read as lost.
        for name in [*run.segments][: -1 if run.alive else None]:
            segment = run.segments[name]
            if segment.unended or not _is_read(segment):
                break
            segment.path.unlink(missing_ok=True)
            del run.segments[name]
        if not run.alive and not run.segments:
            (self._directory / f"{run.name}{LOCK}").unlink(missing_ok=True)
            del self._runs[run.name]


def _lines(segment: _Segment) -> Iterator[list[bytes]]:
    """The whole lines behind what was read, a piece at a time; a last one without an end is left for the next time.

    Whoever takes them moves the offset on.
    """
    try:
        file = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        size = _PIECE
        while data := os.pread(file, size, segment.offset):
            end = data.rfind(b"\n") + 1
            if not end and len(data) < size:
                return
            size = _PIECE if end else 2 * size
            if end:
                yield data[:end].splitlines(keepends=True)
    finally:
        os.close(file)


def _is_read(segment: _Segment) -> bool:
    """Whether everything was read up to the end of the last whole line."""
    try:
        with segment.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if segment.offset >= size:
                return True
            file.seek(max(0, size - _PIECE))
            tail = file.read()
    except FileNotFoundError:
        return True
    return segment.offset >= size - len(tail) + tail.rfind(b"\n") + 1


def _is_held(path: Path) -> bool:
    with suppress(FileNotFoundError):
        lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
    return False
