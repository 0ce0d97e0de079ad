"""What may be sent a second time, and what bodies that lie about their length come to."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.upstream.wire import OK, Wire, upstream
from torana.core.content import PictureInfo, Size
from torana.core.errors import UpstreamCut, UpstreamTimeout, UpstreamUnreachable
from torana.core.exchange import Message
from torana.upstream.client import Timeouts
from torana.upstream.http1.client import HttpClient
from torana.upstream.http1.connection import Connection
from torana.upstream.http1.exchange import Exchange

PATIENT = Timeouts(5, 5, 5)


@pytest.fixture
async def client():
    made = HttpClient(per_host=1)
    yield made
    await made.close()


@dataclass(frozen=True)
class Lying:
    """An upload whose bytes are not as many as it says."""

    data: bytes
    size: int
    filename: str = "cat.png"
    info = PictureInfo("png", Size(1, 1))

    def at_hand(self):
        return None

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.data


@pytest.mark.parametrize("said", [1, 9])
async def test_no_byte_leaves_that_the_head_does_not_tell_of(client, said):
    seen = b""

    async def script(wire: Wire) -> None:
        nonlocal seen
        await wire.head()
        seen = await wire.reader.read()

    async with upstream(script) as up:
        message = Message("POST", "/", (), (Lying(b"hello", said),))
        with pytest.raises(UpstreamCut):
            async with client.send(message, up.origin, timeouts=PATIENT, max_reply=9):
                pass
        await asyncio.wait(up.tasks)
    assert len(seen) <= said


@pytest.mark.parametrize(("method", "connections"), [("GET", 2), ("PUT", 2), ("POST", 1), ("PATCH", 1)])
async def test_only_what_may_be_repeated_is_sent_again_and_once(client, method, connections):
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.hang_up()

    async with upstream(script) as up:
        with pytest.raises(UpstreamCut):
            async with client.send(Message(method, "/", ()), up.origin, timeouts=PATIENT, max_reply=9):
                pass
        assert up.connections == connections


async def test_nothing_is_sent_again_once_the_reply_has_begun(client):
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.say(b"HTTP/1.1 2")
        await wire.hang_up()

    async with upstream(script) as up:
        with pytest.raises(UpstreamCut):
            async with client.send(Message("GET", "/", ()), up.origin, timeouts=PATIENT, max_reply=9):
                pass
        assert up.connections == 1


@pytest.mark.parametrize(("lost", "answered"), [(1, True), (2, False)])
async def test_a_connection_that_is_lost_before_anything_is_sent_is_made_once_more(client, monkeypatch, lost, answered):
    asked = iter([False] * lost + [True] * 9)
    monkeypatch.setattr(Connection, "is_open", property(lambda _: next(asked)))

    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.say(OK)

    async with upstream(script) as up:
        sending = client.send(Message("POST", "/", ()), up.origin, timeouts=PATIENT, max_reply=9)
        assert isinstance(sending, Exchange)
        if answered:
            async with sending as reply:
                assert await reply.pieces() == [b"hi"]
            return
        with pytest.raises(UpstreamUnreachable) as caught:
            async with sending:
                pass
        assert type(caught.value) is UpstreamUnreachable


async def test_all_time_may_be_up_before_the_time_to_connect_is(client):
    async def silent(wire: Wire) -> None:
        await wire.gone()

    async with upstream(silent) as up:
        origin = type(up.origin)(f"https://{up.host}")
        with pytest.raises(UpstreamTimeout, match=r"in full within 0\.05 s"):
            async with client.send(Message("GET", "/", ()), origin, timeouts=Timeouts(5, 5, 0.05), max_reply=9):
                pass
