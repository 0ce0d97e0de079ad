import time

from torana.core.clock import Clock, FakeClock, SystemClock


def test_the_system_clock_tells_the_machines_time():
    before = time.time(), time.perf_counter()
    clock = SystemClock()
    told = clock.now(), clock.ticks()
    after = time.time(), time.perf_counter()
    assert before[0] <= told[0] <= after[0]
    assert before[1] <= told[1] <= after[1]


def test_a_fake_clock_moves_only_when_told():
    clock: Clock = FakeClock(100.0)
    assert (clock.now(), clock.ticks()) == (100.0, 100.0)
    assert clock.now() == 100.0


def test_a_fake_clock_moves_on_by_seconds():
    clock = FakeClock(100.0)
    clock.advance(2.5)
    assert (clock.now(), clock.ticks()) == (102.5, 102.5)
