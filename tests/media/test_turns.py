import asyncio

import pytest

from torana.core.errors import WorkFailed
from torana.media.turns import Line


async def waiting(line: Line[str], count: int) -> list[asyncio.Task[str]]:
    """So many who wait, each of them known to stand in the line."""
    tasks = [asyncio.create_task(line.take()) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_an_idle_thing_is_taken_at_once():
    line: Line[str] = Line()
    line.give("a")
    line.give("b")

    assert [await line.take(), await line.take()] == ["b", "a"]


async def test_first_come_first_served():
    line: Line[str] = Line()
    tasks = await waiting(line, 3)

    for thing in "abc":
        line.give(thing)

    assert await asyncio.gather(*tasks) == ["a", "b", "c"]


async def test_callers_take_turns_however_much_one_of_them_asks():
    line: Line[str] = Line()
    callers = ["greedy"] * 4 + ["ada"] * 2 + ["bob"]
    tasks = [asyncio.create_task(line.take(caller)) for caller in callers]
    await asyncio.sleep(0)
    served = []
    for _ in tasks:
        line.give("worker")
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        (one,) = done
        served.append(callers[tasks.index(one)])
        tasks[tasks.index(one)] = asyncio.create_task(asyncio.sleep(3600, ""))
    for task in tasks:
        task.cancel()
    assert served == ["greedy", "ada", "bob", "greedy", "ada", "greedy", "greedy"]


async def test_a_caller_who_leaves_is_forgotten():
    line: Line[str] = Line()
    gone, waits = (asyncio.create_task(line.take(caller)) for caller in ("gone", "waits"))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    line.give("a")
    assert await waits == "a"
    assert line._waiting == {}


async def test_who_leaves_loses_only_his_own_turn():
    line: Line[str] = Line()
    first, second = await waiting(line, 2)
    first.cancel()
    await asyncio.sleep(0)

    line.give("a")

    assert await second == "a"


async def test_who_leaves_at_his_turn_passes_it_on():
    line: Line[str] = Line()
    first, second = await waiting(line, 2)

    line.give("a")
    first.cancel()

    assert await second == "a"
    assert first.cancelled()


async def test_what_is_dropped_is_not_handed_out():
    line: Line[str] = Line()
    line.give("good")
    line.give("bad")

    line.drop("bad")
    line.drop("unknown")

    assert await line.take() == "good"


async def test_those_sent_away_hear_why():
    line: Line[str] = Line()
    tasks = await waiting(line, 2)

    line.send_away("closed")

    for task in tasks:
        with pytest.raises(WorkFailed, match="closed"):
            await task
    line.give("a")
    assert await line.take() == "a"


async def test_who_leaves_as_he_is_sent_away():
    line: Line[str] = Line()
    (only,) = await waiting(line, 1)

    line.send_away("closed")
    only.cancel()

    with pytest.raises(asyncio.CancelledError):
        await only
