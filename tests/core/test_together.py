import asyncio
from functools import partial

import pytest

from torana.core.together import a_few_at_once, all_or_none


async def test_what_all_come_to_in_their_order():
    async def after(turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return turns

    assert await all_or_none(map(after, (3, 1, 2))) == [3, 1, 2]
    assert await all_or_none(()) == []


async def test_the_first_failure_comes_as_itself_and_stops_the_rest():
    stopped = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async def failing() -> None:
        await asyncio.sleep(0)
        raise LookupError("first") from ValueError("why")

    with pytest.raises(LookupError, match="first") as raised:
        await all_or_none([endless(), failing()])
    assert isinstance(raised.value.__cause__, ValueError)
    assert stopped.is_set()


async def test_a_few_are_at_work_at_once():
    working, seen = set[int](), set[int]()

    async def work(number: int) -> int:
        working.add(number)
        seen.add(len(working))
        await asyncio.sleep(0)
        working.remove(number)
        return number

    assert await a_few_at_once([partial(work, number) for number in range(7)], 3) == list(range(7))
    assert max(seen) == 3
