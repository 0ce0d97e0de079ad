"""Tells shared counters of money what they may not have been told, for as long as it takes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torana.core.ledger import Charge, Opened, Row, Spent
from torana.jobs.purses import Debt, Debts, Purses, charged, debt_of
from torana.jobs.threads import in_thread
from torana.storage.counters.port import CountersUnavailable
from torana.storage.notices import Notice
from torana.telemetry.logs import Logger

MOST_OWED = 20_000
"""Calls. Beyond it the newest are left out: they began while the counters were gone, and have nothing reserved."""


@dataclass(slots=True)
class Telling:
    """What is owed outlives this process in a notice. Telling it again changes nothing.

    A call is charged before the database knows of it, and only then is a purse raised to what the database says: the
    other way round, its own money would be counted twice.
    """

    purses: Purses
    debts: Notice[Debts]
    logger: Logger
    _owed: dict[str, Debt] = field(default_factory=dict)
    """By holder."""
    _behind: dict[Charge, Spent] = field(default_factory=dict)
    """What the database has said since counters last heard of it."""
    _restored: set[str] = field(default_factory=set)
    """Calls whose money was put back by this office: they may have freed it themselves before that."""
    _kept: tuple[Debt, ...] | None = None
    _failing: bool = False
    _left_out: int = 0

    async def begin(self) -> None:
        """Finds what was owed when another process ended, and lets counters that failed be tried again."""
        self._failing = False
        if self._kept is None:
            self._kept = await in_thread(self._found)
            self._owed = {debt.holder: debt for debt in self._kept}

    async def settle(self, rows: Sequence[Row]) -> None:
        """Charges calls that are over. Those that the counters cannot be told of now are kept as owed."""
        for row in rows:
            self._owe(row)
        if not self._failing:
            try:
                await self._settle()
            except CountersUnavailable:
                self._failing = True
        await self._keep()

    def heard(self, totals: Sequence[Spent]) -> None:
        """The database has said what budgets have come to."""
        self._behind.update((spent.charge, spent) for spent in totals)

    async def tell(self) -> None:
        """All that is left; CountersUnavailable leaves it for the next time."""
        await self._settle()
        await self._keep()
        await self.purses.raise_to([charged(spent) for spent in self._behind.values()])
        self._behind.clear()
        if self._left_out:
            self.logger.error("reservations_left", calls=self._left_out)
            self._left_out = 0

    def restored(self, calls: Sequence[Opened]) -> None:
        """Money is put back for these: whatever they say when they end, they are to have none afterwards."""
        self._restored.update(opened.id for opened in calls if opened.charges)

    def _found(self) -> tuple[Debt, ...]:
        try:
            known = self.debts.news()
        except (OSError, ValueError) as error:
            self.logger.warning("debts_unreadable", reason=str(error))
            return ()
        return () if known is None else known.owed

    def _owe(self, row: Row) -> None:
        put_back = row.opened.id in self._restored
        self._restored.discard(row.opened.id)
        if not row.opened.charges or (row.closed.settled and not put_back):
            return
        if len(self._owed) >= MOST_OWED:
            self._left_out += 1
            return
        # One that was charged before its money was put back is only to give it up.
        debt = debt_of(row)
        self._owed[debt.holder] = Debt(debt.holder, debt.charges, 0) if row.closed.settled else debt

    async def _settle(self) -> None:
        for holder, debt in list(self._owed.items()):
            await self.purses.charge(holder, debt.charged)
            del self._owed[holder]

    async def _keep(self) -> None:
        owed = tuple(self._owed.values())
        if owed == self._kept:
            return
        try:
            await in_thread(self.debts.post, Debts(owed))
        except OSError as error:
            # A full disk is no reason to leave rows in the journal, which is on it.
            self.logger.warning("debts_not_kept", calls=len(owed), reason=error.strerror)
        else:
            self._kept = owed
