"""Reconciles reservations that nobody settles any more: those of gateways whose machine is gone, and its journal too.

Of such a call only its reservation is left. It gets a row that says so and charges all that was reserved, unless the
ledger has one of it: nothing is set free that is not written down. Any step may be repeated, by another office too, and
a journal that turns up later changes nothing, for the first row of an id stays.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torana.core.clock import Clock
from torana.core.ledger import LOST, UNKNOWN, Charge, Closed, Opened, Row, Spent
from torana.jobs.opening import exclusively
from torana.jobs.purses import Debt, Purses, charged, debt_of
from torana.jobs.threads import in_thread
from torana.storage.counters.port import Reservation
from torana.storage.sql.ledger.table import LedgerTable
from torana.storage.sql.offices import Offices
from torana.telemetry.logs import Logger

EVERY = 60.0

GRACE = 3600.0
"""How long after a call must have ended its own office may take to settle it, in seconds.

A machine that begins anew has its journal and knows who called and what for, so it should have the first word.
"""

GONE = 86_400.0
"""An office that was not seen for so long, in seconds, is forgotten; it is known again when it comes back."""

_PIECE = 100
_PIECES = 10
"""In a round, so that nobody who has purses opened waits for long."""


@dataclass(frozen=True, slots=True)
class Reaping:
    """Looks after what offices that are gone have left in stores that they shared."""

    purses: Purses
    offices: Offices
    table: LedgerTable
    watch: Callable[[Sequence[Spent]], None]
    """Shown what budgets have come to; called in a thread."""
    deadline: Callable[[], float]
    """How long a call may take, in seconds, at whichever gateway."""
    clock: Clock
    logger: Logger

    async def reap(self) -> None:
        """One round, by one office at a time; DatabaseUnavailable, CountersUnavailable leave the rest for the next."""
        async with exclusively(self.offices) as mine:
            if not mine:
                return
            await in_thread(self.offices.forget, GONE)
            # Purses that are closed settle nothing, and whoever opens them may have the calls' journals.
            if await self.purses.opened() != await self.purses.run():
                return
            for _ in range(_PIECES):
                found = await self.purses.stale(self.deadline() + GRACE, limit=_PIECE)
                if not found:
                    return
                await self._reconcile(found)

    async def _reconcile(self, found: Sequence[Reservation]) -> None:
        known = await in_thread(self.table.known, [each.holder for each in found])
        rows = [_row(each, self.clock.now()) for each in found]
        totals = await in_thread(self._write, rows)
        self.logger.warning("reservations_reaped", calls=len(rows), unknown=len(rows) - len(known))
        debts = [debt_of(row) for row in rows]
        for debt in debts:
            if debt.holder not in known:
                await self._settle(debt)
        # Purses were raised to what older rows charge, or are now; charging it again would count it twice.
        await self.purses.raise_to([charged(spent) for spent in totals])
        for debt in debts:
            if debt.holder in known:
                await self._settle(Debt(debt.holder, debt.charges, 0))

    async def _settle(self, debt: Debt) -> None:
        await self.purses.charge(debt.holder, debt.charged)

    def _write(self, rows: Sequence[Row]) -> list[Spent]:
        totals = self.table.ship(rows)
        self.watch(totals)
        return totals


def _row(left: Reservation, now: float) -> Row:
    """What is known of a call of which only this is left."""
    amount = max(each for _, each in left.amounts)
    opened = Opened(
        left.holder,
        request_id=UNKNOWN,
        at=left.at,
        subject=UNKNOWN,
        kind="user",
        issuer=UNKNOWN,
        operation=UNKNOWN,
        charges=tuple([Charge.of(key) for key, _ in left.amounts]),
        reserved=amount,
    )
    return Row(opened, Closed(left.holder, at=now, status=0, error=LOST, charged=amount))
