"""Takes finished calls from the journal to the database, and has the counters told what they may not know."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torana.core.clock import Clock
from torana.core.ledger import Opened, Row, Spent
from torana.jobs.telling import Telling
from torana.jobs.threads import in_thread
from torana.storage.journal.reading import Reader
from torana.storage.sql.ledger.table import LedgerTable
from torana.telemetry.logs import Logger


@dataclass(slots=True)
class Shipping:
    """The way of rows: journal, counters, database, alerts. Repeating any part of it changes nothing."""

    reader: Reader
    table: LedgerTable
    telling: Telling | None
    """The way to counters that gateways share; None where each has its own."""
    watch: Callable[[Sequence[Spent]], None]
    """Shown what budgets have come to; called in a thread."""
    batch: int
    clock: Clock
    logger: Logger
    shipped: int = 0
    """Rows so far."""
    _held: tuple[float, list[Opened]] | None = None
    """Until when nothing is shipped, and the calls that were open when that began."""
    _spoilt: int = 0
    _alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ship(self) -> None:
        """Everything that is finished by now; DatabaseUnavailable, CountersUnavailable, OSError: nothing is lost.

        Rows reach the database whether or not the counters can be told of them.
        """
        async with self._alone:
            if self._still_held() is None:
                await self._ship()

    async def hold(self, seconds: float, *, anew: bool) -> list[Opened]:
        """Ships once more and then, for so long at most, no more; the calls that were open when that began.

        Unless it is to begin anew, who holds already goes on from there.
        """
        async with self._alone:
            calls = None if anew else self._still_held()
            if calls is None:
                await self._ship()
                calls = self.reader.open_calls
            self._held = (self.clock.ticks() + seconds, calls)
            return calls

    def release(self) -> None:
        """Goes on shipping."""
        self._held = None

    def _still_held(self) -> list[Opened] | None:
        if self._held is None or self._held[0] <= self.clock.ticks():
            return None
        return self._held[1]

    async def _ship(self) -> None:
        if self.telling is not None:
            await self.telling.begin()
        while rows := await in_thread(self.reader.take, self.batch):
            await self._put_away(rows)
            # While calls go on there is always one that has just ended.
            if self.reader.exhausted:
                break
        self._complain()
        if self.telling is not None:
            await self.telling.tell()

    async def _put_away(self, rows: Sequence[Row]) -> None:
        if self.telling is not None:
            await self.telling.settle(rows)
        totals = await in_thread(self._write, rows)
        if self.telling is not None:
            self.telling.heard(totals)
        await in_thread(self.reader.put_away)
        self.shipped += len(rows)

    def _write(self, rows: Sequence[Row]) -> list[Spent]:
        totals = self.table.ship(rows)
        if totals:
            self.watch(totals)
        return totals

    def _complain(self) -> None:
        if self.reader.spoilt > self._spoilt:
            self.logger.error("journal_spoilt", lines=self.reader.spoilt - self._spoilt)
            self._spoilt = self.reader.spoilt
