"""What the database forgets, a little at a time."""

import re
from collections.abc import Sequence

from sqlalchemy import Column, ColumnElement, Connection, and_, delete, or_, select, tuple_

from torana.core.periods import Every, period
from torana.storage.sql.alerts import NEVER
from torana.storage.sql.tables import alerts, ledger, spend

_EVERY: tuple[Every, ...] = ("day", "week", "month", "quarter")
"""What ends."""


def prune(connection: Connection, older_than: float, *, limit: int) -> int:
    """Forgets what is older than a moment, at most ``limit`` rows in all, the oldest first; says how many.

    First rows of the ledger that began before it. Then what was spent, and alerts that were delivered or given up, when
    their period ended before it and they themselves are as old. Whoever is told 0 is done. A row that is forgotten
    counts again when it is shipped again, so rows are kept for longer than journals.
    """
    idle = or_(alerts.c.delivered.is_not(None), alerts.c.next_try == NEVER)
    gone = _forget(connection, ledger.c.started, [ledger.c.started < older_than], limit)
    for moment, done in ((spend.c.changed, []), (alerts.c.at, [idle])):
        ended = _ended(moment.table.c.period, older_than)
        gone += _forget(connection, moment, [moment < older_than, ended, *done], limit - gone)
    return gone


def _forget(connection: Connection, moment: Column[float], where: Sequence[ColumnElement[bool]], limit: int) -> int:
    """Deletes the oldest rows that fit; those that somebody is just writing are left for another time."""
    table = moment.table
    key = tuple(table.primary_key)
    oldest = select(*key).where(*where).order_by(moment).limit(limit).with_for_update(skip_locked=True).cte("oldest")
    gone = delete(table).where(tuple_(*key).in_(select(oldest))).returning(moment)
    return len(connection.execute(gone).all())  # SQLite does not count what begins with WITH


def _ended(name: ColumnElement[str], before: float) -> ColumnElement[bool]:
    """Whether a period ended before a moment: its name sorts before that of the period like it that ran then.

    Names of months and quarters look alike; of one year, those of months sort first, and earlier years have ended.
    """
    running = [period(every, before).name for every in _EVERY]
    return or_(*[and_(name.like(re.sub(r"\d", "_", each)), name < each) for each in running])
