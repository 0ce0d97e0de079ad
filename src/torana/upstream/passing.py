"""Passes requests on to a process of our own on this machine, over a socket in a file."""

import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from types import TracebackType

from torana.core.errors import Overloaded, UpstreamError
from torana.core.exchange import Message
from torana.upstream.client import Origin, Timeouts
from torana.upstream.http1.client import HttpClient
from torana.upstream.http1.exchange import Exchange
from torana.upstream.http1.pool import Limits

_LONGEST_PATH = 100
_PLACES = 32
_OFFICE = Origin("http://office")
_ENDLESS = 1 << 62
"""Bytes of a reply: the office is trusted, and what it writes is handed on as it comes."""
# A kept connection may be closing when the next request leaves, and a POST is not to be repeated.
_LIMITS = Limits(patience=5.0, keep=0.0)


class NotThere(Exception):
    """Nobody answers at the socket, or not in time."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A reply on its way back."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes] = field(repr=False)


def within_reach(path: Path) -> tuple[str, int | None]:
    """A socket's path as the kernel takes it, and the directory to close when it is used no more.

    The kernel takes no long paths, and a data directory may lie anywhere.
    """
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        return str(path), None
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return f"/proc/self/fd/{directory}/{path.name}", directory


class Passer:
    """Sends requests to the socket at ``path``; ``within`` seconds are the most that a silence may last.

    It connects when it is first used.
    """

    def __init__(self, path: Path, *, within: float) -> None:
        self._path = path
        self._timeouts = Timeouts(connect=1.0, first_byte=within, total=inf)
        self._reached: str | None = None
        self._directory: int | None = None
        self._client: HttpClient | None = None

    def _socket(self) -> str:
        if self._reached is None:
            self._reached, self._directory = within_reach(self._path)
        return self._reached

    def passed(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> "Passing":
        """The reply to a request for ``target``, a path and perhaps a query, in a block; NotThere."""
        if self._client is None:
            self._client = HttpClient(per_host=_PLACES, limits=_LIMITS, socket=self._socket)
        message = Message(method, target, tuple(headers.items()), (body,) if body else ())
        return Passing(self._client.send(message, _OFFICE, timeouts=self._timeouts, max_reply=_ENDLESS))

    async def close(self) -> None:
        """Drops the connections."""
        if self._client is not None:
            await self._client.close()
        if self._directory is not None:
            os.close(self._directory)
            self._directory = self._reached = None


class Passing:
    """The block in which a reply can be read; NotThere when it breaks off, too."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def __aenter__(self) -> Passed:
        try:
            reply = await self._exchange.__aenter__()
        except (UpstreamError, Overloaded) as error:
            raise NotThere(type(error).__name__) from error
        return Passed(reply.status, reply.headers, reply.chunks())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exchange.__aexit__(kind, error, trace)
        if isinstance(error, UpstreamError):
            raise NotThere(type(error).__name__) from error
