"""What a call may cost: foreseen before it begins, and where money may be gone that nobody can count."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from heapq import nlargest
from types import TracebackType

from msgspec import Struct, structs

from torana.core.exchange import Asked, Target, Usage
from torana.policy.ledger import Row
from torana.providers.base import Provider

_NOTHING = Decimal(0)


class Prices(Struct):
    """The prices of one call, in US dollars; None where nobody can tell.

    As a context it tells the call's permit what it came to, and its row, however it ends.
    """

    request: Asked
    targets: Sequence[Target]
    providers: Mapping[str, Provider]
    row: Row
    hedged: bool = False
    """Whether two targets may be at work at once."""
    doubtful: list[Target] = []
    """Targets that may be paid although nothing came of them."""
    meters: dict[Target, Callable[[], Usage]] = {}
    """Ways to learn what targets used so far that tell their answers as they come."""

    def worst(self) -> Decimal | None:
        """The most that it may plausibly cost: at the dearest of its targets, or at two where it is hedged."""
        targets = self.targets
        if len(targets) == 1:
            (target,) = targets
            return self.providers[target.account].worst(self.request, target)
        foreseen = [self._at(target) for target in targets]
        known = [price for price in foreseen if price is not None]
        if len(known) < len(foreseen):
            return None
        return sum(nlargest(2 if self.hedged else 1, known), _NOTHING)

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
        total: Decimal | None = _NOTHING
        for target in self.doubtful:
            used = self.meters.get(target)
            known = None if used is None else used().cost
            total = plus(total, self._at(target) if known is None else known)
        return total

    def __enter__(self) -> None:
        """The call begins to spend."""

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        row = self.row
        allowance = row.allowance
        if error is not None:
            allowance.cost, allowance.spent = self.in_doubt, bool(self.doubtful)
            row.usage = _estimated(self.metered)
            allowance.used["tokens"] = sum(row.usage.tokens.values())
            return
        usage = row.usage
        allowance.used = {"images": usage.images or 0, "tokens": sum(usage.tokens.values())}
        allowance.cost = usage.cost
        allowance.spent = True
        if self.doubtful:
            # Others may be paid as well, for what they did not deliver.
            allowance.cost = plus(usage.cost, self.in_doubt)
            row.usage = structs.replace(usage, cost=None)

    def _at(self, target: Target) -> Decimal | None:
        return self.providers[target.account].worst(self.request, target)


def plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """Both together, if both are known."""
    return None if one is None or other is None else one + other


def _estimated(usage: Usage) -> Usage:
    """What was used until a call was cut short, which its upstream has not told."""
    return usage if usage.price is None else structs.replace(usage, price=f"{usage.price}, estimated")
