import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import uvicorn

from torana.edge.protocol import BoundedProtocol, Bounds

TIGHT = Bounds(head=1000, head_seconds=0.15, connections=3)


async def app(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def serving(bounds: Bounds = TIGHT, app: Any = app) -> AsyncIterator[int]:
    protocol = partial(BoundedProtocol, bounds=bounds)
    config = uvicorn.Config(app, port=0, http=protocol, lifespan="off", log_config=None)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - the server has no event to wait for
        await asyncio.sleep(0.005)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await running


async def conversation(port: int, *said: bytes, pause: float = 0.0) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in said:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause)
    heard = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return heard


def refusal(heard: bytes) -> tuple[int, str, str]:
    head, _, body = heard.partition(b"\r\n\r\n")
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert f"content-length: {len(body)}".encode() in head
    assert b"content-type: application/json" in head
    assert b"x-request-id: req_" in head
    return int(head.split()[1]), error["code"], error["message"]


async def test_a_good_request_is_answered() -> None:
    async with serving() as port:
        heard = await conversation(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 200")
    assert heard.endswith(b"ok")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"a" * 100) for i in range(12)) + b"\r\n",
        b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-Endless: " + b"a" * 3000,
    ],
    ids=["many headers", "long path", "a header without end"],
)
async def test_a_large_head_is_refused(head: bytes) -> None:
    async with serving() as port:
        status, code, message = refusal(await conversation(port, head))
    assert (status, code) == (431, "request_too_large")
    assert "1,000 bytes" in message


async def test_a_large_head_in_small_pieces_is_refused_too() -> None:
    async with serving(Bounds(head=1000, head_seconds=5, connections=3)) as port:
        pieces = [b"GET / HTTP/1.1\r\n", *(b"X-%d: %s\r\n" % (i, b"a" * 100) for i in range(10))]
        assert refusal(await conversation(port, *pieces, pause=0.005))[0] == 431


@pytest.mark.parametrize(
    "said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"], ids=["nothing", "half", "no end"]
)
async def test_a_head_that_does_not_come_is_cut_off(said: bytes) -> None:
    async with serving() as port:
        status, code, message = refusal(await conversation(port, said))
    assert (status, code) == (408, "request_timeout")
    assert "0.15 s" in message


async def test_the_second_request_of_a_connection_has_its_time_too() -> None:
    async with serving() as port:
        heard = await conversation(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HT", pause=0.05)
    first, _, second = heard.partition(b"ok")
    assert first.startswith(b"HTTP/1.1 200")
    assert refusal(second)[0] == 408


async def test_a_body_is_no_part_of_the_head() -> None:
    async with serving() as port:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 9000\r\n\r\n"
        heard = await conversation(port, head, b"b" * 9000)
    assert heard.startswith(b"HTTP/1.1 200")


async def test_what_is_not_http_gets_an_error_object() -> None:
    async with serving() as port:
        status, code, _ = refusal(await conversation(port, b"\x16\x03\x01 hello\r\n\r\n"))
    assert (status, code) == (400, "invalid_http")


async def test_connections_are_bounded() -> None:
    async with serving(Bounds(head=1000, head_seconds=5, connections=2)) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        status, code, _ = refusal(await conversation(port, b""))
        assert (status, code) == (503, "overloaded")
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        heard = await conversation(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert heard.startswith(b"HTTP/1.1 200")


async def told(scope, receive, send) -> None:
    """Answers with what came in."""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"<" + body + b">"})


@pytest.mark.parametrize(
    "wish",
    [
        b"Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        b"connection: close, upgrade\r\nupgrade: websocket\r\n",
        b"Connection: close\r\n",
    ],
)
async def test_who_asks_for_another_protocol_is_answered_in_this_one(wish: bytes) -> None:
    said = b"the body,\r\nUpgrade: is a word in it"
    head = b"POST / HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n" % (wish, len(said))
    async with serving(app=told) as port:
        heard = await conversation(port, head + said)
    assert heard.startswith(b"HTTP/1.1 200")
    assert b"<" + said + b">" in heard
