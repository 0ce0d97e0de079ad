import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.core.clock import FakeClock
from torana.storage.cache.memory import ENTRY, MemoryAnswers


@pytest.fixture
def clock():
    return FakeClock()


async def test_its_time_is_up(clock):
    answers = MemoryAnswers(clock, 10_000)
    await answers.put("a", b"x", 10)
    clock.advance(9.9)
    assert await answers.get("a") == b"x"
    clock.advance(0.1)
    assert (await answers.get("a"), answers.taken) == (None, 0)


async def test_what_was_used_longest_ago_makes_room(clock):
    answers = MemoryAnswers(clock, 3 * (ENTRY + 10))
    for name in "abc":
        await answers.put(name, b"x" * 10, 60)
    assert await answers.get("a")
    await answers.put("d", b"x" * 10, 60)
    assert [bool(await answers.get(name)) for name in "abcd"] == [True, False, True, True]


async def test_one_that_is_larger_than_all_room_costs_no_other_its_place(clock):
    answers = MemoryAnswers(clock, 2000)
    await answers.put("a", b"x", 60)
    await answers.put("b", b"x" * 2000, 60)
    assert (await answers.get("a"), await answers.get("b")) == (b"x", None)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3000), st.floats(0.1, 9)), max_size=40))
async def test_it_never_takes_more_than_it_may(steps):
    clock = FakeClock()
    answers = MemoryAnswers(clock, 5000)
    for name, size, ttl in steps:
        await answers.put(name, b"x" * size, ttl)
        clock.advance(0.5)
        assert answers.taken <= 5000
        assert answers.taken == sum(len(kept.data) + ENTRY for kept in answers._kept.values())
