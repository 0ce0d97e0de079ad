"""Keeps a store of answers that is slow or gone from holding up calls: a bound on each wait, and a breaker."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from torana.core.clock import Clock
from torana.storage.breaker import Breaker, Leave
from torana.storage.cache.port import Answers, AnswersUnavailable

T = TypeVar("T")


class Guarded:
    """Answers that come within ``bound`` seconds, or AnswersUnavailable does.

    After some failures in a row it does so at once. ``on_change`` is told when the store is given up, and when it is
    back.
    """

    def __init__(self, answers: Answers, clock: Clock, on_change: Callable[[bool], None], *, bound: float) -> None:
        self._answers = answers
        self._bound = bound
        self._breaker = Breaker(clock, on_change)

    async def get(self, name: str) -> bytes | None:
        """What was kept under a name."""
        return await self._ask(lambda: self._answers.get(name))

    async def put(self, name: str, data: bytes, ttl: float) -> None:
        """Keeps it for so many seconds."""
        await self._ask(lambda: self._answers.put(name, data, ttl))

    async def _ask(self, step: Callable[[], Awaitable[T]]) -> T:
        leave = self._breaker.enter()
        if leave is Leave.DENIED:
            raise AnswersUnavailable("The store of answers has failed, and is not asked for a while.")
        try:
            async with asyncio.timeout(self._bound):
                answer = await step()
        except TimeoutError as error:
            self._breaker.failed()
            raise AnswersUnavailable(f"The store of answers did not answer in {self._bound:g} s.") from error
        except AnswersUnavailable:
            self._breaker.failed()
            raise
        self._breaker.succeeded(leave)
        return answer
