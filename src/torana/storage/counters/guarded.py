"""Keeps a store of counters that is slow or gone from holding up calls: a bound on each wait, and a breaker."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from torana.core.clock import Clock
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

FAILURES = 3
"""After how many failures in a row, with no success between, the store is left alone."""

PAUSE = 1.0
"""For how long, in seconds, before one step may try it again."""


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
        self._breaker = _Breaker(clock, on_change, failures=failures, pause=pause)

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
        probe = self._breaker.enter()
        try:
            async with asyncio.timeout(self._bound):
                answer = await step()
        except TimeoutError as error:
            self._breaker.failed()
            raise CountersUnavailable(f"The store of counters did not answer in {self._bound:g} s.") from error
        except PursesClosed:
            # A store that says so is well.
            self._breaker.succeeded(probe=probe)
            raise
        except CountersUnavailable:
            self._breaker.failed()
            raise
        self._breaker.succeeded(probe=probe)
        return answer


class _Breaker:
    """Whether the store is asked. A step that is given up by its caller tells nothing of it."""

    def __init__(self, clock: Clock, on_change: Callable[[bool], None], *, failures: int, pause: float) -> None:
        self._clock = clock
        self._on_change = on_change
        self._bearable = failures
        self._pause = pause
        self._failures = 0
        self._next_probe: float | None = None

    def enter(self) -> bool:
        """Leave to ask the store, and whether that is a probe; CountersUnavailable without it."""
        if self._next_probe is None:
            return False
        if self._clock.ticks() < self._next_probe:
            raise CountersUnavailable("The store of counters has failed, and is not asked for a while.")
        # Others wait for as long again, so a probe that is given up needs no tidying.
        self._next_probe = self._clock.ticks() + self._pause
        return True

    def succeeded(self, *, probe: bool) -> None:
        self._failures = 0
        # The late success of a step that was asked before it was given up says nothing of how it is now.
        if probe and self._next_probe is not None:
            self._next_probe = None
            self._on_change(True)  # noqa: FBT003, the port takes a plain callback

    def failed(self) -> None:
        self._failures += 1
        if self._next_probe is None and self._failures >= self._bearable:
            self._next_probe = self._clock.ticks() + self._pause
            self._on_change(False)  # noqa: FBT003, the port takes a plain callback
