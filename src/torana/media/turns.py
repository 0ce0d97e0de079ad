"""Taking turns: a line in which those who came first are served first."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

from torana.core.errors import WorkFailed

T = TypeVar("T")


class Line(Generic[T]):
    """Those who wait, and the idle things that they wait for; never both at once."""

    def __init__(self) -> None:
        self._idle: list[T] = []
        self._waiting: deque[asyncio.Future[T]] = deque()

    async def take(self) -> T:
        """An idle thing, as soon as it is one's turn. WorkFailed when the line is sent away."""
        if self._idle:
            # The last one given: its memory is the likeliest to be in the caches.
            return self._idle.pop()
        turn: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            # It was one's turn in the very moment that one left.
            if not turn.cancelled() and turn.exception() is None:
                self.give(turn.result())
            raise

    def give(self, thing: T) -> None:
        """Make a thing idle, or hand it to the first who waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(thing)
                return
        self._idle.append(thing)

    def drop(self, thing: T) -> None:
        """Forget a thing that is of no more use, if it is idle."""
        if thing in self._idle:
            self._idle.remove(thing)

    def send_away(self, reason: str) -> None:
        """Fail all who wait, with WorkFailed."""
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(WorkFailed(reason))
        self._waiting.clear()
