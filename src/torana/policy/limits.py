"""How much a caller may have in a while: rules from the settings, counted in one atomic step for each call.

The algorithm is the counters' (GCRA: as much as the limit at once, then as it fills up again evenly). Every rule that
fits a call counts. What is only known afterwards, such as pictures, is reserved as asked for and settled as it came.
"""

import asyncio
import math
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from torana.config.policies import Limit, When
from torana.core.errors import LimitExceeded, LimitsUnknown
from torana.core.exchange import Principal
from torana.storage.counters.port import Counters, CountersUnavailable, Hold, Rate, Settlement, Take, Verdict

_CONCURRENT = "concurrent"
_RENEWALS = 3
"""How often a place is renewed within its lease."""
_SETTLED = frozenset({"images"})
"""What is estimated when a call begins."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules look at in a call."""

    principal: Principal
    model: str
    operation: str
    metadata: Mapping[str, str]
    amounts: Mapping[str, int]
    """How much of each thing it asks for, by name."""


class Standing(NamedTuple):
    """Where a caller stands with a limit, for the reply's headers."""

    of: str
    limit: int
    remaining: int
    reset: float
    """Seconds until it is whole again."""


Tell = Callable[[Sequence[Standing]], None]
"""Told where the caller stands, passed or refused."""


@dataclass(slots=True)
class Allowance:
    """What a call was let have; ``used`` is filled with what it really took, by name, before it ends."""

    used: dict[str, int] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True)
class _Count:
    """A rule for one call: what to take, or which place to hold."""

    rule: Rule
    take: Take | None
    hold: Hold | None


@dataclass(frozen=True, slots=True)
class Limits:
    """The rules, and where they are counted."""

    rules: tuple[Rule, ...]
    counters: Counters
    own: Counters
    """This process's own, for rules that are shared out while the others fail."""
    lease: float
    """How long the places of a process that died stay taken, in seconds."""
    refused: Callable[[str], None] = lambda _name: None
    """Told the name of a limit that refused."""

    @asynccontextmanager
    async def allowance(self, facts: Facts, tell: Tell) -> AsyncIterator[Allowance]:
        """Lets a call pass, and settles what it used when it is over, however it ends.

        LimitExceeded when a rule refuses, LimitsUnknown when the counters fail and a rule then refuses.
        """
        fitting = [rule for rule in self.rules if _fits(rule.limit.when, facts)]
        if not fitting:
            yield Allowance()
            return
        step = _Step(self.counters, [self._count(rule, rule.rate, facts) for rule in fitting], secrets.token_hex(8))
        try:
            verdict = await step.admitted()
        except CountersUnavailable as error:
            left = _while_they_fail(fitting, error)
            step = _Step(self.own, [self._count(rule, rule.share, facts) for rule in left], step.holder)
            verdict = await step.admitted()
        tell(_standings(verdict, step))
        self._check(verdict, step)
        allowance = Allowance()
        try:
            async with step.kept(self.lease / _RENEWALS):
                yield allowance
        finally:
            await step.settled(verdict, allowance.used)

    def _count(self, rule: Rule, rate: Rate, facts: Facts) -> _Count:
        of = rule.limit.of
        key = f"{rule.limit.name} {_apart(rule.limit.per, facts)}"
        if of == _CONCURRENT:
            return _Count(rule, None, Hold(key, rate.limit, self.lease))
        return _Count(rule, Take(key, 1 if of == "requests" else facts.amounts.get(of, 0), rate), None)

    def _check(self, verdict: Verdict, step: "_Step") -> None:
        refusal = verdict.refusal
        if refusal is None:
            return
        counts = [*step.taking, *step.holding]
        limit = counts[refusal.index].rule.limit
        self.refused(limit.name)
        raise _refused(limit, refusal.retry_after)


class _Step:
    """All that one call is counted by, in one atomic step at its beginning and one at its end."""

    def __init__(self, counters: Counters, counts: Sequence[_Count], holder: str) -> None:
        self.holder = holder
        self.taking = [count for count in counts if count.take]
        self.holding = [count for count in counts if count.hold]
        self._counters = counters
        self._takes = [count.take for count in counts if count.take]
        self._holds = [count.hold for count in counts if count.hold]

    async def admitted(self) -> Verdict:
        """Whether the call may pass."""
        if not self.taking and not self.holding:
            return Verdict(())
        return await self._counters.admit(self._takes, self._holds, holder=self.holder)

    @asynccontextmanager
    async def kept(self, every: float) -> AsyncIterator[None]:
        """Renews the places that are held, each ``every`` seconds: those of a gateway that died are soon free."""
        renewing = asyncio.create_task(self._renew(every)) if self._holds else None
        try:
            yield
        finally:
            if renewing is not None:
                renewing.cancel()
                await asyncio.wait((renewing,))

    async def _renew(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            with suppress(CountersUnavailable):
                await self._counters.renew(self._holds, holder=self.holder)

    async def settled(self, verdict: Verdict, used: Mapping[str, int]) -> None:
        """Sets right what was estimated, and frees places."""
        settlements = [
            Settlement(level, used.get(count.rule.limit.of, 0))
            for count, level in zip(self.taking, verdict.levels, strict=True)
            if count.rule.limit.of in _SETTLED and used.get(count.rule.limit.of, 0) != level.take.amount
        ]
        if settlements or self._holds:
            # What was taken fills up again by itself, and a place that is held ends with its lease.
            with suppress(CountersUnavailable):
                await self._counters.settle(settlements, self._holds, holder=self.holder)


def _refused(limit: Limit, wait: float | None) -> LimitExceeded:
    if limit.of == _CONCURRENT:
        what, rest = f"{limit.limit} calls at once", "Wait for one of them to end."
    else:
        what = f"{limit.limit:,} {limit.of} every {limit.every:g} s"
        rest = "The call asks for more than that." if wait is None else f"Try again in {math.ceil(wait)} s."
    return LimitExceeded(f"The limit '{limit.name}' of {what} is used up. {rest}", retry_after=wait)


def _while_they_fail(rules: Iterable[Rule], error: CountersUnavailable) -> list[Rule]:
    """The rules that are counted here while the counters fail; LimitsUnknown when one refuses then."""
    for rule in rules:
        if rule.limit.unavailable == "closed":
            raise LimitsUnknown(
                f"The limit '{rule.limit.name}' cannot be checked at the moment. Try again.", retry_after=1
            ) from error
    return [rule for rule in rules if rule.limit.unavailable == "share"]


def _standings(verdict: Verdict, step: _Step) -> tuple[Standing, ...]:
    """Of each thing that is counted, the rule that leaves the least."""
    tightest: dict[str, Standing] = {}
    for count, level in zip(step.taking, verdict.levels, strict=True):
        standing = Standing(count.rule.limit.of, level.take.rate.limit, level.remaining, level.reset)
        known = tightest.get(standing.of)
        if known is None or standing.remaining < known.remaining:
            tightest[standing.of] = standing
    return tuple(tightest.values())


def _fits(when: When, facts: Facts) -> bool:
    principal = facts.principal
    return (
        _any((principal.subject,), when.users)
        and _any(principal.teams, when.teams)
        and _any((facts.model,), when.models)
        and _any((facts.operation,), when.operations)
        and all(facts.metadata.get(key) == value for key, value in when.metadata.items())
    )


def _any(names: Iterable[str], patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, _plain(pattern)) for name in names for pattern in patterns)


def _plain(pattern: str) -> str:
    # `*` is the only wild card: what fnmatch knows beyond it stands for itself.
    return pattern.replace("[", "[[]").replace("?", "[?]")


def _apart(per: Iterable[str], facts: Facts) -> str:
    """What a rule counts apart, as part of its key; quoted, so that no name can be another's."""
    principal = facts.principal
    known: Mapping[str, object] = {
        "user": (principal.issuer, principal.subject),
        "team": sorted(principal.teams),
        "model": facts.model,
    }
    return repr([known[each] if each in known else facts.metadata.get(each.removeprefix("metadata.")) for each in per])
