from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.policy.rules import ADA, BOB, budget, facts
from torana.core.clock import FakeClock
from torana.core.errors import BudgetExceeded, LimitsUnknown, PriceUnknown
from torana.core.ledger import Charge
from torana.policy.budgets import Budgets, Draft
from torana.storage.counters.port import Charged, CountersUnavailable, Reserve

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
GONE = CountersUnavailable("gone")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


def budgets(clock: FakeClock, *said: dict[str, Any]) -> Budgets:
    return Budgets([budget(**each) for each in said], clock)


def draft(clock: FakeClock, *said: dict[str, Any], worst: str | None = "0.04", **call: Any) -> Draft:
    price = None if worst is None else Decimal(worst)
    return budgets(clock, *said).draft(facts(**call), lambda: price)


def test_a_call_reserves_the_most_it_may_cost_of_each_budget_that_fits(clock: FakeClock) -> None:
    made = draft(
        clock,
        {"name": "all", "limit": "500.50"},
        {"name": "each", "limit": "2", "every": "day", "per": ["user"]},
        {"name": "others", "limit": "9", "when": {"users": ["bob"]}},
        {"name": "watched", "limit": "1", "every": "ever", "mode": "soft"},
    )
    assert made.reserved == 40_000_000
    assert made.drawn.charges == (
        Charge("all", "", "2026-11"),
        Charge("each", "user=ada", "2026-11-20"),
        Charge("watched", "", "ever"),
    )
    assert made.reserves == (
        Reserve("all  2026-11", 40_000_000, 500_500_000_000, DECEMBER),
        Reserve("each user=ada 2026-11-20", 40_000_000, 2_000_000_000, NOON + 43_200),
        Reserve("watched  ever", 40_000_000, None, None),
    )
    assert made.charged(7)[1] == Charged("each user=ada 2026-11-20", 7, NOON + 43_200)


def test_where_no_budget_fits_nobody_asks_for_the_price(clock: FakeClock) -> None:
    made = budgets(clock, {"name": "others", "limit": "9", "when": {"users": ["bob"]}})

    def worst() -> Decimal:
        raise AssertionError

    assert made.draft(facts(ADA), worst) == Draft()
    with pytest.raises(AssertionError):
        made.draft(facts(BOB), worst)


def test_a_price_is_counted_up_and_a_limit_down_to_a_whole_nano_dollar(clock: FakeClock) -> None:
    (reserve,) = draft(clock, {"name": "all", "limit": "0.0000000019"}, worst="0.0000000011").reserves
    assert (reserve.amount, reserve.limit) == (2, 1)


def test_each_period_has_a_purse_of_its_own(clock: FakeClock) -> None:
    made = budgets(clock, {"name": "all", "limit": "1"}, {"name": "day", "limit": "1", "every": "day"})
    names = []
    for _ in range(3):
        names.append([charge.period for charge in made.draft(facts(), Decimal).drawn.charges])
        clock.advance(11 * 86_400 - 43_200 - 1 if len(names) == 1 else 1)
    assert names == [["2026-11", "2026-11-20"], ["2026-11", "2026-11-30"], ["2026-12", "2026-12-01"]]


def test_a_clock_that_is_set_back_finds_the_period_before(clock: FakeClock) -> None:
    made = budgets(clock, {"name": "day", "limit": "1", "every": "day"})
    made.draft(facts(), Decimal)
    clock.advance(-86_400)
    assert made.draft(facts(), Decimal).drawn.charges[0].period == "2026-11-19"


def test_a_call_of_unknown_price_is_refused_by_a_hard_budget(clock: FakeClock) -> None:
    with pytest.raises(PriceUnknown, match=r"model 'vary' may cost, and the budget 'all' admits only") as refused:
        draft(clock, {"name": "soft", "limit": "1", "mode": "soft"}, {"name": "all", "limit": "1"}, worst=None)
    assert (refused.value.rule, refused.value.status, refused.value.code) == ("all", 403, "price_unknown")


@pytest.mark.parametrize("said", [{"mode": "soft"}, {"unknown": "admit"}])
def test_or_admitted_with_nothing_reserved_where_it_says_so(clock: FakeClock, said: dict[str, str]) -> None:
    made = draft(clock, {"name": "all", "limit": "1", **said}, worst=None)
    assert (made.reserved, made.reserves[0].amount) == (0, 0)


@pytest.mark.parametrize(
    ("said", "message", "wait"),
    [
        (
            {"limit": "1500.5", "per": ["user"]},
            (
                "The budget 'mine' of $1,500.5 for the month 2026-11 has too little left for this call. "
                "It begins anew on 2026-12-01 at 00:00 UTC."
            ),
            DECEMBER - NOON,
        ),
        (
            {"limit": "2.00", "every": "week"},
            (
                "The budget 'mine' of $2.00 for the week 2026-W47 has too little left for this call. "
                "It begins anew on 2026-11-23 at 00:00 UTC."
            ),
            2.5 * 86_400,
        ),
        (
            {"limit": "1", "every": "ever"},
            "The budget 'mine' of $1 has too little left for this call. It does not begin anew.",
            None,
        ),
        ({"limit": "0.01"}, "The budget 'mine' of $0.01 for the month 2026-11 is less than this call may cost.", None),
    ],
)
def test_a_refusal_tells_the_budget_and_when_it_begins_anew(
    clock: FakeClock, said: dict[str, Any], message: str, wait: float | None
) -> None:
    made = budgets(clock, {"name": "first", "limit": "1"}, {"name": "mine", **said})
    error = made.refused(made.draft(facts(), lambda: Decimal("0.04")), 1)
    assert type(error) is BudgetExceeded
    assert error.message == message
    assert (error.retry_after, error.rule, error.code) == (wait, "mine", "insufficient_quota")


def test_a_closed_budget_refuses_what_cannot_be_counted(clock: FakeClock) -> None:
    made = draft(clock, {"name": "open", "limit": "1", "unavailable": "open"}, {"name": "closed", "limit": "1"})
    with pytest.raises(LimitsUnknown, match="'closed' cannot be checked at the moment") as refused:
        made.pass_uncounted(GONE)
    error = refused.value
    assert (error.status, error.code, error.retry_after, error.rule) == (503, "budgets_unavailable", 1, "closed")


@pytest.mark.parametrize("said", [{"mode": "soft"}, {"unavailable": "open"}])
def test_one_that_is_open_or_never_refuses_lets_it_pass(clock: FakeClock, said: dict[str, str]) -> None:
    draft(clock, {"name": "all", "limit": "1", **said}).pass_uncounted(GONE)
