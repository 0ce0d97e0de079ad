"""Notices: a file that one process writes whole, and that others read when it has changed."""

import os
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Notice(Generic[T]):
    """One notice: a value of ``kind``, as JSON, in a file that nobody else may read. It outlives whoever wrote it."""

    def __init__(self, path: Path, kind: type[T]) -> None:
        self._path = path
        self._decoder = msgspec.json.Decoder(kind)
        self._seen: tuple[int, ...] | None = None

    def post(self, value: T, *, lasting: bool = True) -> None:
        """Puts a value in the place of the former one: readers see the one or the other. OSError when that fails.

        One that need not outlast a power cut is not waited for.
        """
        # By one name, which the next one takes over from a process that was killed half way.
        new = self._path.with_name(f".{self._path.name}.new")
        try:
            with open(new, "wb", opener=_private) as file:
                file.write(msgspec.json.encode(value))
                file.flush()
                if lasting:
                    os.fsync(file.fileno())
            new.replace(self._path)
        except OSError:
            new.unlink(missing_ok=True)
            raise

    def news(self) -> T | None:
        """The value, if there is one that was not read yet; ValueError for a file that holds something else."""
        try:
            status = self._path.stat()
            mark = (status.st_mtime_ns, status.st_ino, status.st_size)
            if mark == self._seen:
                return None
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        self._seen = mark
        return self._decoder.decode(data)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
