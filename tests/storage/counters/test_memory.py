import pytest

from torana.core.clock import FakeClock
from torana.storage.counters.memory import MemoryCounters
from torana.storage.counters.port import Hold, Rate, Settlement, Take

ROOM = 8
MINUTE, DAY = Rate(10, 60.0), Rate(10, 86_400.0)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def counters(clock):
    return MemoryCounters(clock, max_keys=ROOM)


async def remaining(counters: MemoryCounters, key: str, rate: Rate = MINUTE) -> int:
    return (await counters.admit([Take(key, 0, rate)])).levels[0].remaining


async def test_no_more_counters_are_kept_than_set(counters):
    for call in range(10 * ROOM):
        await counters.admit([Take(str(call), 10, MINUTE)], [Hold(str(call), 1, 30.0)], holder="one")
    for shelf in (counters._rates, counters._places):
        assert len(shelf.items) == len(shelf._due) == ROOM


async def test_those_go_first_that_are_whole_soonest(counters, clock):
    await counters.admit([Take("day", 10, DAY)])
    for call in range(10 * ROOM):
        clock.advance(0.001)
        await counters.admit([Take(str(call), 10, MINUTE)])
    assert await remaining(counters, "day", DAY) == 0
    assert await remaining(counters, str(10 * ROOM - 1)) == 0
    assert await remaining(counters, "1") == 10


async def test_a_counter_that_went_on_being_used_stays(counters, clock):
    for call in range(ROOM - 1):
        await counters.admit([Take(str(call), 2, MINUTE)])
    await counters.admit([Take("0", 8, MINUTE)])
    for call in range(ROOM):
        clock.advance(0.001)
        await counters.admit([Take(f"late {call}", 1, MINUTE)])
    assert await remaining(counters, "0") == 0


async def test_what_is_whole_again_makes_way_before_the_room_is_full(clock):
    counters = MemoryCounters(clock)
    for call in range(1000):
        clock.advance(1)
        await counters.admit([Take(str(call), 1, MINUTE)], [Hold(str(call), 1, 5.0)], holder="one")
        await counters.settle([], [Hold(str(call), 1, 5.0)], holder="one")
    assert len(counters._rates.items) < 20
    assert len(counters._places.items) < 20


async def test_a_truth_about_a_forgotten_take_is_charged(counters, clock):
    (level,) = (await counters.admit([Take("slow", 1, MINUTE)])).levels
    for call in range(2 * ROOM):
        await counters.admit([Take(str(call), 10, MINUTE)])
    await counters.settle([Settlement(level, 5)])
    assert await remaining(counters, "slow") == 6
