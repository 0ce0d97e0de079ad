"""What every store of counters does, tried on each of them: the clock stands still until it is moved."""

import asyncio
import math
from collections.abc import AsyncIterator
from itertools import combinations_with_replacement
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torana.storage.counters.port import Counters, Hold, Level, Rate, Refusal, Settlement, Take, standings

TEN_A_MINUTE = Rate(10, 60.0)
PLACE = Hold("calls", 2, 30.0)
STORES = pytest.mark.parametrize("kind", ["memory", "valkey"])
KEYS = ["a", "b"]
RATES = [TEN_A_MINUTE, Rate(7, 61.0)]

pauses = st.integers(0, 40_000_000).map(lambda microseconds: microseconds / 1_000_000)
amounts = st.lists(st.integers(0, 12), min_size=1, max_size=2)
steps = st.lists(st.tuples(pauses, amounts, st.none() | st.integers(0, 14), st.integers(0, 3)), max_size=12)
"""A pause, takes of the first keys, what was used in truth if it is ever told, and how many steps later."""


def take(amount: int, key: str = "requests", rate: Rate = TEN_A_MINUTE) -> Take:
    return Take(key, amount, rate)


def takes_of(amounts: list[int]) -> list[Take]:
    return [Take(key, amount, rate) for key, rate, amount in zip(KEYS, RATES, amounts, strict=False)]


async def remaining(counters: Counters, rate: Rate = TEN_A_MINUTE) -> int:
    (level,) = (await counters.admit([take(0, rate=rate)])).levels
    return level.remaining


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rate(0, 1.0),
        lambda: Rate(10**15 + 1, 1.0),
        lambda: Rate(1, 0.0),
        lambda: Rate(1, -1.0),
        lambda: take(-1),
        lambda: Hold("calls", 0, 1.0),
        lambda: Hold("calls", 1, 0.0),
    ],
)
def test_what_makes_no_sense_cannot_be_said(make):
    with pytest.raises(ValueError, match=r"no sense|cannot be taken"):
        make()


async def test_less_than_nothing_cannot_be_used(stage):
    (level,) = (await stage.counters.admit([take(1)])).levels
    with pytest.raises(ValueError, match="cannot have been used"):
        Settlement(level, -1)


@given(st.integers(1, 10**15), st.integers(-(10**6), 10**6))
def test_levels_are_told_together_as_each_tells_itself(limit, ahead):
    level = Level(take(1, rate=Rate(limit, 1.0)), 10**6 * limit + ahead, 10**6)
    assert standings(["requests"], [level]) == [("requests", limit, level.remaining, level.reset)]


async def test_nothing_asked_is_granted(stage):
    verdict = await stage.counters.admit([])
    assert verdict.granted
    assert verdict.levels == ()


async def test_as_much_as_the_limit_is_there_at_once_and_then_comes_back_unit_by_unit(stage):
    verdict = await stage.counters.admit([take(10)])
    assert verdict.granted
    assert verdict.levels[0].remaining == 0
    assert verdict.levels[0].reset == 60.0
    await stage.advance(5.999)
    refused = await stage.counters.admit([take(1)])
    assert refused.refusal.index == 0
    assert refused.refusal.retry_after == pytest.approx(0.001, abs=2e-6)
    await stage.advance(0.001_001)
    assert (await stage.counters.admit([take(1)])).granted
    assert not (await stage.counters.admit([take(1)])).granted
    await stage.advance(3600)
    assert await remaining(stage.counters) == 10


async def test_waiting_as_long_as_told_is_enough_and_less_is_not(stage):
    await stage.counters.admit([take(9)])
    wait = (await stage.counters.admit([take(4)])).refusal.retry_after
    await stage.advance(math.floor(wait * 1e6 - 2) / 1e6)
    assert not (await stage.counters.admit([take(4)])).granted
    await stage.advance(4e-6)
    assert (await stage.counters.admit([take(4)])).granted


async def test_a_step_is_taken_whole_or_not_at_all(stage):
    first, second = take(6, "a"), take(6, "b")
    assert (await stage.counters.admit([first])).granted
    refused = await stage.counters.admit([second, first], [PLACE], holder="one")
    assert refused.refusal.index == 1
    assert [level.remaining for level in refused.levels] == [10, 4]
    assert (await stage.counters.admit([second, take(4, "a")], [Hold("calls", 1, 30.0)], holder="two")).granted


async def test_a_hold_that_finds_no_place_takes_nothing(stage):
    for holder in ("one", "two"):
        assert (await stage.counters.admit([], [PLACE], holder=holder)).granted
    refused = await stage.counters.admit([take(3)], [Hold("others", 5, 30.0), PLACE], holder="three")
    assert refused.refusal == Refusal(2, None)
    assert await remaining(stage.counters) == 10
    assert (await stage.counters.admit([], [Hold("others", 1, 30.0)], holder="four")).granted


async def test_more_than_the_limit_never_fits(stage):
    assert (await stage.counters.admit([take(11)])).refusal == Refusal(0, None)


async def test_what_was_not_used_is_given_back(stage):
    (level,) = (await stage.counters.admit([take(8)])).levels
    await stage.counters.settle([Settlement(level, 3)])
    assert await remaining(stage.counters) == 7


async def test_what_was_used_beyond_the_estimate_is_charged_down_to_nothing(stage):
    (level,) = (await stage.counters.admit([take(1)])).levels
    await stage.counters.settle([Settlement(level, 500)])
    (level,) = (await stage.counters.admit([take(0)])).levels
    assert (level.remaining, level.reset) == (0, 60.0)


async def test_takes_and_holds_of_one_name_are_apart(stage):
    assert (await stage.counters.admit([take(10, "x")], [Hold("x", 1, 30.0)], holder="one")).granted
    await stage.counters.settle([], [Hold("x", 1, 30.0)], holder="one")
    assert not (await stage.counters.admit([take(1, "x")])).granted
    assert (await stage.counters.admit([], [Hold("x", 1, 30.0)], holder="two")).granted


async def test_a_place_is_free_when_its_holder_is_done(stage):
    hold = Hold("calls", 1, 30.0)
    assert (await stage.counters.admit([], [hold], holder="one")).granted
    assert not (await stage.counters.admit([], [hold], holder="two")).granted
    await stage.counters.settle([], [hold], holder="two")
    assert not (await stage.counters.admit([], [hold], holder="two")).granted
    await stage.counters.settle([], [hold], holder="one")
    assert (await stage.counters.admit([], [hold], holder="two")).granted


async def test_a_holder_needs_but_one_place(stage):
    for _ in range(3):
        assert (await stage.counters.admit([], [PLACE], holder="one")).granted
    assert (await stage.counters.admit([], [PLACE], holder="two")).granted
    assert (await stage.counters.admit([], [PLACE], holder="one")).granted


async def test_the_place_of_a_dead_holder_is_free_when_its_lease_ends(stage):
    for holder in ("one", "two"):
        await stage.counters.admit([], [PLACE], holder=holder)
        await stage.advance(10)
    await stage.advance(9.999)
    assert not (await stage.counters.admit([], [PLACE], holder="three")).granted
    await stage.advance(0.001_001)
    assert (await stage.counters.admit([], [PLACE], holder="three")).granted
    assert not (await stage.counters.admit([], [PLACE], holder="four")).granted


async def test_a_long_call_keeps_its_place(stage):
    hold = Hold("calls", 1, 30.0)
    await stage.counters.admit([], [hold], holder="long")
    for _ in range(5):
        await stage.advance(20)
        await stage.counters.renew([hold], holder="long")
        assert not (await stage.counters.admit([], [hold], holder="other")).granted


async def test_a_call_that_still_runs_is_counted_again(stage):
    hold = Hold("calls", 1, 30.0)
    await stage.counters.admit([], [hold], holder="long")
    await stage.advance(31)
    await stage.counters.renew([hold], holder="long")
    assert not (await stage.counters.admit([], [hold], holder="other")).granted


async def test_another_limit_keeps_the_share_that_is_left(stage):
    await stage.counters.admit([take(5)])
    assert await remaining(stage.counters, Rate(1000, 60.0)) == 500
    assert await remaining(stage.counters, Rate(4, 60.0)) == 2


async def test_another_limit_keeps_the_moment_even_in_parts_of_a_microsecond(stage):
    (level,) = (await stage.counters.admit([take(980, rate=Rate(999_983, 60.0))])).levels
    assert level.whole_at % 999_983 > 999_000
    (level,) = (await stage.counters.admit([take(0, rate=Rate(1, 60.0))])).levels
    assert level.reset == pytest.approx(0.0588, abs=1e-4)


async def test_a_clock_that_was_set_back_costs_one_window_at_most(stage):
    await stage.counters.admit([take(10)])
    await stage.advance(-86_400)
    verdict = await stage.counters.admit([take(1)])
    assert verdict.refusal.retry_after == pytest.approx(6.0)


async def test_gateways_at_once_are_granted_what_one_would_be(stage):
    takes = [take(3, "a"), take(2, "b", Rate(1000, 60.0))]
    calls = [(client, str(call)) for call, client in enumerate(stage.clients * 20)]
    verdicts = await asyncio.gather(*[client.admit(takes, [PLACE], holder=holder) for client, holder in calls[:3]])
    assert sum(verdict.granted for verdict in verdicts) == 2
    verdicts = await asyncio.gather(*[client.admit(takes) for client, _ in calls])
    assert sum(verdict.granted for verdict in verdicts) == 1
    hold = Hold("calls", 7, 30.0)
    verdicts = await asyncio.gather(*[client.admit([], [hold], holder=holder) for client, holder in calls[3:]])
    assert sum(verdict.granted for verdict in verdicts) == 5
    assert await remaining(stage.counters) == 10
    (_, level) = (await stage.counters.admit([take(0, "a"), take(0, "b", Rate(1000, 60.0))])).levels
    assert level.remaining == 994


@STORES
@settings(max_examples=40, deadline=None)
@given(steps=steps)
async def test_no_stretch_of_time_sees_more_than_a_limit_and_what_comes_back_in_it(open_stage, kind, steps):
    async with open_stage(kind) as stage:
        used = [pair async for pair in play(stage, steps)]
    for index, rate in enumerate(RATES):
        of_key = [(now, amounts[index]) for now, amounts in used if index < len(amounts)]
        for first, last in combinations_with_replacement(range(len(of_key)), 2):
            total = sum(amount for _, amount in of_key[first : last + 1])
            elapsed = of_key[last][0] - of_key[first][0]
            assert total * rate.span <= rate.limit * (rate.span + elapsed)


@settings(max_examples=60, deadline=None)
@given(steps=steps)
async def test_both_stores_say_the_same(open_stage, steps):
    async with open_stage("memory") as memory, open_stage("valkey") as valkey:
        assert [pair async for pair in play(memory, steps)] == [pair async for pair in play(valkey, steps)]
        looks = takes_of([0, 0])
        assert await memory.counters.admit(looks) == await valkey.counters.admit(looks)


async def play(stage: Any, steps: list[Any]) -> AsyncIterator[tuple[int, list[int]]]:
    """Goes through the steps; yields when each that was granted was taken, and what it used of each key."""
    settlements: list[tuple[int, list[Settlement]]] = []
    for place, (pause, amounts, used, later) in enumerate(steps):
        await stage.advance(pause)
        for due, settlement in settlements:
            if due == place:
                await stage.counters.settle(settlement)
        takes = takes_of(amounts)
        before = (await stage.counters.admit(takes_of([0] * len(takes)))).levels
        verdict = await stage.counters.admit(takes)
        assert all(0 <= level.remaining <= level.take.rate.limit for level in verdict.levels)
        if not verdict.granted:
            assert [level.whole_at for level in verdict.levels] == [level.whole_at for level in before]
            continue
        # An estimate that was too low is known too late to hold the limit, so here the truth is never above it.
        truth = [amount if used is None else min(used, amount) for amount in amounts]
        settlements.append((place + 1 + later, [Settlement(*pair) for pair in zip(verdict.levels, truth, strict=True)]))
        yield verdict.levels[0].now, truth if place + 1 + later < len(steps) else amounts
