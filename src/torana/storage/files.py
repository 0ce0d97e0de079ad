"""Files used from threads, so that the event loop never waits for a disk."""

import asyncio
import errno
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from torana.core.errors import WorkFailed

P = ParamSpec("P")
T = TypeVar("T")

CHUNK = 256 * 1024
"""Bytes of one read: a thread's round trip costs as much as reading some tens of KiB."""


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs work on files in a thread; an OSError becomes WorkFailed, which tells the caller nothing of our inside."""
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except OSError as error:
        raise WorkFailed(
            "The gateway's storage failed. Try again in a moment.",
            code="storage_failed",
            reason=errno.errorcode.get(error.errno or 0),
        ) from error


class SharedFile:
    """A file that threads use while its owner may close it at any moment.

    A thread cannot be stopped: when a call is cancelled, its read or write goes on. So the descriptor closes with the
    last that uses it, and never under one, which might then write into whatever file got the same number.

    ``opener`` gives the descriptor. The first use calls it, so nothing is opened that is not needed; no other use may
    begin before that one ends.
    """

    def __init__(self, opener: Callable[[], int]) -> None:
        self._opener = opener
        self._descriptor: int | None = None
        self._holders = 1
        self._closed = False
        self._lock = threading.Lock()

    def append(self, data: bytes | bytearray) -> None:
        """Writes all of ``data`` behind what was written before; for one thread at a time."""
        with self._held() as descriptor:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]

    def read(self, offset: int, size: int) -> bytes:
        """``size`` bytes from ``offset``, fewer where the file ends."""
        with self._held() as descriptor:
            return os.pread(descriptor, size, offset)

    async def chunks(self, size: int) -> AsyncIterator[bytes]:
        """The first ``size`` bytes, read piece by piece in threads."""
        for offset in range(0, size, CHUNK):
            yield await in_thread(self.read, offset, min(CHUNK, size - offset))

    def close(self) -> None:
        """Ends the owner's hold; every later use raises ValueError. To be called in the event loop.

        Freeing the blocks of a large file takes milliseconds, so the descriptor itself is closed in a thread.
        """
        if self._closed:
            return
        self._closed = True
        if self._descriptor is None:
            self._release()
        else:
            asyncio.get_running_loop().run_in_executor(None, self._release)

    @contextmanager
    def _held(self) -> Iterator[int]:
        with self._lock:
            if self._closed:
                raise ValueError("the file is closed")
            self._holders += 1
        try:
            if self._descriptor is None:
                self._descriptor = self._opener()
            yield self._descriptor
        finally:
            self._release()

    def _release(self) -> None:
        with self._lock:
            self._holders -= 1
            if self._holders == 0 and self._descriptor is not None:
                os.close(self._descriptor)
