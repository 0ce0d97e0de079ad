"""Counters in this process: for a gateway that runs alone, and for the time in which a shared store is gone."""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush, heapreplace
from typing import Generic, TypeVar

from torana.core.clock import Clock
from torana.storage.counters import gcra
from torana.storage.counters.gcra import Counter
from torana.storage.counters.port import MICROSECONDS, Charged, Hold, Reserve, Settlement, Take, Verdict
from torana.storage.counters.purses import MemoryPurses

V = TypeVar("V")

MAX_KEYS = 100_000
"""So many counters take some 30 MB."""

_LOOKS = 2
"""At how many old counters a new one looks, to take them away if they are worth nothing any more."""


class MemoryCounters:
    """Counters of this process alone, ``max_keys`` of takes and as many of holds and of purses.

    Beyond that the ones go that would be forgotten soonest anyway: their limits are whole again early. Purses stay.
    """

    def __init__(self, clock: Clock, *, max_keys: int = MAX_KEYS) -> None:
        self._clock = clock
        self._rates: _Shelf[Counter] = _Shelf(max_keys, _whole_at)
        self._places: _Shelf[_Places] = _Shelf(max_keys, _free_at)
        self._purses = MemoryPurses(clock, max_keys)

    async def admit(
        self, takes: Sequence[Take], holds: Sequence[Hold] = (), reserves: Sequence[Reserve] = (), *, holder: str = ""
    ) -> Verdict:
        """Takes all of it or nothing."""
        now = int(self._clock.ticks() * MICROSECONDS)
        short = self._purses.short(reserves, holder) if reserves else None
        full = self._first_full(holds, holder, now) if holds else None
        rates = self._rates.items
        levels = gcra.asked(takes, rates, now) if full is None and short is None else None
        if levels is None:
            return self._refused(takes, holds, () if holder else reserves, (full, short), now)
        for level in levels:
            take = level.take
            counter = rates.get(take.key)
            if counter is None:
                self._rates.put(take.key, Counter(level.whole_at, take.rate.limit), now)
            else:
                counter.whole_at, counter.limit = level.whole_at, take.rate.limit
        if holds:
            self._hold(holds, holder, now)
        if not reserves:
            return Verdict(tuple(levels))
        if holder:
            self._purses.reserve(reserves, holder)
            return Verdict(tuple(levels))
        return Verdict(tuple(levels), None, self._purses.balances(reserves))

    async def settle(
        self,
        settlements: Sequence[Settlement],
        holds: Sequence[Hold] = (),
        charged: Sequence[Charged] = (),
        *,
        holder: str = "",
    ) -> bool:
        """Sets right, once, what was estimated, and frees what ``holder`` has; whether he had all that is charged."""
        now = int(self._clock.ticks() * MICROSECONDS)
        for settlement in settlements:
            take = settlement.level.take
            limit = take.rate.limit
            counter = self._rates.items.get(take.key)
            if counter is None:
                self._rates.put(take.key, Counter(gcra.settled(settlement, 0, now), limit), now)
            else:
                counter.whole_at, counter.limit = gcra.settled(settlement, counter.at(limit), now), limit
        for hold in holds:
            if places := self._places.items.get(hold.key):
                places.pop(holder, None)
        return self._purses.settle(charged, holder) if charged else True

    async def renew(self, holds: Sequence[Hold], *, holder: str) -> None:
        """Lets the leases of ``holder`` begin anew."""
        self._hold(holds, holder, int(self._clock.ticks() * MICROSECONDS))

    async def opened(self) -> str | None:
        """The name of the opening; None while the purses are closed."""
        return self._purses.opened

    async def open(
        self, name: str, spent: Sequence[Charged] = (), reserved: Sequence[tuple[str, Reserve]] = ()
    ) -> None:
        """Fills the purses, and then opens them, for as long as this process lives."""
        self._purses.restore(spent, reserved)
        self._purses.opened = name

    async def restore(self, spent: Sequence[Charged], reserved: Sequence[tuple[str, Reserve]]) -> None:
        """Fills the purses."""
        self._purses.restore(spent, reserved)

    async def raise_to(self, spent: Sequence[Charged]) -> None:
        """Lets at least so much be spent of each purse."""
        self._purses.raise_to(spent)

    def _refused(
        self,
        takes: Sequence[Take],
        holds: Sequence[Hold],
        reserves: Sequence[Reserve],
        found: tuple[int | None, int | None],
        now: int,
    ) -> Verdict:
        """The verdict on a step of which this hold found no place, or this reserve too little, or a take."""
        full, short = found
        standing = []
        for take in takes:
            counter = self._rates.items.get(take.key)
            standing.append(gcra.standing(take.rate, 0 if counter is None else counter.at(take.rate.limit), now))
        return gcra.refused(
            takes,
            standing,
            now,
            full=None if full is None else len(takes) + full,
            short=None if short is None else len(takes) + len(holds) + short,
            balances=self._purses.balances(reserves),
        )

    def _first_full(self, holds: Sequence[Hold], holder: str, now: int) -> int | None:
        known = self._places.items
        for hold in holds:
            places = known.get(hold.key)
            if places is not None and len(places) >= hold.limit and holder not in places:
                _free_expired(places, now)
                if len(places) >= hold.limit:
                    return holds.index(hold)
        return None

    def _hold(self, holds: Sequence[Hold], holder: str, now: int) -> None:
        for hold in holds:
            places = self._places.items.get(hold.key)
            if places is None:
                self._places.put(hold.key, {holder: now + hold.span}, now)
            else:
                places[holder] = now + hold.span


_Places = dict[str, int]
"""Who holds a place, and until when, in microseconds."""


def _whole_at(counter: Counter) -> int:
    return -(-counter.whole_at // counter.limit)


def _free_at(places: _Places) -> int:
    return max(places.values(), default=0)


def _free_expired(places: _Places, now: int) -> None:
    for holder in [holder for holder, until in places.items() if until <= now]:
        del places[holder]


class _Shelf(Generic[V]):
    """Values by key, ``room`` at most, each of which is worth nothing from a moment on that ``until`` tells."""

    def __init__(self, room: int, until: Callable[[V], int]) -> None:
        self.items: dict[str, V] = {}
        self._room = room
        self._until = until
        # One entry for each item, with a moment that was once right: looked at in that order, and noted anew.
        self._due: list[tuple[int, str]] = []

    def put(self, key: str, value: V, now: int) -> None:
        items = self.items
        if key not in items:
            self._tidy(now)
            heappush(self._due, (self._until(value), key))
        items[key] = value

    def _tidy(self, now: int) -> None:
        """Makes room for one more, and takes away some of what is worth nothing: more than comes, so little stays."""
        looks = _LOOKS
        while self._due and (len(self.items) >= self._room or (looks and self._due[0][0] <= now)):
            looks = max(looks - 1, 0)
            noted, key = self._due[0]
            until = self._until(self.items[key])
            if until > max(noted, now):
                heapreplace(self._due, (until, key))
            else:
                heappop(self._due)
                del self.items[key]
