"""Opens the counters of money: with all that the ledger knows, and only once every office has handed in what it has.

A store that was restarted may have forgotten what was spent. So purses are closed until they have been opened for the
store's present run, and while they are closed nobody spends from them. Whoever finds them closed has all living
offices do two things, and waits after each for the last of them. First each puts its journal into the database, and
then ships no more: what the ledger says now goes into the purses, and nothing of it can change. Then each puts what
its open calls have reserved into the purses. A call that ended in between is settled when they are open, and counts
once. These generations are numbered: odd ones are of the first kind, even ones of the second.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from torana.core.clock import Clock
from torana.core.ledger import Opened
from torana.jobs.purses import Purses, current, reserved_by
from torana.jobs.shipping import Shipping
from torana.jobs.telling import Telling
from torana.jobs.threads import in_thread
from torana.storage.sql.ledger.table import LedgerTable
from torana.storage.sql.offices import Offices
from torana.telemetry.logs import Logger

ALIVE = 15.0
"""How long an office counts as living after it was last seen, in seconds."""

_HELD = 4 * ALIVE
"""How long nothing is shipped at most, in seconds: who has purses opened may die of it."""
_SIGN = ALIVE / 3
_LOOK = 0.1


@dataclass(slots=True)
class Opening:
    """Keeps shared purses open."""

    office: str
    """This office's name."""
    purses: Purses
    offices: Offices
    table: LedgerTable
    shipping: Shipping
    telling: Telling
    clock: Clock
    logger: Logger
    _handed_in: int = 0
    _shown: tuple[int, float] | None = None
    """For which generation this office was last seen to have handed in, and when."""

    async def tend(self) -> None:
        """Hands in where that is asked for, and opens what is closed; DatabaseUnavailable, CountersUnavailable."""
        generation = await in_thread(self.offices.generation)
        if generation != self._handed_in:
            await self._hand_in(generation)
        await self._show()
        run = await self.purses.run()
        if await self.purses.opened() != run:
            await self._open(run)
        else:
            self.shipping.release()

    async def _hand_in(self, generation: int) -> None:
        reserves = _reserves(generation)
        calls = await self._while_shown(asyncio.ensure_future(self.shipping.hold(_HELD, anew=not reserves)))
        if reserves:
            self.telling.restored(calls)
            await self.purses.restore((), [each for opened in calls for each in reserved_by(opened)])
        self._handed_in = generation

    async def _open(self, run: str) -> None:
        async with exclusively(self.offices) as mine:
            if not mine or await self.purses.opened() == run:
                return
            started = self.clock.ticks()
            await self._have_all_hand_in(reserve=False)
            await self.purses.restore(current(await in_thread(self.table.totals), self.clock.now()), ())
            generation = await self._have_all_hand_in(reserve=True)
            await self.purses.open(run)
            self.shipping.release()
            self.logger.warning("budgets_opened", generation=generation, seconds=round(self.clock.ticks() - started, 3))

    async def _have_all_hand_in(self, *, reserve: bool) -> int:
        generation = await in_thread(self.offices.begin_generation)
        if _reserves(generation) != reserve:
            # The last one who had purses opened got stuck half way.
            generation = await in_thread(self.offices.begin_generation)
        await self._hand_in(generation)
        await self._show()
        # Those that do not come count as dead after a while; nobody tells when the last has come.
        while await in_thread(self.offices.waiting_for, generation, alive_within=ALIVE):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK)
        return generation

    async def _while_shown(self, work: asyncio.Future[list[Opened]]) -> list[Opened]:
        """What comes of it; who has much to put away is not to be taken for dead."""
        try:
            while not (await asyncio.wait((work,), timeout=_SIGN))[0]:
                await self._show()
        finally:
            work.cancel()
            await asyncio.wait((work,))
        return work.result()

    async def _show(self) -> None:
        now = self.clock.ticks()
        if self._shown is None or self._shown[0] != self._handed_in or now - self._shown[1] >= _SIGN:
            await in_thread(self.offices.seen, self.office, self._handed_in)
            self._shown = (self._handed_in, now)


def _reserves(generation: int) -> bool:
    """Whether a generation is of the second kind."""
    return generation % 2 == 0


@asynccontextmanager
async def exclusively(offices: Offices) -> AsyncIterator[bool]:
    """True while no other office has purses opened or reaped, False while one does; DatabaseUnavailable."""
    lock = offices.exclusively()
    mine = await in_thread(lock.__enter__)
    try:
        yield mine
    finally:
        await in_thread(lock.__exit__, None, None, None)
