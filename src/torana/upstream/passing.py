"""Passes requests on to a process of our own on this machine, over a socket in a file."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from yarl import URL

_PIECE = 64 * 1024
_LONGEST_PATH = 100
_PLACES = 32
_PATIENCE = 5.0
"""Seconds to wait for a place."""


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
        self._within = within
        self._directory: int | None = None
        self._session: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # A kept connection may be closing when the next request leaves, and a POST is not to be repeated.
                connector=aiohttp.UnixConnector(path=self._reached(), limit=_PLACES, force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Content-Type", "User-Agent"),
                timeout=aiohttp.ClientTimeout(total=None, connect=_PATIENCE, sock_connect=1, sock_read=self._within),
            )
        return self._session

    def _reached(self) -> str:
        place, self._directory = within_reach(self._path)
        return place

    @asynccontextmanager
    async def passed(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> AsyncIterator[Passed]:
        """The reply to a request for ``target``, a path and perhaps a query; NotThere."""
        try:
            async with self._opened().request(
                method,
                URL(f"http://office{target}", encoded=True),
                headers=headers,
                data=body or None,
                allow_redirects=False,
            ) as reply:
                known = {name.lower(): value for name, value in reply.headers.items()}
                yield Passed(reply.status, known, reply.content.iter_chunked(_PIECE))
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise NotThere(type(error).__name__) from error

    async def close(self) -> None:
        """Drops the connections."""
        if self._session is not None:
            await self._session.close()
        if self._directory is not None:
            os.close(self._directory)
            self._directory = None
