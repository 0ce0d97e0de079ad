"""What a call may cost: foreseen before it begins, and where money may be gone that nobody can count."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import nlargest

from torana.core.exchange import Asked, Plan, Target
from torana.providers.base import Provider


@dataclass(slots=True)
class Prices:
    """The prices of one call, in US dollars; None where nobody can tell."""

    request: Asked
    plan: Plan
    providers: Mapping[str, Provider]
    doubtful: list[Target] = field(default_factory=list)
    """Targets that may be paid although nothing came of them."""

    def worst(self) -> Decimal | None:
        """The most that it may plausibly cost: at the dearest of its targets, or at two where it is hedged."""
        foreseen = [self._at(target) for target in self.plan.targets]
        known = [price for price in foreseen if price is not None]
        if len(known) < len(foreseen):
            return None
        return sum(nlargest(1 if self.plan.routing.hedge_after is None else 2, known), Decimal(0))

    def doubt(self, target: Target) -> None:
        """A target failed, or was told to stop, after it may have begun to earn."""
        self.doubtful.append(target)

    @property
    def in_doubt(self) -> Decimal | None:
        """The most that is gone at the doubtful ones."""
        total: Decimal | None = Decimal(0)
        for target in self.doubtful:
            total = plus(total, self._at(target))
        return total

    def _at(self, target: Target) -> Decimal | None:
        return self.providers[target.account].worst(self.request, target)


def plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """Both together, if both are known."""
    return None if one is None or other is None else one + other
