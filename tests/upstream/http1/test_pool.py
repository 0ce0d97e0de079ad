"""Places and queues, and how long connections are kept."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import uvloop

from tests.upstream.wire import OK, Wire, answering, upstream
from torana.core.errors import Overloaded, UpstreamTimeout
from torana.core.exchange import Message
from torana.upstream.client import Timeouts
from torana.upstream.http1.client import HttpClient
from torana.upstream.http1.pool import Limits

PATIENT = Timeouts(5, 5, 5)


def pytest_asyncio_loop_factories(config, item):
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@asynccontextmanager
async def a_client(per_host=1, **limits):
    made = HttpClient(per_host=per_host, limits=Limits(**limits))
    try:
        yield made
    finally:
        await made.close()


async def ask(client, origin, path="/", timeouts=PATIENT):
    async with client.send(Message("GET", path, ()), origin, timeouts=timeouts, max_reply=100) as reply:
        return await reply.read()


async def test_a_full_queue_is_no_fault_of_the_upstream():
    asked = asyncio.Event()

    async def silent(wire: Wire) -> None:
        await wire.request()
        asked.set()
        await wire.gone()

    async with upstream(silent) as up, a_client(waiting=2) as client:
        calls = [asyncio.create_task(ask(client, up.origin)) for _ in range(3)]
        await asked.wait()
        with pytest.raises(Overloaded) as caught:
            await ask(client, up.origin)
        assert caught.value.retry_after
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        assert client._pools == {}


async def test_places_are_given_in_the_order_of_asking_and_who_leaves_is_passed_over():
    order = []
    gate, asked = asyncio.Event(), asyncio.Event()

    async def script(wire: Wire) -> None:
        while True:
            order.append((await wire.request()).line.split()[1])
            asked.set()
            await gate.wait()
            await wire.say(OK)

    async with upstream(script) as up, a_client() as client:
        calls = []
        for number in range(6):
            calls.append(asyncio.create_task(ask(client, up.origin, f"/{number}")))
            await asyncio.sleep(0)
        await asked.wait()
        calls[2].cancel()
        gate.set()
        await asyncio.wait(calls)
    assert order == [f"/v1/{number}" for number in (0, 1, 3, 4, 5)]


async def test_a_place_that_was_given_to_who_is_just_leaving_goes_on():
    async with upstream(answering(OK, OK)) as up, a_client() as client:
        async with client.send(Message("GET", "/", ()), up.origin, timeouts=PATIENT, max_reply=9) as reply:
            late, last = (asyncio.create_task(ask(client, up.origin)) for _ in range(2))
            await asyncio.sleep(0)
            await reply.read()
        # The place is late's now; he learns of it in the next turn, and leaves in this one.
        late.cancel()
        assert await last == b"hi"


async def test_patience_for_a_place_has_an_end():
    async with upstream(answering(OK)) as up, a_client(patience=0.02) as client:
        held = client.send(Message("GET", "/", ()), up.origin, timeouts=PATIENT, max_reply=9)
        async with held:
            with pytest.raises(UpstreamTimeout, match=r"within 0\.02 s"):
                await ask(client, up.origin)


async def test_an_idle_connection_is_closed_after_a_while_and_forgotten():
    async with upstream(answering(OK, OK)) as up, a_client(keep=0.05) as client:
        await ask(client, up.origin)
        await ask(client, up.origin)
        assert up.connections == 1
        await asyncio.wait(up.tasks)
        assert client._pools == {}
        await ask(client, up.origin)
        assert up.connections == 2


async def test_nothing_is_kept_where_that_is_not_wanted():
    async with upstream(answering(OK)) as up, a_client(keep=0.0) as client:
        for _ in range(2):
            assert await ask(client, up.origin) == b"hi"
        assert up.connections == 2


async def test_a_reply_that_nobody_read_is_not_the_next_ones():
    async with upstream(answering(OK, OK.replace(b"hi", b"ho"))) as up, a_client() as client:
        async with client.send(Message("GET", "/", ()), up.origin, timeouts=PATIENT, max_reply=9) as unread:
            pass
        assert await ask(client, up.origin) == b"ho"
        with pytest.raises(RuntimeError, match="block has ended"):
            await unread.read()
