"""What a call may cost: foreseen before it begins, and where money may be gone that nobody can count."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from heapq import nlargest

from torana.core.exchange import Asked, Plan, Target, Usage
from torana.policy.ledger import Row
from torana.providers.base import Provider


@dataclass(slots=True)
class Prices:
    """The prices of one call, in US dollars; None where nobody can tell."""

    request: Asked
    plan: Plan
    providers: Mapping[str, Provider]
    doubtful: list[Target] = field(default_factory=list)
    """Targets that may be paid although nothing came of them."""
    meters: dict[Target, Callable[[], Usage]] = field(default_factory=dict)
    """Ways to learn what targets used so far that tell their answers as they come."""

    def worst(self) -> Decimal | None:
        """The most that it may plausibly cost: at the dearest of its targets, or at two where it is hedged."""
        foreseen = [self._at(target) for target in self.plan.targets]
        known = [price for price in foreseen if price is not None]
        if len(known) < len(foreseen):
            return None
        return sum(nlargest(1 if self.plan.routing.hedge_after is None else 2, known), Decimal(0))

    def meter(self, target: Target, used: Callable[[], Usage]) -> None:
        """A target is at work."""
        self.meters[target] = used

    @property
    def metered(self) -> Usage:
        """What the target used so far that was at work last."""
        return self.meters[next(reversed(self.meters))]() if self.meters else Usage()

    def doubt(self, target: Target) -> None:
        """A target failed, or was told to stop, after it may have begun to earn."""
        self.doubtful.append(target)

    @property
    def in_doubt(self) -> Decimal | None:
        """The most that is gone at the doubtful ones."""
        total: Decimal | None = Decimal(0)
        for target in self.doubtful:
            used = self.meters.get(target)
            known = None if used is None else used().cost
            total = plus(total, self._at(target) if known is None else known)
        return total

    def _at(self, target: Target) -> Decimal | None:
        return self.providers[target.account].worst(self.request, target)


def plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """Both together, if both are known."""
    return None if one is None or other is None else one + other


def _estimated(usage: Usage) -> Usage:
    """What was used until a call was cut short, which its upstream has not told."""
    return usage if usage.price is None else replace(usage, price=f"{usage.price}, estimated")


@contextmanager
def accounted(row: Row, prices: Prices) -> Iterator[None]:
    """Tells the call's permit what it came to, and its row, however it ends."""
    allowance = row.allowance
    try:
        yield
    except BaseException:
        allowance.cost, allowance.spent = prices.in_doubt, bool(prices.doubtful)
        row.usage = _estimated(prices.metered)
        allowance.used.update(tokens=sum(row.usage.tokens.values()))
        raise
    usage = row.usage
    allowance.used.update(images=usage.images or 0, tokens=sum(usage.tokens.values()))
    allowance.cost, allowance.spent = usage.cost, True
    if prices.doubtful:
        # Others may be paid as well, for what they did not deliver.
        allowance.cost = plus(usage.cost, prices.in_doubt)
        row.usage = replace(usage, cost=None)
