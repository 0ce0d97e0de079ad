"""Stretches of the calendar for which budgets are set, in UTC."""

import math
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

Every = Literal["day", "week", "month", "quarter", "ever"]

_MONTHS = 12
_QUARTER = 3
_QUARTERS = "%Y-Q"
_FORMS: tuple[tuple[Every, str], ...] = (
    ("day", "%Y-%m-%d"),
    ("month", "%Y-%m"),
    ("week", "%G-W%V-%u"),
    ("quarter", _QUARTERS),
)


@dataclass(frozen=True, slots=True)
class Period:
    """One stretch: its name, and when it begins and ends in seconds since the epoch; what is for ever has no end."""

    name: str
    begins: float
    ends: float | None


def period(every: Every, now: float) -> Period:
    """The stretch in which a moment lies (seconds since the epoch); weeks are ISO 8601's and begin on Mondays."""
    if every == "ever":
        return Period("ever", 0.0, None)
    # Down to the second: a moment just before midnight is not to be rounded to the next day.
    moment = datetime.fromtimestamp(math.floor(now), UTC)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if every == "day":
        return _stretch(f"{day:%Y-%m-%d}", day, day + timedelta(days=1))
    if every == "week":
        monday = day - timedelta(days=day.weekday())
        return _stretch(f"{monday:%G-W%V}", monday, monday + timedelta(weeks=1))
    first = day.replace(day=1)
    if every == "month":
        return _stretch(f"{first:%Y-%m}", first, _months_on(first, 1))
    begun = first.replace(month=first.month - (first.month - 1) % _QUARTER)
    return _stretch(f"{begun:%Y}-Q{begun.month // _QUARTER + 1}", begun, _months_on(begun, _QUARTER))


def _stretch(name: str, begins: datetime, ends: datetime) -> Period:
    return Period(name, begins.timestamp(), ends.timestamp())


def _months_on(first: datetime, months: int) -> datetime:
    years, month = divmod(first.month - 1 + months, _MONTHS)
    return first.replace(year=first.year + years, month=month + 1)


def end_of(name: str) -> float | None:
    """When the period of this name is over, in seconds since the epoch; ValueError for a name that is none of ours."""
    for every, form in _FORMS:
        with suppress(ValueError):
            return period(every, _begins(name, form)).ends
    if name == "ever":
        return None
    raise ValueError(f"{name!r} is not the name of a period")


def _begins(name: str, form: str) -> float:
    if form == _QUARTERS:
        year, _, quarter = name.partition("-Q")
        return datetime(int(year), (int(quarter) - 1) * _QUARTER + 1, 1, tzinfo=UTC).timestamp()
    return datetime.strptime(name + ("-1" if form.endswith("%u") else ""), form).replace(tzinfo=UTC).timestamp()
