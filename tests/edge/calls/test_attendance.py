import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from torana.edge.calls.attendance import Attendance

SOON = 0.01


class Gone(Exception):
    """The client left."""


class Painter:
    """Works for ever, and knows when it was told to stop."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def forever(self) -> str:
        self.started.set()
        try:
            return await never()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


async def never() -> str:
    await asyncio.Event().wait()
    raise AssertionError


async def stays() -> None:
    await never()


@pytest.fixture(autouse=True)
def watched_at_once(monkeypatch):
    monkeypatch.setattr("torana.edge.calls.attendance._WATCHED_AFTER", SOON)


def attendance(gone: Callable[[], Awaitable[object]] = stays, is_read: Callable[[], bool] = lambda: True) -> Attendance:
    return Attendance(gone, is_read)


async def nothing_is_left() -> bool:
    await asyncio.sleep(2 * SOON)
    return asyncio.all_tasks() == {asyncio.current_task()}


async def test_work_is_done_for_as_long_as_somebody_waits():
    async def work() -> str:
        await asyncio.sleep(3 * SOON)
        return "done"

    assert await attendance().during(work(), Gone()) == "done"
    assert await nothing_is_left()


async def test_works_failure_is_ours():
    async def work() -> str:
        await asyncio.sleep(3 * SOON)
        raise LookupError("of the work")

    with pytest.raises(LookupError, match="of the work"):
        await attendance().during(work(), Gone())
    assert await nothing_is_left()


@pytest.mark.parametrize("failure", [None, LookupError("of its end")])
async def test_nothing_goes_on_when_nobody_waits(failure):
    """Also where the work fails at being cancelled, or does not care."""
    painter = Painter()

    async def work() -> str:
        try:
            return await painter.forever()
        except asyncio.CancelledError:
            if failure is not None:
                raise failure from None
            return "done all the same"

    with pytest.raises(Gone):
        await attendance(gone=painter.started.wait).during(work(), Gone())
    assert painter.cancelled.is_set()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert await nothing_is_left()


async def test_who_named_his_call_may_leave():
    async def work() -> str:
        await asyncio.sleep(3 * SOON)
        return "done"

    async def at_once() -> None:
        return None

    assert await attendance(gone=at_once).during(work(), None) == "done"


async def test_a_client_is_not_watched_while_his_request_is_read():
    watched = asyncio.Event()

    async def gone() -> None:
        watched.set()

    read = asyncio.Event()
    attended = attendance(gone=gone, is_read=read.is_set)

    async def work() -> str:
        await asyncio.sleep(5 * SOON)
        assert not watched.is_set()
        read.set()
        return await never()

    with pytest.raises(Gone):
        await attended.during(work(), Gone())


async def test_nothing_goes_on_when_the_server_ends():
    painter = Painter()
    serving = asyncio.create_task(attendance().during(painter.forever(), Gone()))
    await painter.started.wait()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert painter.cancelled.is_set()
    assert await nothing_is_left()


async def test_the_server_ends_as_the_client_leaves():
    """The server's wish reaches further than the client's: it must not be taken for his."""
    painter = Painter()

    async def work() -> str:
        try:
            return await painter.forever()
        finally:
            await never()

    serving = asyncio.create_task(attendance(gone=painter.started.wait).during(work(), Gone()))
    await painter.cancelled.wait()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving


async def test_a_deadline_outside_stays_a_deadline():
    painter = Painter()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SOON):
            await attendance().during(painter.forever(), Gone())
    assert await nothing_is_left()


async def test_who_is_slow_misses_the_older_previews():
    shown: list[int] = []
    looked = asyncio.Event()
    slow = asyncio.Event()

    async def show(index: int) -> None:
        shown.append(index)
        looked.set()
        await slow.wait()

    async def work() -> str:
        attended.offer(partial(show, 0))
        await looked.wait()
        for index in range(1, 10):
            attended.offer(partial(show, index))
        asyncio.get_running_loop().call_soon(slow.set)
        return "done"

    attended = attendance()
    assert await attended.during(work(), None) == "done"
    assert shown == [0, 7, 8, 9]
    assert await nothing_is_left()


async def test_previews_are_shown_while_the_work_goes_on():
    shown = asyncio.Event()

    async def show() -> None:
        shown.set()

    async def work() -> str:
        for _ in range(2):
            shown.clear()
            attended.offer(show)
            await shown.wait()
            await asyncio.sleep(0)
        return "done"

    attended = attendance()
    assert await attended.during(work(), Gone()) == "done"


@pytest.mark.parametrize("at_the_end", [False, True])
async def test_a_preview_that_cannot_be_shown_ends_the_work(at_the_end):
    painter = Painter()

    async def show() -> None:
        raise LookupError("of the showing")

    async def work() -> str:
        attended.offer(show)
        return "done" if at_the_end else await painter.forever()

    attended = attendance()
    with pytest.raises(LookupError, match="of the showing"):
        await attended.during(work(), Gone())
    assert painter.cancelled.is_set() is not at_the_end
    assert await nothing_is_left()


async def test_a_client_who_takes_no_preview_can_leave():
    async def show() -> None:
        await never()

    async def work() -> str:
        attended.offer(show)
        return "done"

    async def gone() -> None:
        return None

    attended = attendance(gone)
    with pytest.raises(Gone):
        await attended.during(work(), Gone())
    assert await nothing_is_left()
