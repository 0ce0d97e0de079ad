import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from torana.edge.calls.telling import Telling
from torana.edge.exchange import Exchange

BEAT = b": still here\n\n"
HEADERS = [("content-type", "text/event-stream")]
EVERY = 0.05


class Client(Exchange):
    """A client who takes pieces as fast as the test lets him."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.headers: Sequence[tuple[str, str]] = ()
        self.taking = asyncio.Event()
        self.taking.set()
        self.at_once = 0

    async def stream(self, headers: Sequence[tuple[str, str]], event: bytes) -> None:
        self.headers = headers
        self.at_once += 1
        assert self.at_once == 1, "one piece after the other"
        await self.taking.wait()
        self.got.append(event)
        self.at_once -= 1


@pytest.fixture
def client():
    return Client()


async def told(client: Client, act: Callable[[Callable[[bytes], Awaitable[None]]], Awaitable[str]], **kinds) -> str:
    telling = Telling(client, HEADERS, kinds.get("beat", BEAT), every=kinds.get("every", EVERY))

    async with asyncio.timeout(5):
        try:
            return await act(telling.show)
        finally:
            await telling.stop()


async def test_what_is_told_arrives_as_it_is(client):
    async def act(show):
        for piece in (b"a", b"b"):
            await show(piece)
        return "done"

    assert await told(client, act) == "done"
    assert (client.got, client.headers) == ([b"a", b"b"], HEADERS)


async def test_a_client_who_waits_is_sent_signs_of_life(client):
    async def act(show):
        await show(b"a")
        await asyncio.sleep(EVERY * 3.5)
        await show(b"b")
        return "done"

    await told(client, act)
    beats = client.got[1:-1]
    assert (client.got[0], client.got[-1]) == (b"a", b"b")
    assert set(beats) == {BEAT}
    assert 2 <= len(beats) <= 3


async def test_none_before_the_answer_has_begun(client):
    async def act(show):
        await asyncio.sleep(EVERY * 3)
        return "done"

    await told(client, act)
    assert client.got == []


async def test_none_while_pieces_come(client):
    async def act(show):
        for _ in range(12):
            await show(b"a")
            await asyncio.sleep(EVERY / 4)
        return "done"

    await told(client, act)
    assert client.got == [b"a"] * 12


@pytest.mark.parametrize("kinds", [{"every": 0.0}, {"beat": b""}])
async def test_none_where_there_is_no_such_thing(client, kinds):
    async def act(show):
        await show(b"a")
        await asyncio.sleep(EVERY * 3)
        return "done"

    await told(client, act, **kinds)
    assert client.got == [b"a"]


async def test_they_do_not_pile_up_before_a_client_who_takes_nothing(client):
    async def act(show):
        await show(b"a")
        client.taking.clear()
        waiting = asyncio.create_task(show(b"b"))
        await asyncio.sleep(EVERY * 4)
        client.taking.set()
        await waiting
        return "done"

    await told(client, act)
    assert client.got == [b"a", b"b"]


async def test_a_sign_that_cannot_go_out_is_one_at_most(client):
    async def act(show):
        await show(b"a")
        client.taking.clear()
        await asyncio.sleep(EVERY * 5)
        client.taking.set()
        await show(b"b")
        return "done"

    await told(client, act)
    assert client.got == [b"a", BEAT, b"b"]


async def test_none_after_the_work_and_nothing_is_left(client):
    async def act(show):
        await show(b"a")
        return "done"

    await told(client, act)
    await asyncio.sleep(EVERY * 3)
    assert client.got == [b"a"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("error", [LookupError("of the work"), asyncio.CancelledError()])
async def test_the_works_failure_is_ours_and_nothing_is_left(client, error):
    async def act(show):
        await show(b"a")
        raise error

    with pytest.raises(type(error)):
        await told(client, act)
    assert asyncio.all_tasks() == {asyncio.current_task()}
