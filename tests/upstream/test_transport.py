"""The ready-made client, and beside it ours: what both do with connections, places, TLS and names."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.upstream.proxying import relay
from tests.upstream.wire import OK, Wire, answering, upstream
from torana.core.errors import Overloaded, UpstreamCut, UpstreamTimeout, UpstreamUnreachable
from torana.core.exchange import Message
from torana.upstream.client import Client, Origin, Timeouts
from torana.upstream.http1.client import HttpClient
from torana.upstream.proxy import Proxy, proxy_at
from torana.upstream.transport import AiohttpClient

PATIENT = Timeouts(connect=5, first_byte=5, total=5)
POST = Message("POST", "/", (), (b"hello",))
GET = Message("GET", "/", ())


@pytest.fixture(params=[HttpClient, AiohttpClient])
def a_client(request):
    """Makes a client, for a block."""

    @asynccontextmanager
    async def made(**settings) -> AsyncIterator[Client]:
        client = request.param(**{"per_host": 8, **settings})
        try:
            yield client
        finally:
            await client.close()

    return made


@pytest.fixture
def a_proxied():
    """Makes the ready-made client behind a proxy, for a block."""

    @asynccontextmanager
    async def made(proxy: Proxy, **settings) -> AsyncIterator[Client]:
        client = AiohttpClient(per_host=8, proxy=proxy, **settings)
        try:
            yield client
        finally:
            await client.close()

    return made


async def exchange(client: Client, origin: Origin, message: Message = POST, timeouts=PATIENT) -> bytes:
    async with client.send(message, origin, timeouts=timeouts, max_reply=1000) as response:
        return await response.read()


# Kept connections


def hang_up(wire: Wire) -> None:
    with socket.fromfd(wire.sock.fileno(), socket.AF_INET, socket.SOCK_STREAM) as twin:
        twin.shutdown(socket.SHUT_RDWR)


def send_unasked(wire: Wire) -> None:
    os.write(wire.sock.fileno(), b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong")


@pytest.mark.parametrize("message", [POST, GET], ids=["POST", "GET"])
@pytest.mark.parametrize("act", [hang_up, send_unasked])
@pytest.mark.parametrize("turns", [0, 5], ids=["not yet noticed", "noticed"])
async def test_connection_with_something_to_read_is_not_used_again(
    a_client, act: Callable[[Wire], None], message: Message, turns: int
):
    async with upstream(answering(OK)) as up, a_client() as client:
        await exchange(client, up.origin)
        act(up.wires[0])
        for _ in range(turns):
            await asyncio.sleep(0)
        assert await exchange(client, up.origin, message) == b"hi"
        assert up.connections == 2


async def test_all_stale_connections_are_passed_over(a_client):
    together = asyncio.Barrier(3)

    async def script(wire: Wire) -> None:
        await wire.request()
        if len(up.wires) <= 3:
            await together.wait()
        await wire.say(OK)
        await wire.gone()

    async with upstream(script) as up, a_client() as client:
        await asyncio.gather(*(exchange(client, up.origin) for _ in range(3)))
        for wire in up.wires:
            hang_up(wire)
        assert await exchange(client, up.origin) == b"hi"
        assert up.connections == 4


async def test_tls_connection_is_kept(a_client, server_tls, client_tls):
    async with upstream(answering(OK, OK, OK), tls=server_tls) as up, a_client(tls=client_tls) as client:
        for _ in range(3):
            assert await exchange(client, up.origin) == b"hi"
        assert up.connections == 1


# Places


async def test_exchanges_beyond_the_limit_wait_for_longer_than_a_connect(a_client):
    gate = asyncio.Event()
    asked = asyncio.Queue[None]()

    async def script(wire: Wire) -> None:
        for _ in range(5):
            await wire.request()
            asked.put_nowait(None)
            await gate.wait()
            await wire.say(OK)

    async with upstream(script) as up, a_client(per_host=2) as client:
        timeouts = Timeouts(connect=0.05, first_byte=5, total=5)
        calls = [asyncio.create_task(exchange(client, up.origin, timeouts=timeouts)) for _ in range(5)]
        for _ in range(2):
            await asked.get()
        done, _ = await asyncio.wait(calls, timeout=0.1)
        assert not done
        assert asked.empty()
        gate.set()
        assert await asyncio.gather(*calls) == [b"hi"] * 5
        assert up.connections == 2


async def test_hosts_do_not_wait_for_each_other(a_client):
    asked = asyncio.Event()

    async def silent(wire: Wire) -> None:
        await wire.request()
        asked.set()
        await wire.gone()

    async with upstream(silent) as slow, upstream(answering(OK)) as quick, a_client(per_host=1) as client:
        waiting = asyncio.create_task(exchange(client, slow.origin))
        await asked.wait()
        assert await exchange(client, quick.origin) == b"hi"
        waiting.cancel()


async def test_total_includes_the_wait_for_a_place_and_failures_give_theirs_back(a_client):
    async def script(wire: Wire) -> None:
        await wire.request()
        held.set()
        await wire.gone()

    async with upstream(script) as up, upstream(answering(OK)) as well, a_client(per_host=1) as client:
        for end in ("timeout", "cancel"):
            held = asyncio.Event()
            first = asyncio.create_task(exchange(client, up.origin))
            await held.wait()
            with pytest.raises(UpstreamTimeout, match=r"in full within 0\.05 s"):
                await exchange(client, up.origin, timeouts=Timeouts(connect=5, first_byte=5, total=0.05))
            first.cancel(end)
            with pytest.raises(asyncio.CancelledError):
                await first
        assert await exchange(client, well.origin) == b"hi"


async def test_no_more_than_so_many_wait_for_a_place():
    held = asyncio.Event()

    async def silent(wire: Wire) -> None:
        await wire.request()
        held.set()
        await wire.gone()

    client = AiohttpClient(per_host=1, waiting=1)
    async with upstream(silent) as up, upstream(answering(OK)) as elsewhere:
        calls = [asyncio.create_task(exchange(client, up.origin)) for _ in range(2)]
        await held.wait()
        with pytest.raises(Overloaded, match="Too many calls wait"):
            await exchange(client, up.origin)
        assert await exchange(client, elsewhere.origin) == b"hi"
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        assert not client._places, "nothing is kept of addresses that nobody calls"
    await client.close()


# TLS, names, proxies


@pytest.mark.parametrize("trusted", [False, True], ids=["unknown authority", "another name"])
async def test_certificate_is_checked(a_client, server_tls, client_tls, trusted):
    async with (
        upstream(answering(), tls=server_tls) as up,
        a_client(tls=client_tls if trusted else None) as client,
    ):
        origin = Origin(f"https://localhost:{up.port}") if trusted else up.origin
        with pytest.raises(UpstreamUnreachable, match="No secure connection to the upstream could be made") as caught:
            await exchange(client, origin)
    assert type(caught.value) is UpstreamUnreachable


class Lost:
    async def resolve(self, host, port):
        raise OSError("no such name")


async def test_unknown_name(a_client):
    async with a_client(resolver=Lost()) as client:
        with pytest.raises(UpstreamUnreachable, match="The upstream could not be reached") as caught:
            await exchange(client, Origin("http://upstream.example"))
    assert type(caught.value) is UpstreamUnreachable
    assert "upstream.example" not in caught.value.message
    assert "upstream.example" in str(caught.value.__cause__)


async def test_no_proxy_is_taken_from_the_environment(a_client, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with upstream(answering(OK)) as up, a_client() as client:
        assert await exchange(client, up.origin) == b"hi"


PASSWORD = "a very secret one"
CREDENTIALS = f"ada:{PASSWORD}".encode()
BASIC = proxy_at("http://127.0.0.1", CREDENTIALS).authorization


@pytest.mark.parametrize("credentials", [None, CREDENTIALS], ids=["open", "closed"])
async def test_a_plain_message_goes_through_the_proxy_which_hands_it_on_without_its_credentials(a_proxied, credentials):
    seen = []

    async def script(wire: Wire) -> None:
        for _ in range(2):
            seen.append(await wire.request())
            await wire.say(OK)
        await wire.gone()

    authorization = BASIC if credentials else None
    async with relay(authorization=authorization) as between, upstream(script) as up:
        async with a_proxied(between.proxy(credentials)) as client:
            for _ in range(2):
                assert await exchange(client, up.origin) == b"hi"
        assert up.connections == 1
        assert [head.split("\r\n")[0] for head in between.heads] == [f"POST http://{up.host}/v1/ HTTP/1.1"] * 2
    for request in seen:
        assert request.body == b"hello"
        assert "proxy-authorization" not in dict(request.headers)


@pytest.mark.parametrize("credentials", [None, CREDENTIALS], ids=["open", "closed"])
async def test_tls_to_the_upstream_goes_through_a_tunnel_that_is_kept(a_proxied, server_tls, client_tls, credentials):
    authorization = BASIC if credentials else None
    async with relay(authorization=authorization) as between, upstream(answering(OK, OK), tls=server_tls) as up:
        async with a_proxied(between.proxy(credentials), tls=client_tls) as client:
            for _ in range(2):
                assert await exchange(client, up.origin) == b"hi"
        assert up.connections == 1
        (head,) = between.heads
    assert head.startswith(f"CONNECT {up.host} HTTP/1.1")
    assert ("authorization" in head.lower()) is (credentials is not None)


async def test_a_proxy_may_itself_want_tls(a_proxied, server_tls, client_tls):
    async with (
        relay(tls=server_tls) as between,
        upstream(answering(OK)) as plain,
        upstream(answering(OK), tls=server_tls) as sealed,
        a_proxied(between.proxy(), tls=client_tls) as client,
    ):
        assert await exchange(client, plain.origin) == b"hi"
        assert await exchange(client, sealed.origin) == b"hi"


async def test_the_certificate_behind_a_tunnel_is_checked(a_proxied, server_tls):
    async with relay() as between, upstream(answering(), tls=server_tls) as up, a_proxied(between.proxy()) as client:
        with pytest.raises(UpstreamUnreachable, match="No secure connection to the upstream could be made"):
            await exchange(client, up.origin)


def shows_nothing(error: BaseException, *secrets: str) -> None:
    """Neither what is told of an error nor what caused it holds a secret."""
    chain: BaseException | None = error
    while chain:
        for secret in secrets:
            assert secret not in f"{chain!r} {chain}"
        chain = chain.__cause__


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_refuses_us_is_told_without_its_credentials(a_proxied, scheme):
    async with relay(authorization="Basic other") as between, a_proxied(between.proxy(CREDENTIALS)) as client:
        with pytest.raises(
            UpstreamUnreachable,
            match=r"The proxy did not let us through to the upstream: it answered with status 407\.",
        ) as caught:
            await exchange(client, Origin(f"{scheme}://127.0.0.1:9"))
    assert type(caught.value) is UpstreamUnreachable
    shows_nothing(caught.value, PASSWORD, str(BASIC), str(BASIC).removeprefix("Basic "))


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_is_gone(a_proxied, scheme):
    async with relay() as between:
        pass
    async with a_proxied(between.proxy(CREDENTIALS)) as client:
        with pytest.raises(UpstreamUnreachable, match="The upstream could not be reached") as caught:
            await exchange(client, Origin(f"{scheme}://upstream.example"))
    assert type(caught.value) is UpstreamUnreachable
    assert "127.0.0.1" not in caught.value.message
    shows_nothing(caught.value, PASSWORD, str(BASIC))


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH\r\n\r\n"], ids=["hangs up", "is none"])
async def test_what_breaks_before_the_tunnel_is_there_has_sent_nothing(a_proxied, said):
    async def script(wire: Wire) -> None:
        await wire.head()
        await wire.say(said)

    async with upstream(script) as up:
        proxy = proxy_at(f"http://{up.host}", CREDENTIALS)
        async with a_proxied(proxy) as client:
            with pytest.raises(UpstreamUnreachable, match="The upstream could not be reached") as caught:
                await exchange(client, Origin("https://upstream.example"))
    assert type(caught.value) is UpstreamUnreachable
    shows_nothing(caught.value, PASSWORD, str(BASIC), str(BASIC).removeprefix("Basic "))


async def test_the_time_to_connect_counts_the_tunnel(a_proxied):
    async def silent(wire: Wire) -> None:
        await wire.gone()

    async with upstream(silent) as up, a_proxied(Proxy(f"http://{up.host}")) as client:
        timeouts = Timeouts(connect=0.1, first_byte=5, total=5)
        with pytest.raises(UpstreamUnreachable, match=r"No connection to the upstream within 0\.1 s") as caught:
            await exchange(client, Origin("https://upstream.example"), timeouts=timeouts)
    assert type(caught.value) is UpstreamUnreachable


async def test_what_looks_like_a_proxys_refusal_is_the_upstreams_where_no_proxy_can_have_said_it(
    a_client, a_proxied, server_tls, client_tls
):
    said = b"HTTP/1.1 407 No\r\ncontent-length: 2\r\n\r\nno"
    async with upstream(answering(said)) as up, a_client() as client:
        assert await exchange(client, up.origin) == b"no"
    async with (
        relay() as between,
        upstream(answering(said), tls=server_tls) as up,
        a_proxied(between.proxy(), tls=client_tls) as client,
    ):
        assert await exchange(client, up.origin) == b"no"


async def test_broken_upload_breaks_the_connection(a_client):
    class Broken:
        filename, size, info = "cat.png", 10, None

        def at_hand(self):
            return None

        async def chunks(self) -> AsyncIterator[bytes]:
            yield b"some"
            raise OSError("the disk is gone")

    async def script(wire: Wire) -> None:
        assert await wire.gone()

    async with upstream(script) as up, a_client() as client:
        with pytest.raises(UpstreamCut):
            await exchange(client, up.origin, Message("POST", "/", (), (Broken(),)))
        await asyncio.wait(up.tasks)


@pytest.mark.parametrize(
    "module",
    [
        "client",
        "http1.client",
        "download",
        "passing",
        "posting",
        "proxy",
        "retrying",
        "signing.google",
        "signing.sigv4",
    ],
)
def test_nothing_else_imports_it(module):
    code = f"import sys, torana.upstream.{module}; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
