"""What the purses of every store do, tried on each of them; and how this process keeps its own."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from tests.storage.counters.books import MOST, Books, balance, kept, reserve, run_of, spent
from torana.core.clock import FakeClock
from torana.storage.counters.memory import MemoryCounters
from torana.storage.counters.port import (
    CountersUnavailable,
    Hold,
    PursesClosed,
    Rate,
    Refusal,
    Settlement,
    Take,
    Verdict,
)
from torana.storage.counters.purses import FORGOTTEN_AFTER, pieces

TAKE = Take("requests", 4, Rate(10, 60.0))
PLACE = Hold("calls", 1, 30.0)
DAY = 86_400.0


async def lends(counters: Any, amount: int, holder: str, limit: int | None = 100) -> bool:
    verdict = await counters.admit([], [], [reserve(amount, limit)], holder=holder)
    return bool(verdict.granted)


@pytest.fixture
async def counters(stage):
    await stage.open()
    return stage.counters


@pytest.mark.parametrize(
    "make", [lambda: reserve(-1), lambda: reserve(MOST + 1), lambda: reserve(0, -1), lambda: reserve(0, MOST + 1)]
)
def test_a_reservation_that_makes_no_sense_cannot_be_said(make):
    with pytest.raises(ValueError, match="makes no sense"):
        make()


def test_less_than_nothing_cannot_be_spent():
    with pytest.raises(ValueError, match="cannot have been spent"):
        spent(-1)


async def test_what_is_reserved_is_not_there_for_others_until_it_is_settled(counters):
    assert await counters.admit([], [], [reserve(70)], holder="one") == Verdict(())
    (look,) = (await counters.admit([], [], [reserve(30)])).balances
    assert (look.spent, look.reserved, look.remaining) == (0, 70, 30)
    assert await counters.admit([], [], [reserve(31)], holder="two") == Verdict((), Refusal(0, None))
    refused = await counters.admit([], [], [reserve(31)])
    assert refused.refusal == Refusal(0, None)
    assert refused.balances[0].remaining == 30
    await counters.settle([], [], [spent(20)], holder="one")
    assert await balance(counters) == (20, 0)
    assert await lends(counters, 80, "two")
    assert not await lends(counters, 1, "three")
    assert await lends(counters, 0, "three")


async def test_a_purse_is_settled_once_for_each_holder(counters):
    await lends(counters, 50, "one")
    for first in (True, False, False):
        assert await counters.settle([], [], [spent(20)], holder="one") is first
        assert not await counters.settle([], [], [spent(20)], holder="a stranger")
    assert await balance(counters) == (20, 0)


async def test_a_holder_reserves_but_once(counters):
    for _ in range(3):
        assert await lends(counters, 60, "one")
    assert await balance(counters) == (0, 60)


async def test_a_reservation_of_nothing_is_charged_with_what_it_comes_to(counters):
    assert await lends(counters, 0, "one")
    await counters.settle([], [], [spent(7)], holder="one")
    assert await balance(counters) == (7, 0)


async def test_a_purse_that_is_empty_again_takes_no_room(stage, counters):
    both = [reserve(5), reserve(5, key="b")]
    await counters.admit([], [], both, holder="one")
    await counters.admit([], [], both, holder="two")
    await counters.settle([], [], [spent(0), spent(0, "b")], holder="one")
    assert await kept(counters) == {"team", "b"}
    assert await counters.settle([], [], [spent(0), spent(3, "b")], holder="two")
    assert await kept(counters) == {"b"}
    # Something was spent of it, though nothing just now.
    await lends(counters, 5, "three", None)
    await counters.settle([], [], [spent(0)], holder="three")
    await counters.admit([], [], both[1:], holder="four")
    await counters.settle([], [], [spent(0, "b")], holder="four")
    await counters.raise_to([spent(0, "c")])
    await stage.open([spent(0, "d")])
    assert await kept(counters) == {"b"}
    assert await balance(counters, "b") == (3, 0)


async def test_without_a_holder_a_step_only_looks(counters):
    assert await lends(counters, 100, "")
    assert not await lends(counters, 101, "")
    assert await balance(counters) == (0, 0)


async def test_what_was_spent_beyond_the_reservation_counts(counters):
    await lends(counters, 10, "one")
    await counters.settle([], [], [spent(120)], holder="one")
    (look,) = (await counters.admit([], [], [reserve(0)])).balances
    assert (look.spent, look.remaining) == (120, 0)
    assert not await lends(counters, 0, "two")


async def test_without_a_limit_a_purse_never_refuses_and_still_counts(counters):
    assert await lends(counters, MOST, "one", None)
    await counters.admit([], [], [reserve(1, None)], holder="two")
    (look,) = (await counters.admit([], [], [reserve(0, None)])).balances
    assert (look.reserved, look.remaining) == (MOST + 1, None)
    assert not await lends(counters, 1, "three")


async def test_a_purse_that_says_no_takes_nothing_of_the_step(counters):
    reserves = [reserve(1, key="rich"), reserve(101)]
    refused = await counters.admit([TAKE], [PLACE], reserves, holder="one")
    assert refused.refusal == Refusal(3, None)
    assert refused.levels[0].remaining == 10
    assert await balance(counters, "rich") == (0, 0)
    verdict = await counters.admit([TAKE], [PLACE], [reserve(100)], holder="two")
    assert verdict.granted
    assert verdict.levels[0].remaining == 6


async def test_a_take_or_a_hold_that_says_no_reserves_nothing(counters):
    await counters.admit([TAKE, Take("b", 1, TAKE.rate)], [PLACE], [], holder="one")
    first = await counters.admit([TAKE, Take("b", 10, TAKE.rate)], [], [reserve(5)], holder="two")
    assert first.refusal.index == 1
    second = await counters.admit([TAKE], [PLACE], [reserve(5)], holder="two")
    assert second.refusal == Refusal(1, None)
    assert await balance(counters) == (0, 0)


async def test_a_purse_is_told_before_a_take_that_refuses_too(counters):
    refused = await counters.admit([Take("a", 11, TAKE.rate)], [PLACE], [reserve(5), reserve(101, key="b")], holder="x")
    assert refused.refusal == Refusal(3, None)


async def test_purses_takes_and_holds_of_one_name_are_apart(counters):
    both = [Take("x", 10, TAKE.rate)], [Hold("x", 1, 30.0)]
    assert (await counters.admit(*both, [reserve(100, key="x")], holder="one")).granted
    await counters.settle([], [], [spent(0, "x")], holder="one")
    assert not (await counters.admit(both[0], holder="two")).granted
    assert not (await counters.admit([], both[1], holder="two")).granted


async def test_to_the_nano_even_where_the_purse_is_full(counters):
    assert await lends(counters, MOST - 1, "one", MOST)
    assert not await lends(counters, 2, "two", MOST)
    assert await lends(counters, 1, "two", MOST)
    assert not await lends(counters, 1, "three", MOST)
    await counters.settle([], [], [spent(MOST - 2)], holder="one")
    await counters.settle([], [], [spent(1)], holder="two")
    assert await balance(counters) == (MOST - 1, 0)


async def test_sums_are_exact_even_beyond_what_a_float_can_hold(counters):
    for amount in (2**60, 2**60 + 1, 2**60):
        await counters.raise_to([spent(amount)])
    await counters.raise_to([spent(99)])
    await lends(counters, 3, "one", None)
    assert await balance(counters) == (2**60 + 1, 3)
    await counters.settle([], [], [spent(1)], holder="one")
    assert await balance(counters) == (2**60 + 2, 0)


async def test_closed_purses_lend_nothing_and_nothing_of_the_step_is_taken(stage):
    counters = stage.counters
    assert await counters.opened() is None
    for asked in (reserve(1), reserve(0), reserve(1, None)):
        with pytest.raises(PursesClosed):
            await counters.admit([TAKE], [PLACE], [asked], holder="one")
    await counters.settle([], [], [spent(5)], holder="one")
    verdict = await counters.admit([TAKE], [PLACE], holder="two")
    assert verdict.levels[0].remaining == 6
    await counters.raise_to([spent(2)])
    await counters.restore([spent(3)], [("one", reserve(4))])
    assert await counters.opened() is None
    await stage.open()
    assert await counters.opened() == await run_of(counters)
    assert await balance(counters) == (3, 4)


async def test_several_purses_are_settled_each_by_its_own_charge(counters):
    verdict = await counters.admit([TAKE], [PLACE], [reserve(9), reserve(9, key="b")], holder="one")
    settlement = Settlement(verdict.levels[0], 1)
    assert await counters.settle([settlement], [PLACE], [spent(3), spent(4, "b")], holder="one")
    assert (await balance(counters), await balance(counters, "b")) == ((3, 0), (4, 0))
    assert (await counters.admit([TAKE], [PLACE], holder="two")).levels[0].remaining == 5


async def test_an_opening_tells_what_was_spent_and_what_still_may_be(stage):
    counters = stage.counters
    told = [("one", reserve(30)), ("two", reserve(0)), ("two", reserve(9, None, "other"))]
    await stage.open([spent(10), spent(0, "none")], told)
    assert await balance(counters) == (10, 30)
    assert await balance(counters, "other") == (0, 9)
    assert not await lends(counters, 61, "three")
    await counters.settle([], [], [spent(25)], holder="one")
    await counters.settle([], [], [spent(1), spent(8, "other")], holder="two")
    assert await balance(counters) == (36, 0)
    assert await balance(counters, "other") == (8, 0)


async def test_another_opening_takes_nothing_away(stage, counters):
    await lends(counters, 30, "one")
    await lends(counters, 40, "two")
    await counters.settle([], [], [spent(20)], holder="two")
    for _ in range(2):
        await stage.open([spent(5)], [("one", reserve(30)), ("three", reserve(7))])
    assert await balance(counters) == (20, 37)


async def test_gateways_at_once_spend_no_more_than_one_would(stage):
    await stage.open([spent(1)])
    calls = [(client, str(call)) for call, client in enumerate(stage.clients * 20)]
    granted = await asyncio.gather(*[lends(client, 7, holder) for client, holder in calls])
    assert sum(granted) == 14
    await asyncio.gather(*[client.settle([], [], [spent(2)], holder=holder) for client, holder in calls * 2])
    assert await balance(stage.counters) == (29, 0)


@pytest.mark.parametrize("kind", ["memory", "valkey"])
def test_whatever_happens_nothing_is_forgotten_and_nothing_overspent(kind, server):
    books = type("BooksOfAStore", (Books,), {"kind": kind, "url": server.connection_url})
    run_state_machine_as_test(books, settings=settings(max_examples=40, stateful_step_count=30, deadline=None))


@given(st.lists(st.sampled_from("ab"), max_size=12), st.integers(1, 4))
def test_pieces_leave_what_one_holder_has_together(holders, most):
    reserved = [(holder, reserve(place)) for place, holder in enumerate(holders)]
    cut = list(pieces(reserved, most))
    assert [each for piece in cut for each in piece] == reserved
    assert all(len(piece) >= most for piece in cut[:-1])
    assert all(before[-1][0] != after[0][0] for before, after in pairwise(cut))


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def small(clock):
    counters = MemoryCounters(clock, max_keys=3)
    await counters.open("first", [], [])
    return counters


async def fill(counters: MemoryCounters, *, ends: float | None) -> None:
    for key in "abc":
        await counters.admit([], [], [reserve(5, key=key, ends=ends)], holder="one")


async def test_where_there_is_no_room_no_purse_is_begun_and_none_is_lost(small, clock):
    await fill(small, ends=clock.now() + DAY)
    with pytest.raises(CountersUnavailable, match="room for 3 purses"):
        await small.admit([TAKE], [PLACE], [reserve(5, key="d"), reserve(5, key="a")], holder="two")
    with pytest.raises(CountersUnavailable, match="room for 3 purses"):
        await small.raise_to([spent(9, "a"), spent(1, "d")])
    assert (await small.admit([TAKE], [PLACE], [reserve(5, key="a")], holder="two")).levels[0].remaining == 6
    assert [await balance(small, key) for key in "abcd"] == [(0, 10), (0, 5), (0, 5), (0, 0)]


async def test_calls_that_cost_nothing_leave_room_for_others(small, clock):
    ends = clock.now() + DAY
    for made_up in map(str, range(50)):
        assert (await small.admit([], [], [reserve(5, key=made_up, ends=ends)], holder="one")).granted
        await small.settle([], [], [spent(0, made_up)], holder="one")
    assert await kept(small) == set()
    assert small._purses._ending == {}


async def test_purses_of_ended_periods_make_way(small, clock):
    await fill(small, ends=clock.now() + DAY)
    clock.advance(DAY)
    assert await balance(small, "a") == (0, 5)
    assert (await small.admit([], [], [reserve(5, key="d", ends=None)], holder="two")).granted
    assert [await balance(small, key) for key in "abcd"] == [(0, 0), (0, 5), (0, 5), (0, 5)]


async def test_purses_that_never_end_stay(small, clock):
    await fill(small, ends=None)
    clock.advance(1000 * DAY)
    with pytest.raises(CountersUnavailable):
        await small.admit([], [], [reserve(5, key="d")], holder="two")


async def test_what_ended_long_ago_goes_before_the_room_is_full(clock):
    counters = MemoryCounters(clock)
    await counters.open("first", [], [])
    for day in range(100):
        ends = clock.now() + DAY
        await counters.admit([], [], [reserve(1, key=str(day), ends=ends)], holder="one")
        clock.advance(DAY)
    assert len(counters._purses._purses) == FORGOTTEN_AFTER / DAY + 1
