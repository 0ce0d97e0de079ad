"""What every store of counters can do, and the values it is told and answers with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

MICROSECONDS = 1_000_000
"""In a second. Stores count time in them, each on its own clock."""

_MOST = 10**15
"""Beyond it a store that counts in floating point would begin to round."""


class CountersUnavailable(Exception):
    """The store did not do what it was asked, or nobody can say whether it did; the message says why.

    What was asked may still come to pass: a take fills up again by itself, and a lease ends by itself.
    """


@dataclass(frozen=True, slots=True)
class Rate:
    """``limit`` units per ``window`` seconds. A rule's rate is made once, for all the takes that it leads to.

    ValueError for a limit that is not in 1 .. 10^15, or a window shorter than a microsecond.
    """

    limit: int
    window: float
    span: int = field(init=False, repr=False)
    """The window in microseconds."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "span", round(self.window * MICROSECONDS))
        if not 1 <= self.limit <= _MOST or self.span < 1:
            raise ValueError(f"a rate of {self.limit} per {self.window} s makes no sense")


@dataclass(frozen=True, slots=True)
class Take:
    """``amount`` units from the counter ``key``, which has so many as its rate says; an amount of 0 only looks.

    ValueError for an amount below 0.
    """

    key: str
    amount: int
    rate: Rate

    def __post_init__(self) -> None:
        if self.amount < 0:
            raise ValueError(f"{self.amount} units cannot be taken")


@dataclass(frozen=True, slots=True)
class Hold:
    """One of ``limit`` places at ``key``, for as long as a call runs; a dead holder's is free after ``lease`` seconds.

    ValueError for a limit below 1, or a lease shorter than a millisecond.
    """

    key: str
    limit: int
    lease: float

    def __post_init__(self) -> None:
        if self.limit < 1 or self.lease < 0.001:  # noqa: PLR2004, the docstring says it
            raise ValueError(f"a hold of one in {self.limit} for {self.lease} s makes no sense")

    @property
    def span(self) -> int:
        """The lease in microseconds."""
        return round(self.lease * MICROSECONDS)


@dataclass(frozen=True, slots=True)
class Level:
    """What a step left of a take's counter.

    ``whole_at`` is when it will be whole again, in parts of which a microsecond has as many as the rate has units, and
    ``now`` when that was so, in microseconds: both on the store's clock.
    """

    take: Take
    whole_at: int
    now: int

    @property
    def remaining(self) -> int:
        """Whole units that may be taken at once."""
        rate = self.take.rate
        return rate.limit + (self.now * rate.limit - self.whole_at) // rate.span

    @property
    def reset(self) -> float:
        """Seconds until the counter is whole again if nobody takes more."""
        limit = self.take.rate.limit
        return (self.whole_at - self.now * limit) / (limit * MICROSECONDS)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which take or hold was refused; where several were, the one that needs the longest wait."""

    index: int
    """Its place in the step: the holds count on after the takes."""
    retry_after: float | None
    """Seconds until it would be granted if nobody else took; None where no wait can be named.

    An amount beyond the limit is never granted, and a place is free when somebody's call is over.
    """


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a step: all of it was granted, or nothing was taken and ``refusal`` says why."""

    levels: tuple[Level, ...]
    """One for each take, in their order: after the step if it was granted, else as they stand."""
    refusal: Refusal | None = None

    @property
    def granted(self) -> bool:
        """Whether everything was taken."""
        return self.refusal is None


@dataclass(frozen=True, slots=True)
class Settlement:
    """The truth about a granted take, of which ``level`` is what it left: ``used`` units; 0 gives all of it back.

    ValueError for less than nothing.
    """

    level: Level
    used: int

    def __post_init__(self) -> None:
        if self.used < 0:
            raise ValueError(f"{self.used} units cannot have been used")


class Counters(Protocol):
    """Counters that processes share; every method is one atomic step, and one round trip where the store is elsewhere.

    A counter exists from its first use on and is forgotten when it is whole again. Those of takes and of holds are
    apart. Within a step each key stands once. CountersUnavailable when the store fails.
    """

    async def admit(self, takes: Sequence[Take], holds: Sequence[Hold] = (), *, holder: str = "") -> Verdict:
        """Takes all of it or nothing. ``holder`` names the call that gets the places; who has one needs no second."""
        ...

    async def settle(self, settlements: Sequence[Settlement], holds: Sequence[Hold] = (), *, holder: str = "") -> None:
        """Sets right, once, what was estimated when it was taken, and frees the places of ``holder``.

        What was taken too much is given back as far as it has not filled up again by itself. What was used beyond it is
        charged now, down to nothing remaining and no further: nobody waits longer than one window for what is past.
        """
        ...

    async def renew(self, holds: Sequence[Hold], *, holder: str) -> None:
        """Lets the leases of ``holder`` begin anew.

        A place that was lost, because the lease ended or the store did, is taken again, be it one too many: the call
        that holds it is running.
        """
        ...
