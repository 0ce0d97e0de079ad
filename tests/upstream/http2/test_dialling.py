import asyncio
import ssl

import pytest

from tests.upstream import wire
from torana.core.errors import UpstreamUnreachable
from torana.upstream.http2.dialling import Opening, sealing


async def opening(said: bytes) -> asyncio.Transport:
    """What an opening of a tunnel gives at a proxy that says so."""

    async def script(peer: wire.Wire) -> None:
        asked = ["CONNECT a.example:443 HTTP/1.1", "host: a.example:443", "proxy-authorization: Basic x"]
        assert await peer.head() == "\r\n".join(asked)
        for byte in said:
            await peer.say(bytes((byte,)))
        await peer.gone()

    async with wire.upstream(script) as up:
        loop = asyncio.get_running_loop()
        transport, opening = await loop.create_connection(Opening, "127.0.0.1", up.port)
        try:
            return await opening.open("a.example:443", "Basic x")
        finally:
            transport.abort()


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 200 Yes\r\nvia: x\r\n\r\n"])
async def test_a_proxy_opens_a_tunnel(said):
    assert (await opening(said)).is_closing()


@pytest.mark.parametrize("status", [407, 503])
async def test_a_proxy_refuses(status):
    with pytest.raises(UpstreamUnreachable, match=f"did not let us through .* status {status}"):
        await opening(b"HTTP/1.1 %d No\r\n\r\n" % status)


@pytest.mark.parametrize("said", [b"HTTP/2 200\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 x y\r\n\r\n"])
async def test_what_is_no_answer(said):
    with pytest.raises(ConnectionResetError, match="no proxy's answer"):
        await opening(said)


def test_tls_is_the_systems_or_what_is_given():
    given = ssl.create_default_context()
    assert sealing(given) is given
    assert sealing(None) is sealing(None)
