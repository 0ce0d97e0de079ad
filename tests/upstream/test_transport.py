"""The ready-made client, and beside it ours: what both do with connections, places, TLS and names."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.upstream.wire import OK, Wire, answering, upstream
from torana.core.errors import UpstreamCut, UpstreamTimeout, UpstreamUnreachable
from torana.core.exchange import Message
from torana.upstream.client import Client, Origin, Timeouts
from torana.upstream.http1.client import HttpClient
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
    ["client", "http1.client", "download", "passing", "posting", "retrying", "signing.google", "signing.sigv4"],
)
def test_nothing_else_imports_it(module):
    code = f"import sys, torana.upstream.{module}; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
