"""An answer on its way out piece by piece, and signs of life for a client who waits long for the next one."""

import asyncio
from collections.abc import Sequence

from torana.edge.exchange import Exchange

_AT_A_STRETCH = 64 * 1024
"""Bytes after which others get their turn, also where upstream and client are so fast that nobody ever waits."""


class Telling:
    """How one exchange's answer is told while it comes.

    Its headers leave with its first piece. Where nothing was sent for ``every`` seconds after one, ``beat`` is sent
    between two pieces; never where there is no such thing, or ``every`` is 0. A client who takes nothing is sent
    nothing more. Whoever makes it has to ``stop`` it.
    """

    __slots__ = (
        "_beat", "_beating", "_every", "_exchange", "_headers", "_is_sending", "_last", "_loop", "_owed", "_timer",
    )  # fmt: skip

    def __init__(self, exchange: Exchange, headers: Sequence[tuple[str, str]], beat: bytes, *, every: float) -> None:
        self._exchange = exchange
        self._headers = headers
        self._beat = beat
        self._every = every if beat else 0.0
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None
        self._is_sending = False
        self._last = 0.0
        self._owed = 0

    async def show(self, piece: bytes) -> None:
        """Tells the next piece; returns when the client has room for more."""
        while self._beating is not None:
            await asyncio.wait((self._beating,))
        self._is_sending = True
        try:
            await self._exchange.stream(self._headers, piece)
        finally:
            self._is_sending = False
        if self._every:
            self._last = self._loop.time()
            if self._timer is None:
                self._timer = self._loop.call_at(self._last + self._every, self._look)
        self._owed += len(piece)
        if self._owed >= _AT_A_STRETCH:
            self._owed = 0
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """No sign of life from here on."""
        self._every = 0.0
        if self._timer is not None:
            self._timer.cancel()
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait((self._beating,))

    def _look(self) -> None:
        """Whether it is time for a sign. The timer is set anew only here: pieces come more often than signs."""
        now = self._loop.time()
        if self._is_sending:
            self._timer = self._loop.call_at(now + self._every, self._look)
        elif self._last + self._every > now:
            self._timer = self._loop.call_at(self._last + self._every, self._look)
        else:
            self._beating = self._loop.create_task(self._exchange.stream(self._headers, self._beat))
            self._beating.add_done_callback(self._look_again)

    def _look_again(self, _beaten: asyncio.Task[None]) -> None:
        self._beating = self._timer = None
        if self._every:
            self._last = self._loop.time()
            self._timer = self._loop.call_at(self._last + self._every, self._look)
