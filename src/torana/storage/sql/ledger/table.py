"""The ledger in the database: one row for each call, and what each budget has been charged, of which it is the truth.

Money is in nano-dollars (``core.money``), times are seconds since the epoch.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import ge, le, lt
from typing import TypeVar

from msgspec.structs import asdict, astuple
from sqlalchemy import BigInteger, ColumnElement, Connection, case, exists, literal_column, or_, select

from torana.core.clock import Clock
from torana.core.ledger import Charge, Kind, Row, Spent
from torana.storage.sql import differences
from torana.storage.sql.database import Database, DatabaseUnavailable
from torana.storage.sql.ledger import records
from torana.storage.sql.ledger.pruning import prune
from torana.storage.sql.ledger.usage import UsageLine, usage
from torana.storage.sql.tables import ledger, spend

T = TypeVar("T")
Insert = Callable[[Connection, Sequence[Row]], Sequence[Row]]

_EXACT = ("subject", "kind", "key", "model", "operation", "request_id")
"""What is filtered by as it stands."""
_MOST = 2**63 - 1
"""That is counted: beyond it a budget is as spent as can be, and shipping goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which rows: those that fit all that is given."""

    since: float | None = None
    """When they began, at the earliest."""
    until: float | None = None
    """Before which they began."""
    subject: str | None = None
    kind: Kind | None = None
    key: str | None = None
    """Id of a virtual key."""
    team: str | None = None
    """One of their caller's."""
    model: str | None = None
    operation: str | None = None
    request_id: str | None = None
    status_from: int | None = None
    status_to: int | None = None
    """Itself included."""


class _SomeAreThere(Exception):
    """Not every row was new."""


def _ignored(_id: str) -> None:
    """Nobody wants to know."""


class LedgerTable:
    """The tables ``ledger`` and ``spend``; all of it raises DatabaseUnavailable.

    ``mended`` is told the id of each row that no database would take as it was; ``records`` says what becomes of it.
    """

    def __init__(self, database: Database, clock: Clock, *, mended: Callable[[str], None] = _ignored) -> None:
        self._database = database
        self._clock = clock
        self._mended = mended

    def ship(self, rows: Sequence[Row]) -> list[Spent]:
        """Writes down the rows that are not there yet, and adds what they were charged to what has been spent.

        All in one transaction, so that a row counts once however often it comes: of two with the same id the first
        stays. Returns what has now been spent of every charge that any of the rows was charged to, known before or not;
        one that cost nothing leaves no trace there, for a caller may make up as many shares as he likes.
        """
        if not rows:
            return []
        fitting = self._fitting(rows)
        first = {row.opened.id: row for row in reversed(fitting)}
        # Whoever ships the same rows or charges at once takes them in this order, too, and nobody waits in a circle.
        ordered = [first[each] for each in sorted(first)]
        # Many calls draw on the same budgets.
        drawn = {row.opened.charges for row in fitting if row.closed.charged}
        charges = sorted({each for together in drawn for each in together}, key=astuple)

        def write(connection: Connection, insert: Insert) -> list[Spent]:
            return _add(connection, charges, _charged(insert(connection, ordered)), self._clock.now())

        try:
            return self._once_more(partial(write, insert=_insert_all))
        except _SomeAreThere:
            # Nothing has happened. Now it matters which they are, and that takes longer.
            return self._once_more(partial(write, insert=_insert))

    def known(self, ids: Sequence[str]) -> set[str]:
        """Those of which there is a row."""
        written = {records.text(each): each for each in ids}
        with self._database.reading() as connection:
            found = connection.scalars(select(ledger.c.id).where(ledger.c.id.in_(written)))
            return {written[each] for each in found}

    def _fitting(self, rows: Iterable[Row]) -> list[Row]:
        fitting = []
        for row in rows:
            fitted = row if records.fits(row) else records.fitted(row)
            if fitted is not row and fitted != row:
                self._mended(row.opened.id)
            fitting.append(fitted)
        return fitting

    def _once_more(self, write: Callable[[Connection], T]) -> T:
        """Writes, and does so again when another office was in the way."""
        try:
            with self._database.begin() as connection:
                return write(connection)
        except DatabaseUnavailable as error:
            if not differences.clashed(error.__cause__):
                raise
        with self._database.begin() as connection:
            return write(connection)

    def totals(self, *, since: float | None = None) -> list[Spent]:
        """What has been spent in all periods, or in those that were charged at that moment or later.

        An office commits a moment after the time that it writes, so ask from a few seconds before the last time.
        """
        return self._spent(() if since is None else (spend.c.changed >= since,))

    def spent(self, budget: str, *, period: str | None = None) -> list[Spent]:
        """What has been spent of a budget, by period and share."""
        conditions = [spend.c.budget == records.text(budget)] + ([] if period is None else [spend.c.period == period])
        return self._spent(conditions)

    def _spent(self, where: Iterable[ColumnElement[bool]]) -> list[Spent]:
        asked = select(spend.c.budget, spend.c.share, spend.c.period, spend.c.amount).where(*where)
        with self._database.reading() as connection:
            found = connection.execute(asked.order_by(spend.c.budget, spend.c.period, spend.c.share)).all()
        return [Spent(Charge(*charge), amount) for *charge, amount in found]

    def rows(self, chosen: Filter, *, limit: int = 100, before: tuple[float, str] | None = None) -> list[Row]:
        """The rows that fit, the newest first; ``before`` is when the last one seen began, and its id."""
        asked = select(ledger).order_by(ledger.c.started.desc(), ledger.c.id.desc()).limit(limit)
        if before is not None:
            started, id_ = before[0], records.text(before[1])
            # The first bound says no more than the second, but it is what the index is entered with.
            asked = asked.where(ledger.c.started <= started, or_(ledger.c.started < started, ledger.c.id < id_))
        with self._database.reading() as connection:
            found = connection.execute(asked.where(*_where(connection, chosen))).mappings().all()
        return [records.row(each) for each in found]

    def usage(self, chosen: Filter, by: Sequence[str]) -> list[UsageLine]:
        """The sums of the rows that fit, by group; ``usage.usage`` says what can be grouped by, and what is refused."""
        with self._database.reading() as connection:
            return usage(connection, _where(connection, chosen), by)

    def prune(self, older_than: float, *, limit: int = 5000) -> int:
        """Forgets what is older, at most so many rows at once; ``pruning`` says what, and how to go on."""
        with self._database.begin() as connection:
            return prune(connection, older_than, limit=limit)


def _insert_all(connection: Connection, rows: Sequence[Row]) -> Sequence[Row]:
    """Writes them down; _SomeAreThere where the quick way cannot say which were new."""
    if not differences.takes_many(connection):
        return _insert(connection, rows)
    if differences.add_unknown(connection, ledger, [records.values(row) for row in rows]) < len(rows):
        raise _SomeAreThere
    return rows


def _insert(connection: Connection, rows: Sequence[Row]) -> Sequence[Row]:
    """Writes down those whose id is not there, and says which they were."""
    statement = differences.insert(connection, ledger).on_conflict_do_nothing(index_elements=[ledger.c.id])
    columns = [records.columns(row) for row in rows]
    new = set(differences.write(connection, statement, columns, returning=[ledger.c.id]).scalars())
    return [row for row in rows if row.opened.id in new]


def _charged(rows: Iterable[Row]) -> Counter[Charge]:
    together: defaultdict[tuple[Charge, ...], int] = defaultdict(int)
    for row in rows:
        together[row.opened.charges] += row.closed.charged
    charged: Counter[Charge] = Counter()
    for charges, amount in together.items():
        for charge in set(charges):
            charged[charge] += amount
    return charged


def _add(connection: Connection, charges: Sequence[Charge], amounts: Counter[Charge], now: float) -> list[Spent]:
    """Adds the amounts to these charges, and says what all of them have come to."""
    if not charges:
        return []
    statement = differences.insert(connection, spend)
    new, most = statement.excluded, literal_column(str(_MOST), BigInteger)
    added = statement.on_conflict_do_update(
        index_elements=list(spend.primary_key),
        set_={
            "amount": case((spend.c.amount > most - new.amount, most), else_=spend.c.amount + new.amount),
            "changed": case((new.changed > spend.c.changed, new.changed), else_=spend.c.changed),
        },
    )
    values = [{**asdict(charge), "amount": min(amounts[charge], _MOST), "changed": now} for charge in charges]
    totals = differences.write(connection, added, values, returning=[*spend.primary_key, spend.c.amount])
    return [Spent(Charge(each.budget, each.share, each.period), each.amount) for each in totals]


def _where(connection: Connection, chosen: Filter) -> list[ColumnElement[bool]]:
    """What the rows fulfil; what is asked for is mended as the rows were, and so found."""
    bounds = (
        (ledger.c.started, ge, chosen.since),
        (ledger.c.started, lt, chosen.until),
        (ledger.c.status, ge, chosen.status_from),
        (ledger.c.status, le, chosen.status_to),
    )
    where = [compare(column, bound) for column, compare, bound in bounds if bound is not None]
    exact = {field: getattr(chosen, field) for field in _EXACT}
    where += [ledger.c[field] == records.text(value) for field, value in exact.items() if value is not None]
    if chosen.team is not None:
        teams = differences.elements(connection, ledger.c.teams).alias("teams")
        where.append(exists().select_from(teams).where(teams.c.value == records.text(chosen.team)))
    return where
