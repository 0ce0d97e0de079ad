from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from torana.core.clock import FakeClock
from torana.core.exchange import Principal, Target
from torana.pipeline.prices import Prices, plus
from torana.policy.ledger import Ledger


@dataclass(frozen=True)
class Asks:
    n: int
    model: str = "vary"
    parts: tuple[bytes, ...] = ()
    amounts: Any = None


@dataclass(frozen=True)
class Provider:
    each: Decimal | None
    operations: Any = None

    def worst(self, request: Asks, target: Target) -> Decimal | None:
        return None if self.each is None else self.each * request.n


CHEAP, DEAR, ODD, FREE = (Target(name, "a") for name in ("cheap", "dear", "odd", "free"))
PROVIDERS = {
    "cheap": Provider(Decimal("0.02")), "dear": Provider(Decimal("0.3")), "odd": Provider(None),
    "free": Provider(Decimal(0)),
}  # fmt: skip


def prices(*targets: Target, hedge_after: float | None = None) -> Prices:
    with Ledger(None, FakeClock()).row(Principal("a", "us"), "vary", request_id="r", metadata={}, within=1) as row:
        return Prices(Asks(2), targets, PROVIDERS, row, hedge_after is not None)


@pytest.mark.parametrize(
    ("targets", "hedge_after", "worst"),
    [
        ((CHEAP,), None, "0.04"),
        ((CHEAP, DEAR, FREE), None, "0.6"),
        ((CHEAP, DEAR, FREE), 2.0, "0.64"),
        ((CHEAP,), 2.0, "0.04"),
        ((FREE,), None, "0"),
        ((CHEAP, ODD), None, None),
        ((ODD,), 2.0, None),
    ],
)
def test_the_dearest_way_is_foreseen(targets, hedge_after, worst):
    assert prices(*targets, hedge_after=hedge_after).worst() == (None if worst is None else Decimal(worst))


def test_what_may_be_gone_adds_up():
    call = prices(CHEAP, DEAR)
    assert call.in_doubt == 0
    call.doubt(CHEAP)
    assert call.in_doubt == Decimal("0.04")
    call.doubt(DEAR)
    assert call.in_doubt == Decimal("0.64")
    call.doubt(ODD)
    assert call.in_doubt is None


def test_what_is_not_known_of_one_part_is_not_known_of_the_whole():
    assert plus(Decimal(1), Decimal(2)) == 3
    assert plus(None, Decimal(2)) is None
    assert plus(Decimal(1), None) is None
