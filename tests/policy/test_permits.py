import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.policy.rules import AMOUNTS, BOB, Page, facts, permits
from torana.core.clock import FakeClock
from torana.core.errors import BudgetExceeded, LimitExceeded, LimitsUnknown, PriceUnknown
from torana.core.ledger import Charge
from torana.core.money import NANO
from torana.policy.limits import Tell
from torana.policy.matching import Facts
from torana.policy.permits import Allowance, Permits
from torana.storage.counters.memory import MemoryCounters
from torana.storage.counters.port import Charged, CountersUnavailable, Hold, Reserve, Settlement, Take, Verdict

FEW = {"name": "few", "of": "requests", "limit": 2, "every": 3600}
DOLLAR = {"name": "dollar", "limit": "1", "every": "ever"}
PURSE = Charge("dollar", "", "ever").key


class Store(MemoryCounters):
    """Counters that show what is asked of them, and that fail as they are told."""

    def __init__(self) -> None:
        super().__init__(FakeClock())
        self.steps: list[str] = []
        self.failing: frozenset[str] = frozenset()
        """Steps that are not done and raise."""
        self.mute: frozenset[str] = frozenset()
        """Steps that are done all the same."""
        self.silent = asyncio.Event()
        self.silent.set()

    async def admit(
        self, takes: Sequence[Take], holds: Sequence[Hold] = (), reserves: Sequence[Reserve] = (), *, holder: str = ""
    ) -> Verdict:
        self._begin("admit")
        verdict = await super().admit(takes, holds, reserves, holder=holder)
        await self._end("admit")
        return verdict

    async def settle(
        self,
        settlements: Sequence[Settlement],
        holds: Sequence[Hold] = (),
        charged: Sequence[Charged] = (),
        *,
        holder: str = "",
    ) -> bool:
        self._begin("settle")
        known = await super().settle(settlements, holds, charged, holder=holder)
        await self._end("settle")
        return known

    async def renew(self, holds: Sequence[Hold], *, holder: str) -> None:
        self._begin("renew")
        await super().renew(holds, holder=holder)

    def _begin(self, step: str) -> None:
        self.steps.append(step)
        if step in self.failing:
            raise CountersUnavailable("gone")

    async def _end(self, step: str) -> None:
        await self.silent.wait()
        if step in self.mute:
            raise CountersUnavailable("no answer")

    def balance(self) -> tuple[int, int]:
        """What of the dollar is spent and reserved."""
        (balance,) = self._purses.balances([Reserve(PURSE, 0, None, None)])
        return balance.spent, balance.reserved


@pytest.fixture
async def store() -> Store:
    store = Store()
    await store.open("first", [], [])
    return store


def entering(
    rules: Permits,
    call: Facts | None = None,
    *,
    worst: str | None = "0.4",
    tell: Tell = lambda _: None,
    **page: Any,
) -> AbstractAsyncContextManager[Allowance]:
    price = None if worst is None else Decimal(worst)
    return rules.permit(call or facts(), AMOUNTS, Page(**page), worst=lambda: price, tell=tell)


async def passes(rules: Permits, *, cost: str | None = "0.4", spent: bool = False, **more: Any) -> int:
    """One call from its beginning to its end; what it was charged."""
    async with entering(rules, **more) as allowance:
        allowance.used["images"] = 1
        allowance.cost = None if cost is None else Decimal(cost)
        allowance.spent = spent
    return allowance.charged


async def test_without_a_rule_everything_passes_and_is_noted() -> None:
    noted: list[Any] = []

    def worst() -> Decimal:
        raise AssertionError

    rules = permits(budgets=[{**DOLLAR, "when": {"users": ["bob"]}}], counters=Store())
    allowance = Allowance()
    page = Page(allowance, note=lambda *each: noted.append(each))
    async with rules.permit(facts(), AMOUNTS, page, worst=worst, tell=noted.append) as given:
        assert given is allowance
        allowance.cost = Decimal(3)
    assert noted == [((), 0)]
    assert (allowance.charged, allowance.settled) == (0, True)


async def test_all_rules_admit_a_call_in_one_step_and_learn_what_came_of_it_in_another(store: Store) -> None:
    images = {"name": "pictures", "of": "images", "limit": 10, "every": 3600}
    calls = {"name": "calls", "of": "concurrent", "limit": 1}
    rules = permits(FEW, images, calls, budgets=[DOLLAR, {**DOLLAR, "name": "more"}], counters=store)
    assert await passes(rules, cost="0.1") == NANO // 10
    assert store.steps == ["admit", "settle"]
    assert store.balance() == (NANO // 10, 0)


async def test_a_call_is_noted_before_the_counters_are_asked(store: Store) -> None:
    noted: list[Any] = []
    rules = permits(FEW, budgets=[DOLLAR], counters=store)
    await passes(rules, note=lambda *each: noted.append((*each, list(store.steps))))
    assert noted == [((Charge("dollar", "", "ever"),), 400_000_000, [])]


async def test_what_cannot_be_noted_takes_nothing(store: Store) -> None:
    def note(_charges: object, _reserved: int) -> None:
        raise OSError

    with pytest.raises(OSError, match=r"^$"):
        await passes(permits(FEW, budgets=[DOLLAR], counters=store), note=note)
    assert store.steps == []


@pytest.mark.parametrize(
    ("cost", "spent", "charged"),
    [
        ("0.1", False, 100_000_000),
        ("0.1", True, 100_000_000),
        ("0", True, 0),
        ("0.7", False, 700_000_000),
        (None, True, 400_000_000),
        (None, False, 0),
    ],
)
async def test_a_call_is_charged_what_it_cost_and_what_it_may_have_cost_where_nobody_knows(
    store: Store, cost: str | None, spent: bool, charged: int
) -> None:
    assert await passes(permits(budgets=[DOLLAR], counters=store), cost=cost, spent=spent) == charged
    assert store.balance() == (charged, 0)


async def test_a_call_that_raises_is_charged_as_well(store: Store) -> None:
    async def fail() -> None:
        async with entering(permits(budgets=[DOLLAR], counters=store)) as allowance:
            allowance.spent = True
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert store.balance() == (400_000_000, 0)


async def test_a_budget_that_refuses_takes_of_no_limit_and_is_told_by_name(store: Store) -> None:
    names: list[str] = []
    made = permits(FEW, budgets=[DOLLAR], counters=store)
    rules = Permits(made.limits, made.budgets, store, store, names.append)
    for _ in range(3):
        with pytest.raises(BudgetExceeded, match=r"'dollar' of \$1 is less than"):
            await passes(rules, worst="1.1")
    await passes(rules, cost="0.7")
    with pytest.raises(BudgetExceeded, match=r"'dollar' of \$1 has too little left"):
        await passes(rules)
    await passes(rules, worst="0.3", cost="0.3")
    with pytest.raises(LimitExceeded, match="'few'") as refused:
        await passes(rules, worst="0")
    assert refused.value.rule == "few"
    assert names == ["dollar"] * 4 + ["few"]
    assert store.steps.count("settle") == 2


async def test_what_running_calls_may_cost_is_not_there_for_others(store: Store) -> None:
    rules = permits(budgets=[DOLLAR], counters=store)
    async with AsyncExitStack() as running:
        for _ in range(2):
            await running.enter_async_context(entering(rules))
        with pytest.raises(BudgetExceeded):
            await passes(rules)
    assert await passes(rules)


async def test_a_soft_budget_counts_and_never_refuses(store: Store) -> None:
    rules = permits(budgets=[{**DOLLAR, "mode": "soft"}], counters=store)
    for _ in range(4):
        await passes(rules)
    assert store.balance() == (1_600_000_000, 0)


async def test_a_price_that_nobody_foresaw_is_charged_when_it_is_known(store: Store) -> None:
    rules = permits(budgets=[{**DOLLAR, "unknown": "admit"}], counters=store)
    assert await passes(rules, worst=None) == 400_000_000
    assert await passes(rules, worst=None, cost=None, spent=True) == 0
    assert store.balance() == (400_000_000, 0)
    with pytest.raises(PriceUnknown):
        await passes(permits(budgets=[DOLLAR], counters=store), worst=None)


@given(st.integers(1, 30), st.integers(1, 25))
def test_never_more_than_the_budget_however_many_ask_at_once(cents: int, callers: int) -> None:
    async def ask() -> tuple[int, int, int]:
        store = Store()
        await store.open("first", [], [])
        rules = permits(budgets=[DOLLAR], counters=store)
        price = str(Decimal(cents) / 100)
        calls = [passes(rules, worst=price, cost=price) for _ in range(callers)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
        return (sum(not isinstance(each, BudgetExceeded) for each in ended), *store.balance())

    admitted = min(callers, 100 // cents)
    assert asyncio.run(ask()) == (admitted, admitted * cents * NANO // 100, 0)


async def test_while_the_purses_are_closed_a_closed_budget_refuses_and_takes_nothing() -> None:
    store = Store()
    rules = permits(FEW, budgets=[DOLLAR], counters=store)
    for _ in range(3):
        with pytest.raises(LimitsUnknown) as refused:
            await passes(rules)
    assert (refused.value.code, refused.value.rule) == ("budgets_unavailable", "dollar")
    await store.open("first", [], [])
    await passes(rules)
    assert store.steps == ["admit"] * 4 + ["settle"]


async def test_and_an_open_one_lets_pass_but_limits_go_on() -> None:
    store = Store()
    rules = permits(FEW, budgets=[{**DOLLAR, "unavailable": "open"}], counters=store)
    assert [await passes(rules), await passes(rules)] == [400_000_000] * 2
    with pytest.raises(LimitExceeded, match="'few'"):
        await passes(rules)
    assert store.balance() == (0, 0)


@pytest.mark.parametrize("limits", [[], [FEW]])
async def test_a_call_that_began_before_the_purses_were_opened_is_settled_there(limits: list[dict[str, Any]]) -> None:
    store = Store()
    rules = permits(*limits, budgets=[{**DOLLAR, "unavailable": "open"}], counters=store)
    async with entering(rules, holder="early") as allowance:
        await store.open("first", [], [("early", Reserve(PURSE, 400_000_000, None, None))])
        allowance.cost = Decimal("0.1")
    assert store.balance() == (NANO // 10, 0)


@pytest.mark.parametrize(("unavailable", "admitted"), [("open", 8), ("share", 2)])
async def test_while_the_counters_fail_a_limit_does_as_it_says(unavailable: str, admitted: int) -> None:
    store = Store()
    store.failing = frozenset({"admit", "settle", "renew"})
    rules = permits({**FEW, "limit": 4, "unavailable": unavailable}, counters=store, replicas=2)
    ended = [await asyncio.gather(passes(rules), return_exceptions=True) for _ in range(8)]
    assert sum(not isinstance(each, LimitExceeded) for (each,) in ended) == admitted


async def test_a_closed_limit_refuses_while_the_counters_fail_and_says_why(store: Store) -> None:
    store.failing = frozenset({"admit"})
    with pytest.raises(LimitsUnknown, match="'few' cannot be checked") as refused:
        await passes(permits({**FEW, "unavailable": "closed"}, counters=store))
    assert (refused.value.status, refused.value.retry_after, refused.value.rule) == (503, 1, "few")


async def test_while_the_counters_fail_a_budget_does_as_it_says(store: Store) -> None:
    store.failing = frozenset({"admit", "settle"})
    with pytest.raises(LimitsUnknown, match="'dollar' cannot be checked"):
        await passes(permits(FEW, budgets=[DOLLAR], counters=store))
    rules = permits(FEW, budgets=[{**DOLLAR, "unavailable": "open"}], counters=store)
    assert await passes(rules) == 400_000_000
    await passes(rules)
    with pytest.raises(LimitExceeded):
        await passes(rules)


async def test_what_was_reserved_although_nobody_said_so_is_settled(store: Store) -> None:
    store.mute = frozenset({"admit"})
    await passes(permits(FEW, budgets=[{**DOLLAR, "unavailable": "open"}], counters=store), cost="0.3")
    assert store.balance() == (300_000_000, 0)
    with pytest.raises(LimitsUnknown):
        await passes(permits(FEW, budgets=[DOLLAR], counters=store))
    assert store.balance() == (300_000_000, 0)


async def test_a_caller_who_leaves_while_the_counters_are_asked_leaves_nothing_reserved(store: Store) -> None:
    store.silent.clear()
    call = asyncio.create_task(passes(permits(FEW, budgets=[DOLLAR], counters=store)))
    await asyncio.sleep(0)
    assert store.balance() == (0, 400_000_000)
    call.cancel()
    store.silent.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert store.balance() == (0, 0)


async def test_a_caller_who_leaves_later_is_charged_what_may_be_gone(store: Store) -> None:
    entered = asyncio.Event()

    async def ask() -> None:
        async with entering(permits(budgets=[DOLLAR], counters=store)) as allowance:
            allowance.spent = True
            entered.set()
            await asyncio.Event().wait()

    call = asyncio.create_task(ask())
    await entered.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert store.balance() == (400_000_000, 0)


async def test_a_call_is_not_lost_when_its_end_cannot_be_counted_and_its_money_stays_reserved(store: Store) -> None:
    store.failing = frozenset({"settle"})
    assert await passes(permits(FEW, budgets=[DOLLAR], counters=store)) == 400_000_000
    assert store.balance() == (0, 400_000_000)


async def test_a_place_is_renewed_for_as_long_as_the_call_runs_and_no_longer(store: Store) -> None:
    rules = permits({"name": "few", "of": "concurrent", "limit": 1}, counters=store, lease=0.015)
    async with entering(rules):
        assert asyncio.all_tasks() == {asyncio.current_task()}, "while none is due there is but a timer"
        async with asyncio.timeout(2):
            while store.steps.count("renew") < 3:  # noqa: ASYNC110 - the counters tell of nothing
                await asyncio.sleep(0.005)
    await asyncio.sleep(0)
    ended = len(store.steps)
    await asyncio.sleep(0.02)
    assert len(store.steps) == ended
    await passes(rules)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_it_is_told_whether_the_counters_know_what_a_call_was_charged(store: Store) -> None:
    async def settled(rules: Permits, worst: str = "0.4") -> bool:
        allowance = Allowance()
        with suppress(BudgetExceeded, LimitsUnknown):
            async with entering(rules, worst=worst, allowance=allowance):
                allowance.cost = Decimal("0.1")
        return allowance.settled

    rules = permits(budgets=[DOLLAR], counters=store)
    assert await settled(rules)
    assert await settled(rules, "1.1"), "nothing is owed by a call that was refused"
    store.failing = frozenset({"settle"})
    assert not await settled(rules)
    store.failing = frozenset({"admit", "settle"})
    assert not await settled(rules), "it may have been reserved although it was refused"
    lost = Store()
    assert await settled(permits(budgets=[DOLLAR], counters=lost)), "closed purses reserve nothing"
    open_rules = permits(FEW, budgets=[{**DOLLAR, "unavailable": "open"}], counters=lost)
    assert not await settled(open_rules), "whoever opens the purses may not know yet that it is over"


async def test_money_of_others_is_not_told(store: Store) -> None:
    rules = permits(budgets=[DOLLAR], counters=store)
    await passes(rules, call=facts(BOB), cost="0.87")
    with pytest.raises(BudgetExceeded) as refused:
        await passes(rules)
    assert "87" not in refused.value.message
    assert "13" not in refused.value.message


async def test_one_timer_renews_all_places_and_a_call_that_ends_meanwhile_leaves_nothing_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = permits({"name": "few", "of": "concurrent", "limit": 5}, counters=store, lease=0.015)
    renewing, gone = asyncio.Event(), asyncio.Event()

    async def renew(_holds: Sequence[Hold], *, holder: str) -> None:
        store.steps.append(f"renew {holder}")
        renewing.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            gone.set()
            raise

    monkeypatch.setattr(store, "renew", renew)
    async with AsyncExitStack() as others:
        async with entering(rules, holder="slow"):
            await others.enter_async_context(entering(rules, holder="next"))
            await others.enter_async_context(entering(rules, holder="over"))
            await asyncio.wait_for(renewing.wait(), 2)
            renewing.clear()
        assert gone.is_set()
        assert store.steps[-1] == "settle", "nothing is on its way to the store when it is settled"
        await asyncio.wait_for(renewing.wait(), 2)
        assert store.steps[-1] == "renew next", "the round goes on"


async def test_when_nobody_holds_a_place_the_timer_ends(store: Store) -> None:
    rules = permits({"name": "few", "of": "concurrent", "limit": 1}, counters=store, lease=0.003)
    for _ in range(2):
        await passes(rules)
        async with asyncio.timeout(2):
            while rules.renewals.awake:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.001)
    assert "renew" not in store.steps


async def test_a_call_that_is_begun_again_is_one_request_and_draws_anew_on_all_else(store: Store) -> None:
    pictures = {"name": "pictures", "of": "images", "limit": 10, "every": 3600}
    rules = permits(FEW, pictures, budgets=[DOLLAR], counters=store)
    told: list[Any] = []
    page = Page()
    price = Decimal("0.4")
    for number in (1, 2):
        async with rules.permit(facts(), {"images": number}, page, worst=lambda: price, tell=told.append) as given:
            assert store.balance() == (0, 400_000_000)
            given.cost, given.spent = (Decimal(0), False) if number == 1 else (price, True)
            given.used["images"] = 0 if number == 1 else number
    assert [{of: left for of, _, left, _ in standings} for standings in told] == [
        {"requests": 1, "images": 9},
        {"requests": 1, "images": 8},
    ]
    assert page.allowance.charged == 400_000_000
    assert store.balance() == (400_000_000, 0)
    await passes(rules, worst="0.1", cost="0.1")
    with pytest.raises(LimitExceeded, match="'few'"):
        await passes(rules)


async def test_what_was_spent_before_it_was_begun_again_is_charged_too(store: Store) -> None:
    rules = permits(budgets=[DOLLAR], counters=store)
    page = Page()
    for _ in range(2):
        async with rules.permit(facts(), AMOUNTS, page, worst=lambda: Decimal("0.4"), tell=lambda _: None) as given:
            given.cost, given.spent = Decimal("0.3"), True
    assert page.allowance.charged == 600_000_000
    assert store.balance() == (600_000_000, 0)
