"""Connections to one address: kept while they may be of use, counted, and handed on in the order of asking."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from math import inf

from msgspec import Struct

from torana.core.errors import Overloaded, UpstreamTimeout
from torana.upstream.http1.connection import Connection

_COME_BACK = 1.0
"""Seconds after which it is worth asking again where too many wait."""


class Limits(Struct, frozen=True):
    """How long exchanges wait for a place, and connections for an exchange."""

    waiting: int = 1000
    """Exchanges with one address that wait for a place at most."""
    patience: float = inf
    """The longest wait for a place, in seconds."""
    keep: float = 15.0
    """Seconds that an idle connection is kept: less than most servers keep it, and than firewalls remember it."""


class Pool:
    """The connections to one address, with ``places`` for exchanges.

    ``dial`` makes a connection within seconds; ``forget`` is called when none is left.
    """

    __slots__ = ("_busy", "_dial", "_forget", "_idle", "_limits", "_loop", "_made", "_places", "_queue", "_sweep")

    def __init__(
        self,
        dial: Callable[[float], Awaitable[Connection]],
        places: int,
        limits: Limits,
        forget: Callable[["Pool"], object],
    ) -> None:
        self._dial = dial
        self._places = places
        self._limits = limits
        self._forget = forget
        self._loop = asyncio.get_running_loop()
        self._busy = 0
        self._made: set[Connection] = set()
        self._idle: list[Connection] = []
        self._queue: deque[asyncio.Future[bool]] = deque()
        self._sweep: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """The time on the loop's clock."""
        return self._loop.time()

    def enter(self) -> bool:
        """Take a place, if one is free and nobody waits for it."""
        if self._busy >= self._places or self._queue:
            return False
        self._busy += 1
        return True

    async def wait(self, end: float, total: float) -> None:
        """Take a place in the order of asking, until ``end`` on the loop's clock; Overloaded, UpstreamTimeout."""
        if len(self._queue) >= self._limits.waiting:
            raise Overloaded("Too many calls wait for this upstream.", retry_after=_COME_BACK, reason="upstream_queue")
        turn: asyncio.Future[bool] = self._loop.create_future()
        self._queue.append(turn)
        end = min(end, self._loop.time() + self._limits.patience)
        timer = None if end == inf else self._loop.call_at(end, _give_up, turn)
        try:
            has_place = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self.leave()
            raise
        finally:
            if timer is not None:
                timer.cancel()
            if turn in self._queue:
                self._queue.remove(turn)
        if not has_place:
            within = min(total, self._limits.patience)
            raise UpstreamTimeout(f"The upstream did not answer in full within {within:g} s.")

    def leave(self) -> None:
        """Give a place to whoever has waited longest."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(True)
                return
        self._busy -= 1
        if not (self._idle or self._busy):
            self._forget(self)

    def kept(self) -> Connection | None:
        """A connection on which nothing waits to be read; None where there is none, and it must be made."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if self._loop.time() - connection.idle_since <= self._limits.keep and connection.is_silent():
                return connection
            self._drop(connection)
        return None

    async def made(self, within: float) -> Connection:
        """A new connection; UpstreamUnreachable."""
        connection = await self._dial(within)
        self._made.add(connection)
        return connection

    def give(self, connection: Connection, *, is_well: bool) -> None:
        """Take back a connection, to keep it where all went well and it may be of use."""
        if not is_well or not self._limits.keep or not connection.reusable():
            self._drop(connection)
            return
        connection.idle_since = self._loop.time()
        self._idle.append(connection)
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._limits.keep, self._clear)

    def _drop(self, connection: Connection) -> None:
        self._made.discard(connection)
        connection.drop()

    def _clear(self) -> None:
        """Close what has been idle for long."""
        self._sweep = None
        now, keep = self._loop.time(), self._limits.keep
        old = [connection for connection in self._idle if now - connection.idle_since >= keep]
        self._idle = [connection for connection in self._idle if now - connection.idle_since < keep]
        for connection in old:
            self._drop(connection)
        if self._idle:
            self._sweep = self._loop.call_at(min(each.idle_since for each in self._idle) + keep, self._clear)
        elif not self._busy:
            self._forget(self)

    def close(self) -> None:
        """Drop all connections."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        self._idle.clear()
        for connection in tuple(self._made):
            self._drop(connection)


def _give_up(turn: "asyncio.Future[bool]") -> None:
    if not turn.done():
        turn.set_result(False)
