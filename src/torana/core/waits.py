"""How long a reply asks to wait before the next call."""

import math
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The wait that a reply asks for, in seconds from its coming, zero at least; None where it names none.

    It stands in ``retry-after-ms``, which is finer and goes first, or in ``retry-after`` as seconds or as a date.
    ``headers`` are found by their names in lower case.
    """
    for read in (_milliseconds, _seconds, _until):
        try:
            wait = read(headers)
        except (KeyError, ValueError, OverflowError):
            continue
        if math.isfinite(wait):
            return max(wait, 0.0)
    return None


def _milliseconds(headers: Mapping[str, str]) -> float:
    return float(headers["retry-after-ms"]) / 1000


def _seconds(headers: Mapping[str, str]) -> float:
    return float(headers["retry-after"])


def _until(headers: Mapping[str, str]) -> float:
    """A date counts from the date of the reply: their clock need not be ours."""
    return (_date(headers["retry-after"]) - _date(headers["date"])).total_seconds()


def _date(text: str) -> datetime:
    # Every date in HTTP is in GMT, also those that do not say so.
    return parsedate_to_datetime(text).replace(tzinfo=None)
