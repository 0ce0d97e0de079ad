"""What is asked of the workers and what they make: a job, its sources, and its result."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import msgspec

_CHUNK_LENGTH = 262_144


class Source(Protocol):
    """A picture on its way to a worker; every ``core.exchange.Upload`` is one."""

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes from the start, as often as asked: a job may be tried twice."""
        ...


@dataclass(frozen=True, slots=True)
class InMemory:
    """A source whose bytes are at hand, such as a picture that an upstream sent."""

    data: bytes

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        return len(self.data)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes, cut small enough for a pipe to take them one by one."""
        for start in range(0, len(self.data), _CHUNK_LENGTH):
            yield self.data[start : start + _CHUNK_LENGTH]


@dataclass(frozen=True, slots=True)
class Job:
    """A call of a function in a worker.

    ``function`` is "package.module:function" and has the signature ``(params: bytes, sources: list[bytes]) -> Made``.
    It gets ``params`` as they are, encoded as it likes, and the sources as whole files.
    """

    function: str
    params: bytes
    sources: tuple[Source, ...] = ()
    caller: str = ""
    """For whom it is done: callers take turns with the workers."""


class Made(msgspec.Struct, frozen=True):
    """What a job's function returns: JSON about the result, and the files made."""

    meta: bytes = b"{}"
    blobs: tuple[bytes, ...] = ()


class Runner(Protocol):
    """Whoever can have a job done: the workers, or places reserved with them."""

    async def run(self, job: Job) -> Made:
        """Do the job; see ``Workers.run``."""
        ...
