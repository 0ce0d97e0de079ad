import asyncio
from typing import Any

import pytest

from torana.core.errors import UpstreamUnreachable
from torana.upstream.http1.places import Places
from torana.upstream.http2.pool import Pool


class Made:
    """A connection with room for ``room`` exchanges."""

    def __init__(self, room: int = 1, *, speaks: bool = True) -> None:
        self.room, self.speaks = room, speaks
        self.transport: object | None = self
        self.surprises = 0
        self.is_idle = True

    def takes(self):
        return self.transport is not None and self.room > 0

    def is_silent(self):
        self.surprises -= 1
        return self.surprises < 0

    def drop(self):
        self.transport = None


def a_pool(*made: Any, gate: asyncio.Event | None = None) -> tuple[Any, list[float]]:
    left = list(made)
    asked: list[float] = []

    async def dial(within):
        asked.append(within)
        if gate:
            await gate.wait()
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    return Pool(dial, Places(10, 10)), asked


async def test_all_who_wait_share_what_is_dialled_and_the_first_may_go():
    gate, made = asyncio.Event(), Made(3)
    pool, asked = a_pool(made, gate=gate)
    callers = [asyncio.create_task(pool.connection(5)) for _ in range(3)]
    await asyncio.sleep(0)
    callers[0].cancel()
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*callers[1:]) == [made] * 2
    assert asked == [5]
    assert pool.free() is made


async def test_another_is_dialled_where_all_are_full():
    first, second = Made(1), Made(1)
    pool, asked = a_pool(first, second)
    assert await pool.connection(5) is first
    first.room, first.is_idle = 0, False
    assert pool.free() is None
    assert await pool.connection(5) is second
    assert len(asked) == 2


async def test_each_who_waits_is_told_of_a_failure_and_the_next_asks_anew():
    cause, made = OSError("no connection"), Made()
    failure = UpstreamUnreachable("The upstream could not be reached.")
    failure.__cause__ = cause
    pool, _ = a_pool(failure, made)
    errors = await asyncio.gather(pool.connection(5), pool.connection(5), return_exceptions=True)
    assert [(type(error), error.__cause__) for error in errors if isinstance(error, Exception)] == [
        (UpstreamUnreachable, cause)
    ] * 2
    assert errors[0] is not errors[1]
    assert await pool.connection(5) is made


async def test_where_another_protocol_is_spoken_there_is_none():
    made = Made(speaks=False)
    pool, asked = a_pool(made)
    for _ in range(2):
        assert await pool.connection(5) is None
    assert (len(asked), made.transport, pool.is_of_old) == (1, None, True)


@pytest.mark.parametrize(("surprises", "is_kept"), [(2, True), (100, False)], ids=["a word", "the end"])
async def test_an_idle_connection_with_something_to_read_is_read_first(surprises, is_kept):
    first, second = Made(), Made()
    pool, _ = a_pool(first, second)
    assert await pool.connection(5) is first
    first.surprises = surprises
    assert pool.free() is None
    assert await pool.connection(5) is (first if is_kept else second)


async def test_what_is_being_dialled_ends_with_the_pool():
    pool, _ = a_pool(Made(), gate=asyncio.Event())
    waiting = asyncio.create_task(pool.connection(5))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    pool.close()
    with pytest.raises(UpstreamUnreachable):
        await waiting
