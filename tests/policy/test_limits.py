import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.policy.rules import AMOUNTS, BOB, Page, facts, permits
from torana.core.clock import FakeClock
from torana.core.errors import LimitExceeded
from torana.core.exchange import Principal
from torana.policy.limits import Standing, Tell
from torana.policy.matching import Facts
from torana.policy.permits import Allowance, Permits


async def passes(
    rules: Permits, call: Facts | None = None, *, asked: Mapping[str, int] = AMOUNTS, **used: int
) -> tuple[Standing, ...]:
    """One call from its beginning to its end."""
    told: list[Sequence[Standing]] = []
    async with entering(rules, call, told.append, asked) as allowance:
        allowance.used.update(used or {"images": 2})
    return tuple(standing for each in told for standing in each)


def entering(
    rules: Permits, call: Facts | None = None, tell: Tell = lambda _: None, asked: Mapping[str, int] = AMOUNTS
) -> AbstractAsyncContextManager[Allowance]:
    return rules.permit(call or facts(), asked, Page(), worst=lambda: None, tell=tell)


async def test_without_a_rule_everything_passes() -> None:
    assert await passes(permits()) == ()


async def test_a_limit_is_told_and_then_refuses_by_its_name() -> None:
    rules = permits({"name": "few", "of": "requests", "limit": 2, "every": 10})
    (standing,) = await passes(rules)
    assert standing[:3] == ("requests", 2, 1)
    assert standing[3] == pytest.approx(5, abs=0.01)
    await passes(rules)
    with pytest.raises(LimitExceeded, match=r"'few' of 2 requests every 10s is used up. Try again in 5 s") as refused:
        await passes(rules)
    assert refused.value.retry_after == pytest.approx(5, abs=0.01)
    assert not refused.value.retryable
    assert refused.value.rule == "few"


async def test_it_fills_up_again_evenly() -> None:
    clock = FakeClock()
    rules = permits({"name": "few", "of": "requests", "limit": 2, "every": 10}, clock=clock)
    await passes(rules)
    await passes(rules)
    clock.advance(5.01)
    await passes(rules)
    with pytest.raises(LimitExceeded):
        await passes(rules)


async def test_pictures_are_reserved_as_asked_for_and_settled_as_they_came() -> None:
    rules = permits({"name": "few", "of": "images", "limit": 4, "every": 3600})
    async with AsyncExitStack() as running:
        await running.enter_async_context(entering(rules))
        await running.enter_async_context(entering(rules))
        with pytest.raises(LimitExceeded):
            await passes(rules)
    # Neither made any.
    (standing,) = await passes(rules, images=1)
    assert standing[2] == 2
    (standing,) = await passes(rules, asked={"images": 3}, images=3)
    assert standing[2] == 0


async def test_tokens_are_reserved_where_it_is_said_how_many_and_settled_as_they_came() -> None:
    rules = permits({"name": "few", "of": "tokens", "limit": 1000, "every": 3600})
    (standing,) = await passes(rules, asked={"tokens": 900}, tokens=100)
    assert standing[2] == 100
    (standing,) = await passes(rules, tokens=850)
    assert standing[2] == 900
    with pytest.raises(LimitExceeded, match=r"1,000 tokens every 1h"):
        await passes(rules, asked={"tokens": 60})


async def test_bytes_stay_taken_as_they_came() -> None:
    rules = permits({"name": "few", "of": "bytes", "limit": 1500, "every": 3600})
    await passes(rules)
    with pytest.raises(LimitExceeded, match=r"1,500 bytes every 1h"):
        await passes(rules)


async def test_a_call_that_fails_uses_no_pictures_but_counts_as_a_request() -> None:
    rules = permits(
        {"name": "pictures", "of": "images", "limit": 2, "every": 3600},
        {"name": "calls", "of": "requests", "limit": 2, "every": 3600},
    )
    for _ in range(2):
        with pytest.raises(RuntimeError):
            async with entering(rules):
                raise RuntimeError
    with pytest.raises(LimitExceeded, match="'calls'"):
        await passes(rules)


async def test_of_several_rules_each_counts_and_a_refusal_takes_from_none() -> None:
    rules = permits(
        {"name": "all", "of": "requests", "limit": 10, "every": 60},
        {"name": "mine", "of": "requests", "limit": 1, "every": 60, "per": ["user"]},
    )
    (standing,) = await passes(rules)
    assert standing[1:3] == (1, 0)
    for _ in range(20):
        with pytest.raises(LimitExceeded, match="'mine'"):
            await passes(rules)
    for number in range(9):
        await passes(rules, facts(Principal(f"user {number}", "idp")))
    with pytest.raises(LimitExceeded, match="'all'"):
        await passes(rules, facts(BOB))


async def test_a_rule_counts_those_apart_that_it_says_and_only_calls_that_fit() -> None:
    rules = permits(
        {"name": "few", "of": "requests", "limit": 1, "every": 60, "per": ["user"], "when": {"models": ["v*"]}}
    )
    for _ in range(3):
        await passes(rules, facts(model="other"))
    await passes(rules)
    await passes(rules, facts(BOB))
    with pytest.raises(LimitExceeded):
        await passes(rules)


async def test_places_are_free_again_when_a_call_ends() -> None:
    rules = permits({"name": "few", "of": "concurrent", "limit": 2})
    async with AsyncExitStack() as running:
        for _ in range(2):
            await running.enter_async_context(entering(rules))
        with pytest.raises(LimitExceeded, match=r"'few' of 2 calls at once is used up\. Wait"):
            await passes(rules)
    await passes(rules)


async def test_more_than_there_ever_is_cannot_be_had() -> None:
    rules = permits({"name": "few", "of": "bytes", "limit": 10, "every": 60})
    with pytest.raises(LimitExceeded, match="asks for more than that"):
        await passes(rules)


@given(st.integers(1, 6), st.integers(1, 20))
def test_never_more_than_the_limit_however_many_ask_at_once(limit: int, callers: int) -> None:
    async def ask() -> int:
        rules = permits({"name": "few", "of": "images", "limit": limit, "every": 3600})
        calls = [passes(rules, asked={"images": 1}, images=1) for _ in range(callers)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
        return sum(not isinstance(each, LimitExceeded) for each in ended)

    assert asyncio.run(ask()) == min(limit, callers)
