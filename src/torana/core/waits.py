"""Waits: how long work may take, and how long a reply asks to wait before the next call."""

import asyncio
import math
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self


class Deadline:
    """Interrupts the task that is inside after so many seconds; TimeoutError then, and ``expired`` says whose it was.

    As ``asyncio.timeout``, but entered and left without a step of the event loop, and nothing at all where there is no
    bound.
    """

    __slots__ = ("_alone", "_cancelled_before", "_task", "_timer", "expired", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        """How many there were in the beginning."""
        self.expired = False
        self._timer: asyncio.Handle | None = None
        self._alone: bool | None = None

    def __enter__(self) -> Self:
        seconds = self.seconds
        if seconds == math.inf:
            return self
        task: asyncio.Task[Any] | None = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelled_before = task.cancelling()
        loop = task.get_loop()
        self._timer = loop.call_later(seconds, self._expire) if seconds > 0 else loop.call_soon(self._expire)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.lift()
        if self.expired and self.interrupted() and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def interrupted(self) -> bool:
        """Whether this interrupted the task that is inside, and nobody else wants it to end: he is not to be silenced.

        Whoever asks takes it on himself to end the task.
        """
        if self.expired and self._alone is None:
            self._alone = self._task.uncancel() <= self._cancelled_before
        return bool(self._alone)

    def lift(self) -> None:
        """From here on there is no bound."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self.expired = True
        self._task.cancel()


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
