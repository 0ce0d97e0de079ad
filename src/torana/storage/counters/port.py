"""What every store of counters can do, and the values it is told and answers with."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import force_setattr

MICROSECONDS = 1_000_000
"""In a second. Stores count time in them, each on its own clock."""

_MOST = 10**15
"""Beyond it a store that counts in floating point would begin to round."""

_MOST_MONEY = 9 * 10**15
"""In nano-dollars, for the same reason: up to here, and just beyond it, whole numbers are exact."""


class CountersUnavailable(Exception):
    """The store did not do what it was asked, or nobody can say whether it did; the message says why.

    What was asked may still come to pass: a take fills up again by itself, and a lease ends by itself. A reservation
    does not: who cannot tell whether he has one settles it all the same.
    """


class PursesClosed(CountersUnavailable):
    """Nobody has told the store yet what was spent before, so it lends no money; nothing of the step was taken."""


class Rate(Struct, frozen=True, gc=False):
    """``limit`` units per ``window`` seconds. A rule's rate is made once, for all the takes that it leads to.

    ValueError for a limit that is not in 1 .. 10^15, or a window shorter than a microsecond.
    """

    limit: int
    window: float
    span: int = 0
    """The window in microseconds; it follows from that, as the next two do."""
    whole: int = 0
    """The window in parts of which a microsecond has as many as the rate has units."""
    second: int = 0
    """A second in the same parts."""

    def __post_init__(self) -> None:
        span = round(self.window * MICROSECONDS)
        if not 1 <= self.limit <= _MOST or span < 1:
            raise ValueError(f"a rate of {self.limit} per {self.window} s makes no sense")
        force_setattr(self, "span", span)
        force_setattr(self, "whole", span * self.limit)
        force_setattr(self, "second", MICROSECONDS * self.limit)


# Some of these are made for each call. They are in no cycle, and the garbage collector need not walk them.
class Take(Struct, frozen=True, gc=False):
    """``amount`` units from the counter ``key``, which has so many as its rate says; an amount of 0 only looks.

    ValueError for an amount below 0.
    """

    key: str
    amount: int
    rate: Rate

    def __post_init__(self) -> None:
        if self.amount < 0:
            raise ValueError(f"{self.amount} units cannot be taken")


class Hold(Struct, frozen=True, gc=False):
    """One of ``limit`` places at ``key``, for as long as a call runs; a dead holder's is free after ``lease`` seconds.

    ValueError for a limit below 1, or a lease shorter than a millisecond.
    """

    key: str
    limit: int
    lease: float
    span: int = 0
    """The lease in microseconds; it follows from that."""

    def __post_init__(self) -> None:
        if self.limit < 1 or self.lease < 0.001:  # noqa: PLR2004, the docstring says it
            raise ValueError(f"a hold of one in {self.limit} for {self.lease} s makes no sense")
        force_setattr(self, "span", round(self.lease * MICROSECONDS))


class Reserve(Struct, frozen=True, gc=False):
    """``amount`` nano-dollars of the purse ``key``, set aside until it is settled what was spent.

    Refused when the purse would hold more than ``limit``, spent and reserved together; None never refuses. ``ends`` is
    when the purse's period is over, in seconds since the epoch; a good while later the purse is forgotten. None: never.
    ValueError for an amount or a limit that is not in 0 .. 9 * 10^15.
    """

    key: str
    amount: int
    limit: int | None
    ends: float | None

    def __post_init__(self) -> None:
        if not 0 <= self.amount <= _MOST_MONEY or not 0 <= (self.limit or 0) <= _MOST_MONEY:
            raise ValueError(f"a reservation of {self.amount} in {self.limit} nano-dollars makes no sense")


class Charged(Struct, frozen=True, gc=False):
    """``amount`` nano-dollars that were spent from the purse ``key``, whose period is over at ``ends``.

    ValueError for less than nothing.
    """

    key: str
    amount: int
    ends: float | None

    def __post_init__(self) -> None:
        if self.amount < 0:
            raise ValueError(f"{self.amount} nano-dollars cannot have been spent")


class Reservation(Struct, frozen=True, gc=False):
    """What a holder has reserved, and has not settled yet."""

    holder: str
    at: float
    """Since when, in seconds since the epoch on the store's clock; a store that was filled anew says when it was."""
    amounts: tuple[tuple[str, int], ...]
    """Of each purse, by its key: nano-dollars."""


class Balance(Struct, frozen=True, gc=False):
    """What is in the purse that a reserve names, in nano-dollars; a purse that is new is empty."""

    reserve: Reserve
    spent: int
    reserved: int

    @property
    def remaining(self) -> int | None:
        """What may still be reserved; None where there is no limit."""
        limit = self.reserve.limit
        return None if limit is None else max(0, limit - self.spent - self.reserved)


class Level(Struct, frozen=True, gc=False):
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
        rate = self.take.rate
        return (self.whole_at - self.now * rate.limit) / rate.second


def standings(names: Iterable[str], levels: Iterable[Level]) -> list[tuple[str, int, int, float]]:
    """Of each level, after its name: the limit, what remains of it, and seconds until the reset."""
    told = []
    for name, level in zip(names, levels, strict=True):
        rate = level.take.rate
        limit = rate.limit
        taken = level.whole_at - level.now * limit
        told.append((name, limit, limit + -taken // rate.span, taken / rate.second))
    return told


class Refusal(Struct, frozen=True, gc=False):
    """What was refused: a reserve before a take, for it waits longest, and of the takes the one that waits longest."""

    index: int
    """Its place in the step: the holds count on after the takes, and the reserves after the holds."""
    retry_after: float | None
    """Seconds until it would be granted if nobody else took; None where no wait can be named.

    An amount beyond the limit is never granted, a place is free when somebody's call is over, and a purse is another
    one in the next period.
    """


class Verdict(Struct, frozen=True, gc=False):
    """The answer to a step: all of it was granted, or nothing was taken and ``refusal`` says why."""

    levels: tuple[Level, ...]
    """One for each take, in their order: after the step if it was granted, else as they stand."""
    refusal: Refusal | None = None
    balances: tuple[Balance, ...] = ()
    """One for each reserve of a step that only looks; whoever reserves is not told what others have."""

    @property
    def granted(self) -> bool:
        """Whether everything was taken."""
        return self.refusal is None


class Settlement(Struct, frozen=True, gc=False):
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

    A counter exists from its first use on and is forgotten when it is whole again, a purse when nothing was spent and
    nothing is reserved any more. Those of takes, of holds and of reserves are apart. Within a step each key stands
    once. CountersUnavailable when the store fails.
    """

    async def admit(
        self, takes: Sequence[Take], holds: Sequence[Hold] = (), reserves: Sequence[Reserve] = (), *, holder: str = ""
    ) -> Verdict:
        """Takes all of it or nothing; ``holder`` names the call that gets the places and the money.

        Who has a place, or money reserved in a purse, needs no second. A reservation of nothing is one, too: what it
        comes to is charged when it is settled. Without a holder a step only looks at purses: whether so much would fit.
        PursesClosed when there are reserves and the purses were not opened.
        """
        ...

    async def settle(
        self,
        settlements: Sequence[Settlement],
        holds: Sequence[Hold] = (),
        charged: Sequence[Charged] = (),
        *,
        holder: str = "",
    ) -> bool:
        """Sets right, once, what was estimated when it was taken, and frees the places of ``holder``.

        What was taken too much is given back as far as it has not filled up again by itself. What was used beyond it is
        charged now, down to nothing remaining and no further: nobody waits longer than one window for what is past.

        Of each purse that was charged, what ``holder`` has reserved is free and the charge is spent. Where he has
        nothing reserved, nothing happens: it was settled before, or is yet to be told when the purses are opened. Nor
        does it while they are closed, for they are about to be filled. Whether all of it was charged.
        """
        ...

    async def renew(self, holds: Sequence[Hold], *, holder: str) -> None:
        """Lets the leases of ``holder`` begin anew.

        A place that was lost, because the lease ended or the store did, is taken again, be it one too many: the call
        that holds it is running.
        """
        ...


class Purses(Protocol):
    """The same store, for whoever keeps its purses true to the books. CountersUnavailable when the store fails.

    Purses that were lost would say that nothing was spent. So a store lends no money until it is opened, which is to
    say: until it was told what the books know. What may lose purses closes them: a store that outlives this process
    is opened for one run of its server, by that run's name.
    """

    async def opened(self) -> str | None:
        """The name of the last opening; None when there was none."""
        ...

    async def open(
        self, name: str, spent: Sequence[Charged] = (), reserved: Sequence[tuple[str, Reserve]] = ()
    ) -> None:
        """Restores the purses, and only then opens them, by this name."""
        ...

    async def restore(self, spent: Sequence[Charged], reserved: Sequence[tuple[str, Reserve]]) -> None:
        """Fills the purses, also while they are closed; may be done again.

        Nothing is taken from what is there already: of each purse at least so much is spent, and each holder has the
        reservation that is given with him. All of one holder's are given one after the other.
        """
        ...

    async def raise_to(self, spent: Sequence[Charged]) -> None:
        """Lets at least so much be spent of each purse; opens nothing, and may be done again."""
        ...
