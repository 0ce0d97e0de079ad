import asyncio

import pytest

from tests.upstream.http2.peers import Peer, Script, upstream
from torana.core.errors import UpstreamCut, UpstreamError
from torana.upstream.client import Timeouts
from torana.upstream.http2.connection import Connection
from torana.upstream.http2.dialling import sealing
from torana.upstream.http2.stream import Stream

FIELDS = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"a"), (b":path", b"/")]


@pytest.fixture
def connected(server_tls, client_tls):
    async def made(script: Script, quiet: float, use) -> None:
        loop = asyncio.get_running_loop()
        async with upstream(script, server_tls) as up:
            _, connection = await loop.create_connection(
                lambda: Connection(loop, quiet), "127.0.0.1", up.port, ssl=sealing(client_tls)
            )
            await connection.ready()
            await use(connection, up)
            connection.drop()
            await asyncio.wait(up.tasks)

    return made


def begun(connection: Connection) -> Stream:
    loop = asyncio.get_running_loop()
    stream = Stream(loop, connection, Timeouts(5, 5, 5), end=loop.time() + 5, most=9)
    stream.number = connection.begin(stream, FIELDS, ends=True)
    stream.begun(ends=True)
    connection.flush()
    return stream


async def greeting(peer: Peer) -> None:
    await peer.greet()
    await peer.gone()


async def test_an_idle_connection_is_closed(connected):
    async def use(connection, up):
        assert connection.takes()
        await asyncio.wait_for(asyncio.wait(up.tasks), 5)
        assert not connection.takes()

    await connected(greeting, 0.05, use)


@pytest.mark.parametrize("is_there", [True, False])
async def test_an_upstream_that_owes_replies_is_asked_for_a_sign_of_life(connected, is_there):
    async def script(peer: Peer) -> None:
        await peer.greet()
        if is_there:
            number = await peer.request()
            answer = asyncio.get_running_loop().call_later(0.4, lambda: asyncio.ensure_future(peer.answer(number)))
            while not answer.cancelled():
                await peer.events()
        await peer.gone()

    async def use(connection, up):
        stream = begun(connection)
        if is_there:
            await stream.head()
            assert await stream.more() == b"hi"
        else:
            with pytest.raises(UpstreamCut, match="The connection to the upstream broke"):
                await stream.head()

    await connected(script, 0.05, use)


async def test_no_more_is_taken_on_than_the_upstream_allows(connected):
    async def script(peer: Peer) -> None:
        await peer.greet(max_concurrent_streams=1)
        await peer.gone()

    async def use(connection, up):
        while connection.takes():
            stream = begun(connection)
        assert stream.number == 1
        connection.leave(stream.number, is_over=False)
        assert connection.takes()

    await connected(script, 5, use)


async def test_an_upstream_that_asks_and_takes_no_answer_is_left(connected):
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.request()
        await peer.gone()

    async def use(connection, up):
        stream = begun(connection)
        connection.pause_writing()
        assert connection.room(stream.number) == 0
        assert not connection.takes()
        ping = b"\0\0\x08\x06\0\0\0\0\0" + bytes(8)
        for _ in range(10):
            connection.data_received(ping * 500)
        with pytest.raises(UpstreamError, match="answer is not HTTP"):
            await stream.head()

    await connected(script, 5, use)


async def test_who_agrees_on_no_http_2_is_told_apart(client_tls, server_tls):
    async def serve(reader, writer):
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_tls)
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(
        lambda: Connection(loop), *server.sockets[0].getsockname(), ssl=sealing(client_tls)
    )
    await connection.ready()
    assert not connection.speaks
    connection.drop()
    await asyncio.sleep(0.01)
    server.close()
    await server.wait_closed()
