"""How much a caller may have in a while: rules from the settings, and what they count of a call.

The algorithm is the counters' (GCRA: as much as the limit at once, then as it fills up again evenly). Every rule that
fits a call counts. What is only known afterwards, such as pictures, is reserved as asked for and settled as it came.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from torana.config.policies import Limit
from torana.core.errors import LimitExceeded, LimitsUnknown
from torana.policy.matching import Facts, Fitting, apart, remembered
from torana.storage.counters.port import (
    CountersUnavailable,
    Hold,
    Level,
    Rate,
    Refusal,
    Settlement,
    Take,
    standings,
)

_CONCURRENT, _REQUESTS = "concurrent", "requests"
_SETTLED = frozenset({"images", "tokens"})
"""What is estimated when a call begins."""


Standing: TypeAlias = tuple[str, int, int, float]
"""Where a caller stands with a limit, for the reply's headers: what it is of, how much it is and how much remains, and
seconds until it is whole again."""


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

    __slots__ = ("_apart", "_asked", "_settled", "_takes", "_told", "holds", "limits", "rules")

    def __init__(self, counted: Sequence[Counted], lease: float) -> None:
        self.rules = tuple([each.rule for each in counted])
        taking = [each for each in counted if each.of != _CONCURRENT]
        holding = [each for each in counted if each.of == _CONCURRENT]
        self.limits = tuple([each.rule.limit for each in (*taking, *holding)])
        """In the order in which a step has what they take, and then what they hold."""
        self.holds = tuple([Hold(each.key, each.rate.limit, lease) for each in holding])
        # Of requests each call takes one, so there is one take for all calls; the others' places are filled in.
        self._takes = [Take(each.key, 1, each.rate) for each in taking]
        self._asked = tuple(
            [(place, each.of, each.key, each.rate) for place, each in enumerate(taking) if each.of != _REQUESTS]
        )
        self._settled = tuple([(place, each.of) for place, each in enumerate(taking) if each.of in _SETTLED])
        self._told = tuple([each.of for each in taking])
        self._apart = len(set(self._told)) == len(taking)

    def takes(self, amounts: Mapping[str, int], is_new: bool = True) -> list[Take]:  # noqa: FBT001, FBT002 - one of two
        """What a call takes that asks for so much; one that is begun again was counted as a request already."""
        takes = self._takes.copy() if is_new else [Take(take.key, 0, take.rate) for take in self._takes]
        for place, of, key, rate in self._asked:
            takes[place] = Take(key, amounts.get(of, 0), rate)
        return takes

    def standings(self, levels: Sequence[Level]) -> Sequence[Standing]:
        """Of each thing that is counted, the rule that leaves the least."""
        told = standings(self._told, levels)
        return told if self._apart else _tightest(told)

    def refused(self, refusal: Refusal) -> LimitExceeded:
        """What is told to whom a limit refuses."""
        return _refused(self.limits[refusal.index], refusal.retry_after)

    def settlements(self, levels: Sequence[Level], used: Mapping[str, int]) -> list[Settlement]:
        """What is to be set right of what these levels were left by, when a call used so much."""
        settlements = []
        for place, of in self._settled:
            level, amount = levels[place], used.get(of, 0)
            if amount != level.take.amount:
                settlements.append(Settlement(level, amount))
        return settlements


class Limits:
    """The rules, and how long the places of a process that died stay taken, in seconds."""

    def __init__(self, rules: Sequence[Rule], lease: float) -> None:
        self.lease = lease
        self._fitting = Fitting((rule.limit, rule) for rule in rules)
        self.sheet: Callable[[Facts], Sheet] = remembered(self._sheet, [rule.limit for rule in rules])
        """What the rules that are for a call count of it."""

    def sheet_while_they_fail(self, facts: Facts, error: CountersUnavailable) -> Sheet:
        """What they count in this process while the counters fail; LimitsUnknown when one refuses then."""
        rules = self.sheet(facts).rules
        for rule in rules:
            if rule.limit.unavailable == "closed":
                raise _unknown(rule.limit) from error
        shared = [_counted(rule, rule.share, facts) for rule in rules if rule.limit.unavailable == "share"]
        return Sheet(shared, self.lease)

    def _sheet(self, facts: Facts) -> Sheet:
        return Sheet([_counted(rule, rule.rate, facts) for rule in self._fitting.to(facts)], self.lease)


def _tightest(told: Sequence[Standing]) -> tuple[Standing, ...]:
    """Of each thing the first that leaves the least."""
    tightest: dict[str, Standing] = {}
    for standing in told:
        known = tightest.get(standing[0])
        if known is None or standing[2] < known[2]:
            tightest[standing[0]] = standing
    return tuple(tightest.values())


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
