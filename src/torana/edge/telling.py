"""An answer on its way out piece by piece, and signs of life for a client who waits long for the next one."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from torana.core.exchange import Show
from torana.edge.exchange import Exchange

T = TypeVar("T")

_AT_A_STRETCH = 64 * 1024
"""Bytes after which others get their turn, also where upstream and client are so fast that nobody ever waits."""


class Telling:
    """How one exchange's answer is told while it comes.

    Once it has begun, and nothing was sent for ``every`` seconds, ``beat`` is sent between two pieces; never where
    there is no such thing, or ``every`` is 0. A client who takes nothing is sent nothing more.
    """

    def __init__(self, exchange: Exchange, beat: bytes, *, every: float) -> None:
        self._exchange = exchange
        self._beat = beat
        self._every = every if beat else 0.0
        self._headers: Sequence[tuple[str, str]] = ()
        self._begun = asyncio.Event()
        self._turn = asyncio.Lock()
        self._last = 0.0
        self._owed = 0

    def begin(self, headers: Sequence[tuple[str, str]]) -> Show:
        """The way to tell the answer; the headers leave with its first piece."""
        self._headers = headers
        return self._show

    async def during(self, work: Coroutine[Any, Any, T]) -> T:
        """What comes of the work that tells the answer."""
        if not self._every:
            return await work
        beating = asyncio.create_task(self._beat_on())
        try:
            return await work
        finally:
            beating.cancel()
            await asyncio.wait((beating,))

    async def _show(self, piece: bytes) -> None:
        async with self._turn:
            await self._exchange.stream(self._headers, piece)
            self._last = _now()
        self._begun.set()
        self._owed += len(piece)
        if self._owed >= _AT_A_STRETCH:
            self._owed = 0
            await asyncio.sleep(0)

    async def _beat_on(self) -> None:
        await self._begun.wait()
        while True:
            await asyncio.sleep(self._last + self._every - _now())
            async with self._turn:
                # A piece may have gone out while this waited for its turn.
                if _now() - self._last >= self._every:
                    await self._exchange.stream(self._headers, self._beat)
                    self._last = _now()


def _now() -> float:
    return asyncio.get_running_loop().time()
