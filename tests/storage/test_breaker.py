import pytest

from torana.core.clock import FakeClock
from torana.storage.breaker import FAILURES, PAUSE, Breaker, Leave


@pytest.fixture
def clock():
    return FakeClock()


def test_it_gives_up_after_failures_in_a_row_and_tries_again_by_one(clock):
    changes: list[bool] = []
    breaker = Breaker(clock, changes.append)
    for _ in range(FAILURES):
        assert breaker.enter() is Leave.FREE
        breaker.failed()
    assert (breaker.enter(), changes) == (Leave.DENIED, [False])
    clock.advance(PAUSE)
    assert [breaker.enter(), breaker.enter()] == [Leave.PROBE, Leave.DENIED]
    breaker.succeeded(Leave.PROBE)
    assert (breaker.enter(), changes) == (Leave.FREE, [False, True])


def test_a_success_between_failures_starts_the_count_anew(clock):
    changes: list[bool] = []
    breaker = Breaker(clock, changes.append)
    for _ in range(3 * FAILURES):
        breaker.failed()
        breaker.succeeded(Leave.FREE)
    assert (breaker.enter(), changes) == (Leave.FREE, [])


def test_a_late_success_says_nothing_of_now(clock):
    breaker = Breaker(clock, lambda _: None, failures=1)
    breaker.failed()
    breaker.succeeded(Leave.FREE)
    assert breaker.enter() is Leave.DENIED
