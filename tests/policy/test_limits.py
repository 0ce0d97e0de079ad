import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.policy.rules import limits
from torana.core.clock import FakeClock
from torana.core.errors import LimitExceeded, LimitsUnknown
from torana.core.exchange import Principal
from torana.policy.limits import Facts, Limits, Standing
from torana.storage.counters.memory import MemoryCounters
from torana.storage.counters.port import CountersUnavailable, Hold, Settlement, Take, Verdict

ADA = Principal("ada", "idp", teams=("design", "web"))
BOB = Principal("bob", "idp", teams=("web",))


def facts(principal: Principal = ADA, model: str = "vary", **more: Any) -> Facts:
    told = {"operation": "images.variations", "metadata": {}, "amounts": {"images": 2, "bytes": 1000}, **more}
    return Facts(principal, model, **told)


async def passes(rules: Limits, call: Facts | None = None, *, used: int = 2) -> tuple[Standing, ...]:
    """One call from its beginning to its end."""
    told: list[Sequence[Standing]] = []
    async with rules.allowance(call or facts(), told.append) as allowance:
        allowance.used["images"] = used
    return tuple(standing for each in told for standing in each)


async def test_without_a_rule_everything_passes() -> None:
    assert await passes(limits()) == ()


async def test_a_limit_is_told_and_then_refuses_by_its_name() -> None:
    rules = limits({"name": "few", "of": "requests", "limit": 2, "every": 10})
    (standing,) = await passes(rules)
    assert standing[:3] == Standing("requests", 2, 1, 5.0)[:3]
    assert standing.reset == pytest.approx(5, abs=0.01)
    await passes(rules)
    with pytest.raises(LimitExceeded, match=r"'few' of 2 requests every 10 s is used up. Try again in 5 s") as refused:
        await passes(rules)
    assert refused.value.retry_after == pytest.approx(5, abs=0.01)
    assert not refused.value.retryable


async def test_it_fills_up_again_evenly() -> None:
    clock = FakeClock()
    rules = limits({"name": "few", "of": "requests", "limit": 2, "every": 10}, clock=clock)
    await passes(rules)
    await passes(rules)
    clock.advance(5.01)
    await passes(rules)
    with pytest.raises(LimitExceeded):
        await passes(rules)


async def test_pictures_are_reserved_as_asked_for_and_settled_as_they_came() -> None:
    rules = limits({"name": "few", "of": "images", "limit": 4, "every": 3600})
    async with AsyncExitStack() as running:
        await running.enter_async_context(rules.allowance(facts(), lambda _: None))
        await running.enter_async_context(rules.allowance(facts(), lambda _: None))
        with pytest.raises(LimitExceeded):
            await passes(rules)
    # Neither made any.
    (standing,) = await passes(rules, used=1)
    assert standing.remaining == 2
    (standing,) = await passes(rules, facts(amounts={"images": 3}), used=3)
    assert standing.remaining == 0


async def test_a_call_that_fails_uses_no_pictures_but_counts_as_a_request() -> None:
    rules = limits(
        {"name": "pictures", "of": "images", "limit": 2, "every": 3600},
        {"name": "calls", "of": "requests", "limit": 2, "every": 3600},
    )
    for _ in range(2):
        with pytest.raises(RuntimeError):
            async with rules.allowance(facts(), lambda _: None):
                raise RuntimeError
    with pytest.raises(LimitExceeded, match="'calls'"):
        await passes(rules)


async def test_of_several_rules_each_counts_and_a_refusal_takes_from_none() -> None:
    rules = limits(
        {"name": "all", "of": "requests", "limit": 10, "every": 60},
        {"name": "mine", "of": "requests", "limit": 1, "every": 60, "per": ["user"]},
    )
    (standing,) = await passes(rules)
    assert (standing.limit, standing.remaining) == (1, 0)
    for _ in range(20):
        with pytest.raises(LimitExceeded, match="'mine'"):
            await passes(rules)
    for number in range(9):
        await passes(rules, facts(Principal(f"user {number}", "idp")))
    with pytest.raises(LimitExceeded, match="'all'"):
        await passes(rules, facts(BOB))


@pytest.mark.parametrize(
    ("when", "other"),
    [
        ({"users": ["a*"]}, facts(BOB)),
        ({"teams": ["design"]}, facts(BOB)),
        ({"models": ["v*y"]}, facts(model="other")),
        ({"operations": ["*.variations"]}, facts(operation="images.edits")),
        ({"metadata": {"env": "prod"}}, facts(metadata={"env": "test"})),
        ({"models": ["var?"]}, facts()),
    ],
)
async def test_a_rule_is_for_the_calls_that_fit_it(when: dict[str, Any], other: Facts) -> None:
    rules = limits({"name": "few", "of": "requests", "limit": 1, "every": 60, "when": when})
    mine = facts(metadata={"env": "prod"}, model="var?" if when.get("models") == ["var?"] else "vary")
    await passes(rules, mine)
    for _ in range(3):
        await passes(rules, other)
    with pytest.raises(LimitExceeded):
        await passes(rules, mine)


@pytest.mark.parametrize(
    ("per", "one", "another"),
    [
        (["user"], facts(), facts(BOB)),
        (["user"], facts(Principal("x y", "idp")), facts(Principal("y", "idp x"))),
        (["team"], facts(), facts(BOB)),
        (["model"], facts(), facts(model="other")),
        (["metadata.project"], facts(metadata={"project": "a"}), facts(metadata={"project": "b"})),
        (["user", "model"], facts(Principal("x' 'y", "i"), "z"), facts(Principal("x", "i"), "y' 'z")),
    ],
)
async def test_what_is_counted_apart(per: list[str], one: Facts, another: Facts) -> None:
    rules = limits({"name": "few", "of": "requests", "limit": 1, "every": 60, "per": per})
    await passes(rules, one)
    await passes(rules, another)
    with pytest.raises(LimitExceeded):
        await passes(rules, one)


async def test_places_are_free_again_when_a_call_ends() -> None:
    rules = limits({"name": "few", "of": "concurrent", "limit": 2})
    async with AsyncExitStack() as running:
        for _ in range(2):
            await running.enter_async_context(rules.allowance(facts(), lambda _: None))
        with pytest.raises(LimitExceeded, match=r"'few' of 2 calls at once is used up\. Wait"):
            await passes(rules)
    await passes(rules)


class Watched(MemoryCounters):
    """Counters of which one sees how often places are renewed."""

    renewed = 0

    async def renew(self, holds: Sequence[Hold], *, holder: str) -> None:
        self.renewed += 1
        await super().renew(holds, holder=holder)


async def test_a_place_is_renewed_for_as_long_as_the_call_runs_and_no_longer() -> None:
    counters = Watched(FakeClock())
    made = limits({"name": "few", "of": "concurrent", "limit": 1}, counters=counters)
    rules = Limits(made.rules, counters, counters, lease=0.015)
    async with rules.allowance(facts(), lambda _: None):
        async with asyncio.timeout(2):
            while counters.renewed < 3:  # noqa: ASYNC110 - the counters tell of nothing
                await asyncio.sleep(0.005)
    await asyncio.sleep(0)
    ended = counters.renewed
    await asyncio.sleep(0.02)
    assert counters.renewed == ended
    assert (await passes(rules), asyncio.all_tasks()) == ((), {asyncio.current_task()})


async def test_more_than_there_ever_is_cannot_be_had() -> None:
    rules = limits({"name": "few", "of": "bytes", "limit": 10, "every": 60})
    with pytest.raises(LimitExceeded, match="asks for more than that"):
        await passes(rules)


@given(st.integers(1, 6), st.integers(1, 20))
def test_never_more_than_the_limit_however_many_ask_at_once(limit: int, callers: int) -> None:
    async def ask() -> int:
        rules = limits({"name": "few", "of": "images", "limit": limit, "every": 3600})
        calls = [passes(rules, facts(amounts={"images": 1}), used=1) for _ in range(callers)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
        return sum(not isinstance(each, LimitExceeded) for each in ended)

    assert asyncio.run(ask()) == min(limit, callers)


class Broken:
    """Counters that fail."""

    def __init__(self, *, admits: int = 0) -> None:
        self.admits = admits
        self.own = MemoryCounters(FakeClock())

    async def admit(self, takes: Sequence[Take], holds: Sequence[Hold] = (), *, holder: str = "") -> Verdict:
        self.admits -= 1
        if self.admits < 0:
            raise CountersUnavailable("gone")
        return await self.own.admit(takes, holds, holder=holder)

    async def settle(self, settlements: Sequence[Settlement], holds: Sequence[Hold] = (), *, holder: str = "") -> None:
        raise CountersUnavailable("gone")

    async def renew(self, holds: Sequence[Hold], *, holder: str) -> None:
        raise CountersUnavailable("gone")


@pytest.mark.parametrize(("unavailable", "admitted"), [("open", 8), ("share", 2)])
async def test_while_the_counters_fail_a_rule_does_as_it_says(unavailable: str, admitted: int) -> None:
    rule = {"name": "few", "of": "requests", "limit": 4, "every": 3600, "unavailable": unavailable}
    rules = limits(rule, counters=Broken(), replicas=2)
    ended = [await asyncio.gather(passes(rules), return_exceptions=True) for _ in range(8)]
    assert sum(not isinstance(each, LimitExceeded) for (each,) in ended) == admitted


async def test_a_closed_rule_refuses_while_the_counters_fail_and_says_why() -> None:
    rules = limits({"name": "few", "of": "requests", "limit": 4, "unavailable": "closed"}, counters=Broken())
    with pytest.raises(LimitsUnknown, match="'few' cannot be checked") as refused:
        await passes(rules)
    assert (refused.value.status, refused.value.retry_after) == (503, 1)


async def test_a_call_is_not_lost_when_its_end_cannot_be_counted() -> None:
    rules = limits({"name": "few", "of": "images", "limit": 4, "every": 60}, counters=Broken(admits=1))
    await passes(rules, used=1)


async def test_refusals_are_counted_by_name() -> None:
    names: list[str] = []
    made = limits({"name": "few", "of": "requests", "limit": 1, "every": 60})
    rules = Limits(made.rules, made.counters, made.own, made.lease, names.append)
    await passes(rules)
    with pytest.raises(LimitExceeded):
        await passes(rules)
    assert names == ["few"]
