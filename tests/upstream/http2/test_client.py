"""What HTTP/2 alone has: many exchanges on a connection, and its ways to end one of them or all."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from h2.errors import ErrorCodes
from h2.events import StreamReset

from tests.upstream import wire
from tests.upstream.http2.peers import Peer, answering, upstream
from tests.upstream.proxying import relay
from torana.core.errors import Overloaded, UpstreamCut, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from torana.core.exchange import Message
from torana.upstream.client import Client, Origin, Timeouts
from torana.upstream.http1.client import HttpClient
from torana.upstream.http2.client import Http2Client
from torana.upstream.proxy import Proxy, proxy_at
from torana.upstream.transport import AiohttpClient

PATIENT = Timeouts(connect=5, first_byte=5, total=5)
POST = Message("POST", "/", (), (b"hello",))


@pytest.fixture
def a_client(client_tls, certificate):
    """Makes a client, for a block."""

    @asynccontextmanager
    async def made(proxy: Proxy | None = None, **settings) -> AsyncIterator[Http2Client]:
        settings = {"per_host": 200, **settings}
        usual = ssl.create_default_context(cafile=str(certificate))
        if proxy is None:
            old: HttpClient | AiohttpClient = HttpClient(per_host=8, tls=usual)
        else:
            old = AiohttpClient(per_host=8, tls=usual, proxy=proxy)
        client = Http2Client(old, tls=client_tls, proxy=proxy, **settings)
        try:
            yield client
        finally:
            await client.close()

    return made


async def exchange(client: Client, origin: Origin, message: Message = POST, timeouts=PATIENT, most=1000) -> bytes:
    async with client.send(message, origin, timeouts=timeouts, max_reply=most) as response:
        return await response.read()


async def test_a_hundred_exchanges_share_a_connection(a_client, server_tls):
    together = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.greet(max_concurrent_streams=100)
        numbers = [await peer.request() for _ in range(100)]
        together.set()
        for number in reversed(numbers):
            await peer.answer(number, b"%d" % number)
        await peer.gone()

    async with upstream(script, server_tls) as up, a_client() as client:
        replies = await asyncio.gather(*(exchange(client, up.origin) for _ in range(100)))
        assert together.is_set()
        assert sorted(map(int, replies)) == list(range(1, 200, 2))
        assert len(up.peers) == 1


async def test_another_connection_is_made_where_one_is_full(a_client, server_tls):
    asked = asyncio.Queue[None]()
    gate = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.greet(max_concurrent_streams=2)
        numbers = [await peer.request() for _ in range(2 if len(up.peers) < 3 else 1)]
        for _ in numbers:
            asked.put_nowait(None)
        await gate.wait()
        for number in numbers:
            await peer.answer(number)
        await peer.gone()

    async with upstream(script, server_tls) as up, a_client() as client:
        calls = [asyncio.create_task(exchange(client, up.origin)) for _ in range(5)]
        for _ in range(5):
            await asked.get()
        gate.set()
        assert await asyncio.gather(*calls) == [b"hi"] * 5
        assert len(up.peers) == 3


async def test_no_more_are_under_way_than_may_and_no_more_wait(a_client, server_tls):
    held, asked = asyncio.Event(), asyncio.Event()
    seen = []

    async def script(peer: Peer) -> None:
        await peer.greet()
        while True:
            seen.append(await peer.request())
            asked.set()
            await held.wait()
            await peer.answer(seen[-1])

    async with upstream(script, server_tls) as up, a_client(per_host=1, waiting=1) as client:
        calls = [asyncio.create_task(exchange(client, up.origin)) for _ in range(2)]
        await asked.wait()
        with pytest.raises(Overloaded, match="Too many calls wait"):
            await exchange(client, up.origin)
        with pytest.raises(Overloaded):
            await exchange(client, up.origin)
        assert len(seen) == 1
        held.set()
        assert await asyncio.gather(*calls) == [b"hi"] * 2
        assert await exchange(client, up.origin) == b"hi"


async def test_events_come_as_they_are_sent(a_client, server_tls):
    taken = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.greet()
        number = await peer.request()
        await peer.answer(number, b"data: 1\n\n", content_type="text/event-stream", ends=False)
        await taken.wait()
        await peer.more(number, b"data: 2\n\n")
        await peer.more(number, b"data: [DONE]\n\n", ends=True)
        await peer.gone()

    async with (
        upstream(script, server_tls) as up,
        a_client() as client,
        client.send(POST, up.origin, timeouts=PATIENT, max_reply=100) as response,
    ):
        chunks = response.chunks()
        assert await anext(chunks) == b"data: 1\n\n"
        taken.set()
        assert b"".join([chunk async for chunk in chunks]) == b"data: 2\n\ndata: [DONE]\n\n"
        assert response.headers["content-type"] == "text/event-stream"


# Its ways to end


async def test_what_the_upstream_began_before_its_farewell_is_ended_and_the_next_call_goes_elsewhere(
    a_client, server_tls
):
    told, is_elsewhere = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.greet()
        number = await peer.request()
        if len(up.peers) == 1:
            await peer.answer(number, b"be", ends=False)
            await peer.farewell(2**31 - 1)
            await peer.farewell(number)
            told.set()
            await is_elsewhere.wait()
            await peer.more(number, b"gun", ends=True)
        else:
            is_elsewhere.set()
            await peer.answer(number)
        await peer.gone()

    async with upstream(script, server_tls) as up, a_client() as client:
        first = asyncio.create_task(exchange(client, up.origin))
        await told.wait()
        await asyncio.sleep(0.05)
        assert await exchange(client, up.origin) == b"hi"
        assert await first == b"begun"
        await asyncio.wait_for(asyncio.shield(up.tasks[0]), 5)
        assert len(up.peers) == 2


async def refused(peer: Peer, number: int) -> None:
    await peer.reset(number, ErrorCodes.REFUSED_STREAM)


async def unbegun(peer: Peer, number: int) -> None:
    await peer.farewell(number - 1)


@pytest.mark.parametrize("act", [refused, unbegun])
async def test_what_the_upstream_never_began_was_not_sent(a_client, server_tls, act):
    async def script(peer: Peer) -> None:
        await peer.greet()
        while True:
            await act(peer, await peer.request())

    async with upstream(script, server_tls) as up, a_client() as client:
        with pytest.raises(UpstreamUnreachable, match="refused the call before it began") as caught:
            await exchange(client, up.origin)
        assert type(caught.value) is UpstreamUnreachable


@pytest.mark.parametrize("act", [refused, unbegun])
async def test_it_is_sent_once_more_where_there_is_room(a_client, server_tls, act):
    asked = 0

    async def script(peer: Peer) -> None:
        nonlocal asked
        await peer.greet()
        while True:
            number = await peer.request()
            asked += 1
            await (act(peer, number) if asked == 1 else peer.answer(number))

    async with upstream(script, server_tls) as up, a_client() as client:
        assert await exchange(client, up.origin) == b"hi"
        assert asked == 2
        assert len(up.peers) == (2 if act is unbegun else 1)


@pytest.mark.parametrize("code", [ErrorCodes.NO_ERROR, ErrorCodes.INTERNAL_ERROR, ErrorCodes.ENHANCE_YOUR_CALM])
@pytest.mark.parametrize("is_begun", [False, True])
async def test_a_reset_before_or_in_the_reply_breaks_this_exchange_alone(a_client, server_tls, code, is_begun):
    async def script(peer: Peer) -> None:
        await peer.greet()
        other, number = await peer.request(), await peer.request()
        if is_begun:
            await peer.answer(number, b"be", ends=False)
        await peer.reset(number, code)
        await peer.answer(other)
        await peer.gone()

    async with upstream(script, server_tls) as up, a_client() as client:
        other = asyncio.create_task(exchange(client, up.origin))
        await asyncio.sleep(0.05)
        with pytest.raises(UpstreamCut, match="broke off its reply" if is_begun else "connection to the upstream"):
            await exchange(client, up.origin)
        assert await other == b"hi"
        assert len(up.peers) == 1


async def left(client, up) -> None:
    async with client.send(POST, up.origin, timeouts=PATIENT, max_reply=9):
        pass


async def failed(client, up) -> None:
    with pytest.raises(UpstreamError, match="longer than 1 bytes"):
        await exchange(client, up.origin, most=1)


async def cancelled(client, up) -> None:
    async with client.send(POST, up.origin, timeouts=PATIENT, max_reply=9) as response:
        reading = asyncio.create_task(response.read())
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading


async def silent(client, up) -> None:
    with pytest.raises(UpstreamTimeout, match=r"silent for 0\.05 s"):
        await exchange(client, up.origin, timeouts=Timeouts(connect=5, first_byte=0.05, total=5))


async def late(client, up) -> None:
    with pytest.raises(UpstreamTimeout, match=r"in full within 0\.05 s"):
        await exchange(client, up.origin, timeouts=Timeouts(connect=5, first_byte=5, total=0.05))


@pytest.mark.parametrize("how", [left, failed, cancelled, silent, late])
async def test_who_leaves_ends_his_exchange_and_no_other(a_client, server_tls, how):
    async def script(peer: Peer) -> None:
        await peer.greet()
        other, number = await peer.request(), await peer.request()
        await peer.answer(number, b"be", ends=False)
        ended = await peer.until(StreamReset)
        assert (ended.stream_id, ended.error_code) == (number, ErrorCodes.CANCEL)
        await peer.answer(other)
        await peer.gone()

    async with upstream(script, server_tls) as up, a_client() as client:
        other = asyncio.create_task(exchange(client, up.origin))
        await asyncio.sleep(0.05)
        await how(client, up)
        assert await other == b"hi"
        assert len(up.peers) == 1


# Bodies, both ways


async def test_a_large_body_goes_out_as_the_upstream_takes_it(a_client, server_tls):
    body = bytes(range(256)) * 8192

    async def script(peer: Peer) -> None:
        await peer.greet()
        number = await peer.request()
        await peer.answer(number, b"%d %r" % (len(peer.bodies[number]), peer.bodies[number] == body))
        await peer.gone()

    async with upstream(script, server_tls) as up, a_client() as client:
        message = Message("POST", "/", (), (body[:100], body[100:]))
        assert await exchange(client, up.origin, message) == b"%d True" % len(body)


async def test_an_upstream_that_takes_nothing_is_sent_no_more_than_its_window(a_client, server_tls):
    async def script(peer: Peer) -> None:
        peer.takes = False
        await peer.greet()
        await peer.request()

    async with upstream(script, server_tls) as up, a_client() as client:
        message = Message("POST", "/", (), (bytes(1_000_000),))
        with pytest.raises(UpstreamTimeout, match=r"in full within 0\.2 s"):
            await exchange(client, up.origin, message, Timeouts(connect=5, first_byte=0.05, total=0.2))
        assert [len(body) for body in up.peers[0].bodies.values()] == [65535]


async def test_a_reply_that_comes_early_ends_the_upload(a_client, server_tls):
    async def script(peer: Peer) -> None:
        peer.takes = False
        await peer.greet()
        number = (await peer.head()).stream_id
        await peer.answer(number, b"too much", 413)
        assert (await peer.until(StreamReset)).stream_id == number
        peer.takes = True
        peer.frames.increment_flow_control_window(65535)
        await peer.flush()
        await peer.answer(await peer.request())
        await peer.gone()

    async with upstream(script, server_tls) as up, a_client() as client:
        message = Message("POST", "/", (), (bytes(1_000_000),))
        async with client.send(message, up.origin, timeouts=PATIENT, max_reply=9) as response:
            assert (response.status, await response.read()) == (413, b"too much")
        assert await exchange(client, up.origin) == b"hi"
        assert len(up.peers) == 1


async def test_an_upstream_waits_for_who_does_not_read_and_nobody_else_does(a_client, server_tls):
    async def script(peer: Peer) -> None:
        await peer.greet()
        number = await peer.request()
        await peer.answer(number, b"", ends=False)
        assert peer.frames.local_flow_control_window(number) == 128 * 1024
        for _ in range(8):
            await peer.more(number, bytes(16384))
        await peer.answer(await peer.request())
        assert peer.frames.local_flow_control_window(number) == 0
        while not peer.frames.local_flow_control_window(number):
            await peer.events()
        await peer.more(number, b"end", ends=True)
        await peer.gone()

    async with (
        upstream(script, server_tls) as up,
        a_client() as client,
        client.send(POST, up.origin, timeouts=PATIENT, max_reply=10**6) as slow,
    ):
        assert await exchange(client, up.origin) == b"hi"
        assert len(await slow.read()) == 128 * 1024 + 3


# Connections


async def test_an_idle_connection_that_the_upstream_ends_is_not_used_again(a_client, server_tls):
    async def script(peer: Peer) -> None:
        await peer.greet()
        number = await peer.request()
        await peer.answer(number)
        if len(up.peers) == 1:
            peer.writer.transport.abort()
        else:
            await peer.gone()

    async with upstream(script, server_tls) as up, a_client() as client:
        assert await exchange(client, up.origin) == b"hi"
        await asyncio.wait(up.tasks)
        assert await exchange(client, up.origin) == b"hi"
        assert len(up.peers) == 2


async def test_a_broken_connection_breaks_all_that_is_on_it(a_client, server_tls):
    async def script(peer: Peer) -> None:
        await peer.greet()
        for _ in range(3):
            await peer.request()
        peer.writer.transport.abort()

    async with upstream(script, server_tls) as up, a_client() as client:
        calls = await asyncio.gather(*(exchange(client, up.origin) for _ in range(3)), return_exceptions=True)
        assert [type(call) for call in calls] == [UpstreamCut] * 3
        assert len(up.peers) == 1


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\0\0\x01\x00\x00\0\0\0\x01x",
        b"\0\0\x04\x08\0\0\0\0\0\0\0\0\0",
        b"\xff\xff\xff\x00\0\0\0\0\x01" + bytes(1000),
    ],
    ids=["other words", "data before a head", "no window", "too large a frame"],
)
async def test_what_is_not_http2_is_refused(a_client, server_tls, said):
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.request()
        peer.writer.write(said)
        await peer.gone()

    async with upstream(script, server_tls) as up, a_client() as client:
        with pytest.raises(UpstreamError, match="answer is not HTTP") as caught:
            await exchange(client, up.origin)
        assert type(caught.value) is UpstreamError


@pytest.mark.parametrize("count", [127, 128])
async def test_a_head_has_no_end_of_fields(a_client, server_tls, count):
    heads: Any = dict.fromkeys((f"x-{n}" for n in range(count)), "y")

    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.answer(await peer.request(), **heads)
        await peer.gone()

    async with upstream(script, server_tls) as up, a_client() as client:
        if count < 128:
            assert await exchange(client, up.origin) == b"hi"
        else:
            with pytest.raises(UpstreamError, match="answer is not HTTP"):
                await exchange(client, up.origin)


async def test_a_compressed_reply_is_refused(a_client, server_tls):
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.answer(await peer.request(), content_encoding="GZIP")
        await peer.gone()

    async with upstream(script, server_tls) as up, a_client() as client:
        with pytest.raises(UpstreamError, match="compressed, although none such was asked for"):
            await exchange(client, up.origin)


async def test_the_time_to_connect_ends_with_the_upstreams_greeting(a_client, server_tls):
    async def script(peer: Peer) -> None:
        await peer.gone()

    async with upstream(script, server_tls) as up, a_client() as client:
        with pytest.raises(UpstreamUnreachable, match=r"No connection to the upstream within 0\.1 s"):
            await exchange(client, up.origin, timeouts=Timeouts(connect=0.1, first_byte=5, total=5))


# Those who speak HTTP/1.1


async def test_who_offers_no_http_2_is_called_without_and_is_asked_once(a_client, server_tls):
    async def script(peer: wire.Wire) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                seen.append(await peer.request())
                await peer.say(wire.OK)

    seen: list[wire.Request] = []
    async with wire.upstream(script, tls=server_tls) as up, a_client() as client:
        for _ in range(3):
            assert await exchange(client, up.origin) == b"hi"
        assert [request.line for request in seen] == ["POST /v1/ HTTP/1.1"] * 3
        assert up.connections <= 2


async def test_without_tls_it_is_http_1(a_client):
    async with wire.upstream(wire.answering(wire.OK)) as up, a_client() as client:
        assert await exchange(client, up.origin) == b"hi"


# Through a proxy

PASSWORD = "a very secret one"
CREDENTIALS = f"ada:{PASSWORD}".encode()
BASIC = proxy_at("http://127.0.0.1", CREDENTIALS).authorization


@pytest.mark.parametrize("credentials", [None, CREDENTIALS], ids=["open", "closed"])
async def test_a_tunnel_is_opened_once_for_all(a_client, server_tls, credentials):
    authorization = BASIC if credentials else None
    async with relay(authorization=authorization) as between, upstream(answering, server_tls) as up:
        async with a_client(between.proxy(credentials)) as client:
            assert await asyncio.gather(*(exchange(client, up.origin) for _ in range(10))) == [b"hi"] * 10
        (head,) = between.heads
    assert head.startswith(f"CONNECT 127.0.0.1:{up.port} HTTP/1.1")
    assert ("authorization" in head.lower()) is (credentials is not None)


async def test_who_offers_no_http_2_is_called_without_through_the_proxy_too(a_client, server_tls):
    async with relay() as between, wire.upstream(wire.answering(wire.OK, wire.OK), tls=server_tls) as up:
        async with a_client(between.proxy()) as client:
            for _ in range(2):
                assert await exchange(client, up.origin) == b"hi"
        assert len(between.heads) == 2


async def test_a_proxy_that_refuses_us_is_told_without_its_credentials(a_client):
    async with relay(authorization="Basic other") as between, a_client(between.proxy(CREDENTIALS)) as client:
        with pytest.raises(UpstreamUnreachable, match=r"did not let us through .* with status 407\.") as caught:
            await exchange(client, Origin("https://127.0.0.1:9"))
    shows_nothing(caught.value)


@pytest.mark.parametrize(
    "said", [None, b"", b"SSH-2.0-OpenSSH\r\n\r\n", bytes(20000)], ids=["gone", "hangs up", "is none", "endless"]
)
async def test_what_breaks_before_the_tunnel_is_there_has_sent_nothing(a_client, said):
    async def script(peer: wire.Wire) -> None:
        await peer.head()
        await peer.say(said)

    async with wire.upstream(script) as up:
        if said is not None:
            await unreachable(a_client, up)
    if said is None:
        await unreachable(a_client, up)


async def unreachable(a_client, up) -> None:
    async with a_client(proxy_at(f"http://{up.host}", CREDENTIALS)) as client:
        with pytest.raises(UpstreamUnreachable, match="The upstream could not be reached") as caught:
            await exchange(client, Origin("https://upstream.example"))
    assert type(caught.value) is UpstreamUnreachable
    shows_nothing(caught.value)


def shows_nothing(error: BaseException) -> None:
    """Neither what is told of an error nor what caused it holds a secret."""
    chain: BaseException | None = error
    while chain:
        for secret in (PASSWORD, str(BASIC), str(BASIC).removeprefix("Basic ")):
            assert secret not in f"{chain!r} {chain}"
        chain = chain.__cause__


async def test_the_time_to_connect_counts_the_tunnel(a_client):
    async def script(peer: wire.Wire) -> None:
        await peer.gone()

    async with wire.upstream(script) as up, a_client(proxy_at(f"http://{up.host}", None)) as client:
        with pytest.raises(UpstreamUnreachable, match=r"No connection to the upstream within 0\.1 s"):
            await exchange(
                client, Origin("https://upstream.example"), timeouts=Timeouts(connect=0.1, first_byte=5, total=5)
            )


# Names and certificates


@pytest.mark.parametrize("way", ["straight", "tunnel"])
async def test_the_certificate_is_checked(a_client, server_tls, way):
    async with (
        relay() as between,
        upstream(answering, server_tls) as up,
        a_client(None if way == "straight" else between.proxy()) as client,
    ):
        with pytest.raises(UpstreamUnreachable, match="No secure connection to the upstream could be made"):
            await exchange(client, Origin(f"https://localhost:{up.port}"))


class Lost:
    async def resolve(self, host, port):
        raise OSError("no such name")


async def test_unknown_name(a_client):
    async with a_client(resolver=Lost()) as client:
        calls = [exchange(client, Origin("https://upstream.example")) for _ in range(2)]
        for error in await asyncio.gather(*calls, return_exceptions=True):
            assert type(error) is UpstreamUnreachable
            assert error.message == "The upstream could not be reached."
