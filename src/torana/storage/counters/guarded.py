"""Keeps a store of counters that is slow or gone from holding up calls: a bound on each wait, and a breaker."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from torana.core.clock import Clock
from torana.storage.breaker import FAILURES, PAUSE, Breaker, Leave
from torana.storage.counters.port import (
    Charged,
    Counters,
    CountersUnavailable,
    Hold,
    PursesClosed,
    Reserve,
    Settlement,
    Take,
    Verdict,
)

T = TypeVar("T")

BOUND = 0.05
"""How long a step may take, in seconds."""


class Guarded:
    """Counters that answer within ``bound`` seconds, or raise CountersUnavailable.

    After ``failures`` in a row they do so at once, without asking the store; every ``pause`` seconds one step asks it
    all the same, and its success ends that. ``on_change`` is called with False when the store is given up, with True
    when it is back. What was asked of a store that was too slow may still come to pass there.
    """

    def __init__(
        self,
        counters: Counters,
        clock: Clock,
        on_change: Callable[[bool], None],
        *,
        bound: float = BOUND,
        failures: int = FAILURES,
        pause: float = PAUSE,
    ) -> None:
        self._counters = counters
        self._bound = bound
        self._breaker = Breaker(clock, on_change, failures=failures, pause=pause)

    async def admit(
        self, takes: Sequence[Take], holds: Sequence[Hold] = (), reserves: Sequence[Reserve] = (), *, holder: str = ""
    ) -> Verdict:
        """Takes all of it or nothing."""
        return await self._ask(lambda: self._counters.admit(takes, holds, reserves, holder=holder))

    async def settle(
        self,
        settlements: Sequence[Settlement],
        holds: Sequence[Hold] = (),
        charged: Sequence[Charged] = (),
        *,
        holder: str = "",
    ) -> bool:
        """Sets right, once, what was estimated, and frees what ``holder`` has; whether he had all that is charged."""
        return await self._ask(lambda: self._counters.settle(settlements, holds, charged, holder=holder))

    async def renew(self, holds: Sequence[Hold], *, holder: str) -> None:
        """Lets the leases of ``holder`` begin anew."""
        await self._ask(lambda: self._counters.renew(holds, holder=holder))

    async def _ask(self, step: Callable[[], Awaitable[T]]) -> T:
        leave = self._breaker.enter()
        if leave is Leave.DENIED:
            raise CountersUnavailable("The store of counters has failed, and is not asked for a while.")
        try:
            async with asyncio.timeout(self._bound):
                answer = await step()
        except TimeoutError as error:
            self._breaker.failed()
            raise CountersUnavailable(f"The store of counters did not answer in {self._bound:g} s.") from error
        except PursesClosed:
            # A store that says so is well.
            self._breaker.succeeded(leave)
            raise
        except CountersUnavailable:
            self._breaker.failed()
            raise
        self._breaker.succeeded(leave)
        return answer
