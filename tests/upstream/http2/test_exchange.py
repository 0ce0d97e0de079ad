import asyncio
from math import inf
from typing import Any

import pytest

from tests.upstream.http2.peers import Peer, answering, upstream
from torana.core.content import PictureInfo, Size
from torana.core.errors import UpstreamCut, UpstreamTimeout
from torana.core.exchange import Message
from torana.upstream.client import Origin, Timeouts
from torana.upstream.http1.client import HttpClient
from torana.upstream.http2.client import Http2Client

PATIENT = Timeouts(5, 5, 5)
POST = Message("POST", "/a%2Fb?q=1", (("Content-Type", "text/plain"),), (b"hello",))


@pytest.fixture
async def client(client_tls):
    client = Http2Client(HttpClient(per_host=1), per_host=1, tls=client_tls)
    yield client
    await client.close()


async def test_a_head_has_the_fields_of_http_2_and_then_ours(client, server_tls):
    seen: list[Any] = []

    async def script(peer: Peer) -> None:
        await peer.greet()
        head = await peer.head()
        seen.extend(head.headers)
        await peer.answer(head.stream_id)
        await peer.gone()

    async with upstream(script, server_tls) as up:
        origin = Origin(up.origin.base_url, (("Authorization", "secret"),))
        async with client.send(POST, origin, timeouts=PATIENT, max_reply=9, headers=(("traceparent", "1"),)):
            pass
    assert seen[:4] == [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", f"127.0.0.1:{up.port}"),
        (":path", "/v1/a%2Fb?q=1"),
    ]
    assert sorted(seen[4:]) == [
        ("accept", "*/*"),
        ("accept-encoding", "identity"),
        ("authorization", "secret"),
        ("content-length", "5"),
        ("content-type", "text/plain"),
        ("traceparent", "1"),
        ("user-agent", "torana"),
    ]


async def test_nothing_can_be_read_when_the_block_has_ended(client, server_tls):
    async with upstream(answering, server_tls) as up:
        async with client.send(POST, up.origin, timeouts=Timeouts(5, 5, inf), max_reply=9) as response:
            pass
        with pytest.raises(RuntimeError, match="block has ended"):
            await response.read()


async def test_a_wait_for_a_place_is_part_of_the_whole(client, server_tls):
    async with upstream(answering, server_tls) as up:
        async with client.send(POST, up.origin, timeouts=PATIENT, max_reply=9):
            with pytest.raises(UpstreamTimeout, match=r"in full within 0\.05 s"):
                await client.send(POST, up.origin, timeouts=Timeouts(5, 5, 0.05), max_reply=9).__aenter__()
        async with client.send(POST, up.origin, timeouts=PATIENT, max_reply=9) as response:
            assert await response.read() == b"hi"


class Broken:
    filename, size, info = "cat.png", 10, PictureInfo("png", Size(1, 1))

    def at_hand(self):
        return None

    async def chunks(self):
        yield b"some"
        raise OSError("the disk is gone")


async def test_a_broken_upload_breaks_its_exchange_alone(client, server_tls):
    async with upstream(answering, server_tls) as up:
        message = Message("POST", "/", (), (Broken(),))
        with pytest.raises(UpstreamCut):
            await client.send(message, up.origin, timeouts=PATIENT, max_reply=9).__aenter__()
        async with client.send(POST, up.origin, timeouts=PATIENT, max_reply=9) as response:
            assert await asyncio.wait_for(response.read(), 5) == b"hi"
        assert len(up.peers) == 1
