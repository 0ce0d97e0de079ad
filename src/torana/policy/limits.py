"""How much a caller may have in a while: rules from the settings, and what they count of a call.

The algorithm is the counters' (GCRA: as much as the limit at once, then as it fills up again evenly). Every rule that
fits a call counts. What is only known afterwards, such as pictures, is reserved as asked for and settled as it came.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torana.config.policies import Limit
from torana.core.errors import LimitExceeded, LimitsUnknown
from torana.policy.matching import Facts, apart, fits, remembered
from torana.storage.counters.port import CountersUnavailable, Hold, Level, Rate, Refusal, Settlement, Take

_CONCURRENT = "concurrent"
_SETTLED = frozenset({"images", "tokens"})
"""What is estimated when a call begins."""


class Standing(NamedTuple):
    """Where a caller stands with a limit, for the reply's headers."""

    of: str
    limit: int
    remaining: int
    reset: float
    """Seconds until it is whole again."""


Tell = Callable[[Sequence[Standing]], None]
"""Told where the caller stands, passed or refused."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit from the settings, ready to be counted."""

    limit: Limit
    rate: Rate
    share: Rate
    """One process's share of it, while the counters fail."""

    @classmethod
    def of(cls, limit: Limit, *, replicas: int) -> "Rule":
        """The rule that a setting makes, where so many processes share it."""
        return cls(limit, Rate(limit.limit, limit.every), Rate(max(1, limit.limit // replicas), limit.every))


class Counted(NamedTuple):
    """A rule that is for a call, how much it lets have, and the counter on which the call draws."""

    rule: Rule
    rate: Rate
    key: str
    of: str


class Sheet:
    """What rules count of calls: the same for all that are counted alike, so it is made once for them."""

    def __init__(self, counted: Sequence[Counted], lease: float) -> None:
        self.rules = tuple([each.rule for each in counted])
        self.taking = tuple([each for each in counted if each.of != _CONCURRENT])
        self.holding = tuple([each for each in counted if each.of == _CONCURRENT])
        self.holds = tuple([Hold(each.key, each.rate.limit, lease) for each in self.holding])


class Tally:
    """What is counted of one call: what to take, and which places to hold."""

    __slots__ = ("_sheet", "holds", "takes")

    def __init__(self, sheet: Sheet, amounts: Mapping[str, int]) -> None:
        self._sheet = sheet
        self.holds = sheet.holds
        self.takes = [
            Take(key, 1 if of == "requests" else amounts.get(of, 0), rate) for _, rate, key, of in sheet.taking
        ]

    def standings(self, levels: Sequence[Level]) -> tuple[Standing, ...]:
        """Of each thing that is counted, the rule that leaves the least."""
        tightest: dict[str, Standing] = {}
        for (_, rate, _, of), level in zip(self._sheet.taking, levels, strict=True):
            remaining = level.remaining
            known = tightest.get(of)
            if known is None or remaining < known.remaining:
                tightest[of] = Standing(of, rate.limit, remaining, level.reset)
        return tuple(tightest.values())

    def refused(self, refusal: Refusal) -> LimitExceeded:
        """What is told to whom a limit refuses."""
        counted = (*self._sheet.taking, *self._sheet.holding)
        return _refused(counted[refusal.index].rule.limit, refusal.retry_after)

    def settlements(self, levels: Sequence[Level], used: Mapping[str, int]) -> list[Settlement]:
        """What is to be set right of what these levels were left by, when a call used so much."""
        settlements = []
        for (_, _, _, of), level in zip(self._sheet.taking, levels, strict=True):
            if of in _SETTLED and used.get(of, 0) != level.take.amount:
                settlements.append(Settlement(level, used.get(of, 0)))
        return settlements


class Limits:
    """The rules, and how long the places of a process that died stay taken, in seconds."""

    def __init__(self, rules: Sequence[Rule], lease: float) -> None:
        self.lease = lease
        self._rules = tuple(rules)
        self.sheet: Callable[[Facts], Sheet] = remembered(self._sheet, [rule.limit for rule in rules])
        """What the rules that are for a call count of it."""

    def tally_while_they_fail(self, facts: Facts, error: CountersUnavailable) -> Tally:
        """What they count in this process while the counters fail; LimitsUnknown when one refuses then."""
        rules = self.sheet(facts).rules
        for rule in rules:
            if rule.limit.unavailable == "closed":
                raise _unknown(rule.limit) from error
        shared = [_counted(rule, rule.share, facts) for rule in rules if rule.limit.unavailable == "share"]
        return Tally(Sheet(shared, self.lease), facts.amounts)

    def _sheet(self, facts: Facts) -> Sheet:
        fitting = [rule for rule in self._rules if fits(rule.limit.when, facts)]
        return Sheet([_counted(rule, rule.rate, facts) for rule in fitting], self.lease)


def _counted(rule: Rule, rate: Rate, facts: Facts) -> Counted:
    return Counted(rule, rate, f"{rule.limit.name} {apart(rule.limit.per, facts)}", rule.limit.of)


def _refused(limit: Limit, wait: float | None) -> LimitExceeded:
    if limit.of == _CONCURRENT:
        what, rest = f"{limit.limit} calls at once", "Wait for one of them to end."
    else:
        what = f"{limit.limit:,} {limit.of} every {limit.every}"
        rest = "The call asks for more than that." if wait is None else f"Try again in {math.ceil(wait)} s."
    error = LimitExceeded(f"The limit '{limit.name}' of {what} is used up. {rest}", retry_after=wait)
    error.rule = limit.name
    return error


def _unknown(limit: Limit) -> LimitsUnknown:
    error = LimitsUnknown(f"The limit '{limit.name}' cannot be checked at the moment. Try again.", retry_after=1)
    error.rule = limit.name
    return error
