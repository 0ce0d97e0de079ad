"""Alerts of budgets that run out: each is noted once, and delivered by whichever office gets to it."""

import math
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, astuple
from sqlalchemy import select, tuple_, update

from torana.core.ledger import Charge
from torana.storage.sql import differences
from torana.storage.sql.database import Database
from torana.storage.sql.tables import alerts

LEASE = 60.0
"""Seconds for which an office that took an alert may try to deliver it before another does."""

NEVER = math.inf
"""When an alert that was given up is tried again."""

_KEY = tuple(alerts.primary_key)


class Alert(Struct, frozen=True):
    """A budget's share has come to a threshold in a period."""

    charge: Charge
    threshold: float
    """As a share of the limit."""
    at: float
    """When it was noticed, in seconds since the epoch."""
    document: Mapping[str, Any]
    """What is told."""
    tries: int = 0
    """How often it could not be delivered."""


class AlertTable:
    """The table ``alerts``; all of it raises DatabaseUnavailable. Times are seconds since the epoch."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, alert: Alert) -> bool:
        """Keeps an alert, to be delivered at once; False when it was noted before, by whomever."""
        with self._database.begin() as connection:
            statement = differences.insert(connection, alerts).on_conflict_do_nothing(index_elements=_KEY)
            return connection.execute(statement.returning(alerts.c.at), _columns(alert)).first() is not None

    def due(self, now: float, limit: int) -> list[Alert]:
        """Takes at most so many alerts that should be delivered now, the oldest first.

        Nobody else gets them within LEASE seconds; until then tell what came of each. One that is taken and not heard
        of is due again after that, so an alert may be delivered twice, and is never forgotten.
        """
        waiting = (alerts.c.delivered.is_(None), alerts.c.next_try <= now)
        oldest = select(*_KEY).where(*waiting).order_by(alerts.c.next_try).limit(limit)
        taken = oldest.with_for_update(skip_locked=True).cte("taken")
        claim = update(alerts).where(tuple_(*_KEY).in_(select(taken))).values(next_try=now + LEASE)
        with self._database.begin() as connection:
            found = connection.execute(claim.returning(alerts)).mappings().all()
        return sorted([_alert(each) for each in found], key=lambda alert: alert.at)

    def delivered(self, alert: Alert, at: float) -> None:
        """It has been."""
        self._set(alert, delivered=at)

    def failed(self, alert: Alert, next_try: float | None) -> None:
        """It could not be, and is due again then; with None it is given up."""
        self._set(alert, next_try=NEVER if next_try is None else next_try, tries=alerts.c.tries + 1)

    def _set(self, alert: Alert, **values: object) -> None:
        key = (*astuple(alert.charge), alert.threshold)
        this = [column == value for column, value in zip(_KEY, key, strict=True)]
        with self._database.begin() as connection:
            connection.execute(update(alerts).where(alerts.c.delivered.is_(None), *this).values(**values))


def _columns(alert: Alert) -> dict[str, Any]:
    values = {"at": alert.at, "document": alert.document, "tries": alert.tries, "next_try": alert.at}
    return {**asdict(alert.charge), "threshold": alert.threshold, **values}


def _alert(columns: Mapping[Any, Any]) -> Alert:
    charge = Charge(columns["budget"], columns["share"], columns["period"])
    return Alert(charge, columns["threshold"], columns["at"], columns["document"], columns["tries"])
