import asyncio
import threading

import pytest

from torana.jobs.threads import in_thread


async def test_what_work_comes_to_is_told_and_so_is_what_goes_wrong():
    assert await in_thread(lambda a, b: a + b, 1, b=2) == 3
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)


async def test_who_is_cancelled_sees_the_work_end():
    begun, go_on, done = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        assert go_on.wait(5)
        done.append(True)

    working = asyncio.create_task(in_thread(work))
    while not begun.is_set():  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0)
    working.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not working.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(working, 5)
    assert done == [True]
