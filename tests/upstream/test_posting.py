import asyncio
from contextlib import asynccontextmanager

import pytest

from torana.upstream.posting import Poster


@asynccontextmanager
async def webhook(reply):
    """A server that answers with these bytes; its URL, and what was posted."""
    seen: list[bytes] = []

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        seen.append(head + await reader.readexactly(length))
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?token=secret", seen
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture
async def poster():
    poster = Poster()
    yield poster
    await poster.close()


async def test_json_is_posted(poster):
    async with webhook(b"HTTP/1.1 204 No Content\r\n\r\n") as (url, seen):
        assert await poster.post(url, b'{"a": 1}') == 204
    assert seen[0].startswith(b"POST /hook?token=secret HTTP/1.1\r\n")
    assert b"application/json" in seen[0]
    assert seen[0].endswith(b'{"a": 1}')


async def test_nobody_is_sent_elsewhere(poster):
    async with webhook(b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n") as (url, _):
        assert await poster.post(url, b"{}") == 307


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/secret", "nothing at all secret", "http://[secret", "ftp://secret/"]
)
async def test_what_fails_is_told_without_the_url(poster, url):
    with pytest.raises(OSError, match=r"^\w+$") as failed:
        await poster.post(url, b"{}")
    assert "secret" not in str(failed.value)
    assert failed.value.__cause__ is None


async def test_an_answer_that_is_none_fails(poster):
    async with webhook(b"what?\r\n\r\n") as (url, _):
        with pytest.raises(OSError, match=r"^\w+$"):
            await poster.post(url, b"{}")
