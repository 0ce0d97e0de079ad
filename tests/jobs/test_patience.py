import asyncio

import pytest

from tests.jobs.kit import Silent
from torana.core.clock import FakeClock
from torana.jobs.patience import Patience
from torana.storage.counters.port import CountersUnavailable
from torana.storage.sql.database import DatabaseUnavailable
from torana.telemetry.logs import Logger


@pytest.fixture
def log():
    return Silent()


@pytest.fixture
def told():
    return []


@pytest.fixture
def patience(log, told):
    return Patience("work", 0.001, Logger("json", "info", clock=FakeClock(), stream=log), told.append)


@pytest.mark.parametrize("trouble", [DatabaseUnavailable("gone"), CountersUnavailable("gone"), OSError(28, "full")])
async def test_trouble_is_told_once_and_so_is_its_end(patience, log, told, trouble):
    async def fails() -> None:
        raise trouble

    async def works() -> None:
        pass

    assert [await patience.once(fails) for _ in range(3)] == [False] * 3
    assert told == [str(trouble)]
    assert [await patience.once(works) for _ in range(2)] == [True] * 2
    assert told == [str(trouble), None]
    assert [log.text.count(event) for event in ("work_waits", "work_goes_on")] == [1, 1]


async def test_it_waits_longer_each_time_up_to_a_bound(patience):
    async def fails() -> None:
        raise DatabaseUnavailable("gone")

    pauses = []
    for _ in range(20):
        await patience.once(fails)
        pauses.append(patience._pause)
    assert pauses[:3] == [0.001, 0.002, 0.004]
    assert pauses[-1] == 5.0


async def test_it_goes_on_until_it_is_cancelled_and_ends_by_a_defect(patience):
    done = asyncio.Event()
    times = []

    async def works() -> None:
        times.append(1)
        if len(times) == 3:
            done.set()

    running = asyncio.create_task(patience.run(works))
    await asyncio.wait_for(done.wait(), 5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    async def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(patience.run(broken), 5)


async def test_who_is_woken_does_not_wait(log):
    patience = Patience("work", 3600.0, Logger("json", "info", clock=FakeClock(), stream=log))
    patience.wake()
    times = asyncio.Semaphore(0)

    async def works() -> None:
        times.release()

    running = asyncio.create_task(patience.run(works))
    for _ in range(3):
        await asyncio.wait_for(times.acquire(), 5)
        patience.wake()
    running.cancel()
