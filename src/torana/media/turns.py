"""Taking turns: callers are served one after the other, and the jobs of each in the order he asked."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

from torana.core.errors import WorkFailed

T = TypeVar("T")


class Line(Generic[T]):
    """Those who wait, and the idle things that they wait for; never both at once."""

    def __init__(self) -> None:
        self._idle: list[T] = []
        # By caller, in the order in which they come next. Nobody in it has an empty queue.
        self._waiting: dict[str, deque[asyncio.Future[T]]] = {}

    async def take(self, caller: str = "") -> T:
        """An idle thing, as soon as it is one's turn. WorkFailed when the line is sent away.

        Callers take turns: whoever asks for much waits behind his own jobs, not others behind all of them.
        """
        if self._idle:
            # The last one given: its memory is the likeliest to be in the caches.
            return self._idle.pop()
        turn: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            self._leave(caller, turn)
            # It was one's turn in the very moment that one left.
            if not turn.cancelled() and turn.exception() is None:
                self.give(turn.result())
            raise

    def give(self, thing: T) -> None:
        """Make a thing idle, or hand it to the one whose turn it is."""
        while self._waiting:
            caller = next(iter(self._waiting))
            queue = self._waiting.pop(caller)
            turn = queue.popleft()
            if queue:
                # Behind all others.
                self._waiting[caller] = queue
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
        for turn in (turn for queue in self._waiting.values() for turn in queue):
            if not turn.done():
                turn.set_exception(WorkFailed(reason))
        self._waiting.clear()

    def _leave(self, caller: str, turn: asyncio.Future[T]) -> None:
        queue = self._waiting.get(caller, deque())
        if turn in queue:
            queue.remove(turn)
            if not queue:
                del self._waiting[caller]
