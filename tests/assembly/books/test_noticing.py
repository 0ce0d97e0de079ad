import asyncio

from msgspec import Struct

from tests.assembly.kit import Log
from torana.assembly.books.noticing import Noticing
from torana.storage.notices import Notice


class Told(Struct):
    number: int


def noticing(tmp_path, enough=3):
    learnt, log = [], Log()

    async def learn(told):
        learnt.append(told.number)
        return told.number == enough

    return Noticing(Notice(tmp_path / "told.json", Told), learn, every=0.001, logger=log.logger), learnt, log


async def test_it_learns_until_that_is_enough(tmp_path):
    looking, learnt, _ = noticing(tmp_path)
    running = asyncio.create_task(looking.run())
    for number in (1, 2, 3):
        Notice(tmp_path / "told.json", Told).post(Told(number))
        async with asyncio.timeout(5):
            while number not in learnt:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.001)
    await asyncio.wait_for(running, 5)
    assert learnt == [1, 2, 3]


async def test_what_cannot_be_read_is_told_once_and_the_next_is_learnt(tmp_path):
    looking, learnt, log = noticing(tmp_path)
    (tmp_path / "told.json").mkdir()
    assert [await looking.look() for _ in range(3)] == [False] * 3
    (tmp_path / "told.json").rmdir()
    (tmp_path / "told.json").write_text("{")
    assert not await looking.look()
    assert [event["event"] for event in log.events] == ["notice_unreadable"] * 2
    Notice(tmp_path / "told.json", Told).post(Told(3))
    assert await looking.look()
    assert learnt == [3]
