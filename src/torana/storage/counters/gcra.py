"""The one algorithm of all rate limits: GCRA, as pure arithmetic on whole numbers.

A counter of L units per window W is described by a single moment: when it will be whole again, F. At the time t

    F  = max(F, t)                what filled up meanwhile; never beyond L
    F' = F + a * W / L            with a units taken
    granted if F' <= t + W
    remaining = floor((t + W - F) * L / W), reset = F - t, retry after F' - (t + W)

so L units can be taken at once (the burst), and each comes back W / L after the one before: within any t seconds at
most L + L * t / W are granted. Moments are counted in parts of a microsecond of which it has L, so that W / L is a
whole number of them and nothing is ever rounded; ``now`` and spans are in microseconds.
"""

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct

from torana.storage.counters.port import MICROSECONDS, Balance, Level, Rate, Refusal, Settlement, Take, Verdict


class Counter(Struct, gc=False):
    """When a counter is whole again, in parts of which a microsecond has as many as its limit has units."""

    whole_at: int
    limit: int

    def at(self, limit: int) -> int:
        """The same in the parts of another limit."""
        return self.whole_at if self.limit == limit else self.whole_at * limit // self.limit


def standing(rate: Rate, whole_at: int, now: int) -> int:
    """When a counter is whole again: not in the past, and in one window even if the rate or the clock has changed."""
    present = now * rate.limit
    return min(whole_at, present + rate.whole) if whole_at > present else present


def taken(take: Take, whole_at: int, now: int) -> tuple[int, bool]:
    """When it is whole again after the take, and whether so much may be taken."""
    rate = take.rate
    after = whole_at + take.amount * rate.span
    return after, after <= (now + rate.span) * rate.limit


def asked(takes: Sequence[Take], counters: Mapping[str, Counter], now: int) -> list[Level] | None:
    """What is left when all is taken that may be: ``standing`` and ``taken`` in one; None where one does not fit."""
    levels = []
    for take in takes:
        rate = take.rate
        limit = rate.limit
        whole_at = present = now * limit
        full = present + rate.whole
        counter = counters.get(take.key)
        if counter is not None:
            whole_at = counter.whole_at if counter.limit == limit else counter.at(limit)
            if whole_at < present:
                whole_at = present
            elif whole_at > full:
                whole_at = full
        whole_at += take.amount * rate.span
        if whole_at > full:
            return None
        levels.append(Level(take, whole_at, now))
    return levels


def settled(settlement: Settlement, whole_at: int, now: int) -> int:
    """When it is whole again once the truth about a take is known: what ``corrected`` leads to, all in one."""
    level = settlement.level
    take = level.take
    rate = take.rate
    present = now * rate.limit
    more = (settlement.used - take.amount) * rate.span
    # No more is given back than still lies ahead of what was reserved.
    more = max(more, min(present - level.whole_at, 0))
    return max(present, min(max(whole_at, present) + more, present + rate.whole))


def corrected(settlement: Settlement) -> tuple[int, int, int]:
    """When the take's counter would be whole again with what was taken and with what was used, and what to add now.

    The two moments are given and not their distance, because of the distance only what lies ahead can be given back:
    the rest has filled up already, and would be lent twice.
    """
    level = settlement.level
    more = (settlement.used - level.take.amount) * level.take.rate.span
    return level.whole_at, level.whole_at + min(more, 0), max(more, 0)


def granted(takes: Sequence[Take], whole_at: Sequence[int], now: int, balances: tuple[Balance, ...] = ()) -> Verdict:
    """The verdict on a step that was taken; the counters are whole again at these moments."""
    return Verdict(_levels(takes, whole_at, now), None, balances)


def refused(
    takes: Sequence[Take],
    whole_at: Sequence[int],
    now: int,
    *,
    full: int | None = None,
    short: int | None = None,
    balances: tuple[Balance, ...] = (),
) -> Verdict:
    """The verdict on a step that was not.

    ``full`` is the first hold that found no place and ``short`` the first reserve that found too little: their places
    in the step.
    """
    levels = _levels(takes, whole_at, now)
    if short is not None:
        return Verdict(levels, Refusal(short, None), balances)
    waits = [_wait(level) for level in levels]
    longest = max(waits, default=0.0)
    if longest > 0:
        return Verdict(levels, Refusal(waits.index(longest), None if longest == math.inf else longest), balances)
    assert full is not None, "somebody refused"
    return Verdict(levels, Refusal(full, None), balances)


def _levels(takes: Sequence[Take], whole_at: Sequence[int], now: int) -> tuple[Level, ...]:
    return tuple([Level(take, moment, now) for take, moment in zip(takes, whole_at, strict=True)])


def _wait(level: Level) -> float:
    """Seconds until what the take asked for would fit."""
    rate = level.take.rate
    if level.take.amount > rate.limit:
        return math.inf
    after, _ = taken(level.take, level.whole_at, level.now)
    return (after - (level.now + rate.span) * rate.limit) / (rate.limit * MICROSECONDS)
