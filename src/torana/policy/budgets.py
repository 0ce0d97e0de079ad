"""How much money may be spent in a stretch of the calendar: budgets from the settings, and what a call draws on them.

A call reserves the most that it may cost, of every budget that fits it, and is charged what it did cost. A hard budget
refuses what would go beyond it, what others have reserved included; a soft one only counts.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import repeat
from typing import NamedTuple

from msgspec import Struct

from torana.config.books import Budget
from torana.core.clock import Clock
from torana.core.errors import BudgetExceeded, LimitsUnknown, PriceUnknown
from torana.core.ledger import Charge
from torana.core.money import NANO, nanos
from torana.core.periods import Every, Period, period
from torana.policy.matching import Facts, Fitting, apart, remembered
from torana.storage.counters.port import Charged, CountersUnavailable, Reserve

Worst = Callable[[], Decimal | None]
"""The most that a call may cost, in US dollars; None where nobody knows."""


class _Draw(NamedTuple):
    """A budget that calls draw on, for as long as its period lasts; the same for all that draw on it alike."""

    budget: Budget
    limit: int | None
    """In nano-dollars."""
    period: Period
    charge: Charge


class _Drawn(Struct, frozen=True):
    """All that calls draw on which draw alike; and, in the same order, what the ledger and the counters know of it."""

    draws: tuple[_Draw, ...] = ()
    charges: tuple[Charge, ...] = ()
    keys: tuple[str, ...] = ()
    limits: tuple[int | None, ...] = ()
    ends: tuple[float | None, ...] = ()

    @classmethod
    def of(cls, draws: Sequence[_Draw]) -> "_Drawn":
        """All of these."""
        return cls(
            tuple(draws),
            charges=tuple([draw.charge for draw in draws]),
            keys=tuple([draw.charge.key for draw in draws]),
            limits=tuple([draw.limit for draw in draws]),
            ends=tuple([draw.period.ends for draw in draws]),
        )


_NOT_DRAWN = _Drawn()


class Draft(Struct, frozen=True, gc=False):
    """What one call draws on budgets."""

    drawn: _Drawn = _NOT_DRAWN
    reserved: int = 0
    """Nano-dollars, of each of them; nothing where it is not known what the call may cost."""

    @property
    def reserves(self) -> tuple[Reserve, ...]:
        """What it draws on, for the counters."""
        drawn = self.drawn
        return tuple(map(Reserve, drawn.keys, repeat(self.reserved), drawn.limits, drawn.ends))

    def charged(self, amount: int) -> tuple[Charged, ...]:
        """What each is charged when it comes to so many nano-dollars."""
        drawn = self.drawn
        return tuple(map(Charged, drawn.keys, repeat(amount), drawn.ends))

    def refused(self, index: int, now: float) -> BudgetExceeded:
        """What is told to whom a budget refuses; ``now`` in seconds since the epoch."""
        return _refused(self.drawn.draws[index], self.reserved, now)

    def pass_uncounted(self, error: CountersUnavailable) -> None:
        """LimitsUnknown where a hard budget refuses what cannot be counted at the moment."""
        for draw in self.drawn.draws:
            if draw.budget.mode == "hard" and draw.budget.unavailable == "closed":
                raise _unknown(draw.budget) from error


NOTHING = Draft()
"""No budget is drawn on; there is no other draft of which that is so."""


class _Present:
    """The periods that it is at a moment, and what calls draw on in them."""

    def __init__(self, budgets: Sequence[Budget], now: float) -> None:
        stretches = {budget.every: period(budget.every, now) for budget in budgets}
        self._fitting = Fitting((budget, (budget, _limit(budget), stretches[budget.every])) for budget in budgets)
        self.begins = max((each.begins for each in stretches.values()), default=-math.inf)
        self.ends = min((each.ends for each in stretches.values() if each.ends is not None), default=math.inf)
        """When one of them is over."""
        self.drawn: Callable[[Facts], _Drawn] = remembered(self._drawn, budgets)

    def _drawn(self, facts: Facts) -> _Drawn:
        draws = []
        for budget, limit, stretch in self._fitting.to(facts):
            charge = Charge(budget.name, apart(budget.per, facts), stretch.name)
            draws.append(_Draw(budget, limit, stretch, charge))
        return _Drawn.of(draws) if draws else _NOT_DRAWN


class Budgets:
    """The budgets of the settings, at the moment that a clock tells."""

    def __init__(self, budgets: Iterable[Budget], clock: Clock) -> None:
        self._budgets = tuple(budgets)
        self._clock = clock
        self._present = _Present(self._budgets, clock.now())

    def draft(self, facts: Facts, worst: Worst) -> Draft:
        """What a call draws on them; ``worst`` is asked only when there is something.

        PriceUnknown when it is not known and a hard budget admits only what is.
        """
        if not self._budgets:
            return NOTHING
        present, now = self._present, self._clock.now()
        if not present.begins <= now < present.ends:
            present = self._present = _Present(self._budgets, now)
        drawn = present.drawn(facts)
        if drawn is _NOT_DRAWN:
            return NOTHING
        price = worst()
        if price is None:
            _admit_unknown([draw.budget for draw in drawn.draws], facts.model)
            return Draft(drawn)
        return Draft(drawn, nanos(price))

    def refused(self, draft: Draft, index: int) -> BudgetExceeded:
        """What is told to whom the budget at this place of the draft refuses."""
        return draft.refused(index, self._clock.now())


def _limit(budget: Budget) -> int | None:
    """In nano-dollars, and never more than is written; None for one that only counts."""
    return int(budget.limit * NANO) if budget.mode == "hard" else None


def _admit_unknown(budgets: Iterable[Budget], model: str) -> None:
    for budget in budgets:
        if budget.mode == "hard" and budget.unknown == "refuse":
            error = PriceUnknown(
                f"It is not known what this call of the model '{model}' may cost, and the budget '{budget.name}' "
                "admits only calls whose price is known."
            )
            error.rule = budget.name
            raise error


def _unknown(budget: Budget) -> LimitsUnknown:
    error = LimitsUnknown(
        f"The budget '{budget.name}' cannot be checked at the moment. Try again.",
        code="budgets_unavailable",
        retry_after=1,
    )
    error.rule = budget.name
    return error


def _refused(draw: _Draw, amount: int, now: float) -> BudgetExceeded:
    budget, ends = draw.budget, draw.period.ends
    what = f"The budget '{budget.name}' of ${budget.limit:,f}{_stretch(budget.every, draw.period)}"
    wait = None if ends is None else max(0.0, ends - now)
    if amount > (draw.limit or 0):
        what, rest, wait = f"{what} is less than this call may cost.", "", None
    elif ends is None:
        what, rest = f"{what} has too little left for this call.", " It does not begin anew."
    else:
        begins = datetime.fromtimestamp(ends, UTC)
        what, rest = f"{what} has too little left for this call.", f" It begins anew on {begins:%Y-%m-%d at %H:%M} UTC."
    error = BudgetExceeded(what + rest, retry_after=wait)
    error.rule = budget.name
    return error


def _stretch(every: Every, stretch: Period) -> str:
    return "" if every == "ever" else f" for the {every} {stretch.name}"
