import asyncio

import pytest

from torana.core.clock import FakeClock
from torana.storage.breaker import FAILURES, PAUSE
from torana.storage.cache.guarded import Guarded
from torana.storage.cache.memory import MemoryAnswers
from torana.storage.cache.port import AnswersUnavailable


class Moody(MemoryAnswers):
    mood = "well"
    asked = 0

    async def get(self, name):
        self.asked += 1
        if self.mood == "failing":
            raise AnswersUnavailable("no")
        if self.mood == "silent":
            await asyncio.Event().wait()
        return await super().get(name)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(clock):
    return Moody(clock, 10_000)


@pytest.fixture
def changes():
    return []


@pytest.fixture
def guarded(store, clock, changes):
    return Guarded(store, clock, changes.append, bound=0.02)


async def test_it_does_what_the_store_does(guarded):
    await guarded.put("a", b"x", 60)
    assert await guarded.get("a") == b"x"


@pytest.mark.parametrize("mood", ["failing", "silent"])
async def test_one_that_fails_is_left_alone_and_tried_again(guarded, store, clock, changes, mood):
    store.mood = mood
    for _ in range(FAILURES + 5):
        with pytest.raises(AnswersUnavailable):
            await guarded.get("a")
    assert (store.asked, changes) == (FAILURES, [False])
    store.mood = "well"
    clock.advance(PAUSE)
    assert await guarded.get("a") is None
    assert changes == [False, True]


async def test_who_gives_up_by_himself_says_nothing_of_the_store(guarded, store, changes):
    store.mood = "silent"
    for _ in range(FAILURES):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await guarded.get("a")
    assert changes == []
