"""The only place that tells the time, so that tests can set it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for what is written down, monotonic time for what is measured; both in seconds."""

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        ...

    def ticks(self) -> float:
        """Seconds on a clock that never goes back."""
        ...


class SystemClock:
    """The machine's own clocks, with nothing in between: each call looks at them many times."""

    now = staticmethod(time.time)
    ticks = staticmethod(time.perf_counter)


class FakeClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return self._now

    def ticks(self) -> float:
        """The same seconds: tests need no second scale."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on."""
        self._now += seconds
