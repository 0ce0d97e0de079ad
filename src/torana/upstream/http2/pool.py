"""Connections to one address: as few as carry all exchanges with it."""

import asyncio
from collections.abc import Awaitable, Callable

from torana.core.errors import UpstreamError, UpstreamUnreachable
from torana.upstream.http1.places import Places
from torana.upstream.http2.connection import Connection


class Pool:
    """The connections to one address; ``dial`` makes one within seconds."""

    __slots__ = ("_connections", "_dial", "_dialling", "is_of_old", "places")

    def __init__(self, dial: Callable[[float], Awaitable[Connection]], places: Places) -> None:
        self._dial = dial
        self.places = places
        self.is_of_old = False
        """Whether HTTP/2 is not spoken there."""
        self._connections: list[Connection] = []
        self._dialling: asyncio.Task[None] | None = None

    def free(self) -> Connection | None:
        """A connection that has room, and on which no surprise waits; None where there may be none."""
        for connection in self._connections:
            if connection.takes() and (not connection.is_idle or connection.is_silent()):
                return connection
        return None

    async def connection(self, within: float) -> Connection | None:
        """One that has room, made within so many seconds of connecting where it must; None if HTTP/2 is not spoken.

        UpstreamUnreachable.
        """
        await self._tidy()
        while not self.is_of_old:
            connection = self.free()
            if connection is not None:
                return connection
            dialling = self._dialling
            if dialling is None:
                # For all who wait, of whom the first may go.
                dialling = self._dialling = asyncio.create_task(self._make(within))
                dialling.add_done_callback(self._made)
            await asyncio.wait({dialling})
            if dialling.cancelled():
                raise UpstreamUnreachable("The upstream could not be reached.")
            error = dialling.exception()
            if isinstance(error, UpstreamError):
                raise type(error)(error.message) from error.__cause__
            if error is not None:
                raise error
        return None

    async def _tidy(self) -> None:
        """Have idle connections read what waits on them, and let go of those that are of no use."""
        if any(each.is_idle and not each.is_silent() for each in self._connections):
            # The event loop reads in its next turn, and what was read is known in the one after.
            for _ in range(2):
                await asyncio.sleep(0)
            for connection in self._connections:
                if connection.is_idle and not connection.is_silent():
                    connection.drop()
        self._connections = [each for each in self._connections if each.transport is not None]

    async def _make(self, within: float) -> None:
        connection = await self._dial(within)
        if connection.speaks:
            self._connections.append(connection)
        else:
            self.is_of_old = True
            connection.drop()

    def _made(self, dialling: "asyncio.Task[None]") -> None:
        self._dialling = None
        if not dialling.cancelled():
            # Those who waited for it may be gone.
            dialling.exception()

    def close(self) -> None:
        """Drop all connections."""
        if self._dialling is not None:
            self._dialling.cancel()
        for connection in self._connections:
            connection.drop()
        self._connections.clear()
