import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import uvicorn

from torana.edge.protocol import BoundedProtocol, Bounds

TIGHT = Bounds(head=1000, head_seconds=0.15, connections=3, stalled_seconds=60, ahead=256)
ROOMY = replace(TIGHT, head_seconds=5)


async def app(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def serving(bounds: Bounds = TIGHT, app: Any = app, keep_alive: int = 5) -> AsyncIterator[int]:
    protocol: Any = partial(BoundedProtocol, bounds=bounds)
    config = uvicorn.Config(app, port=0, http=protocol, lifespan="off", log_config=None, timeout_keep_alive=keep_alive)
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
    async with serving(ROOMY) as port:
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
    async with serving(replace(ROOMY, connections=2)) as port:
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


async def echo(scope, receive, send) -> None:
    """Says what was asked for, and with what body, in the order in which it came."""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            break
    told = b"%b:%b;" % (scope["path"].encode(), body)
    await asyncio.sleep({"/slow": 0.01, "/slower": 0.4}.get(scope["path"], 0))
    headers = [(b"content-length", b"%d" % len(told))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": told})


def bodies(heard: bytes) -> bytes:
    """The bodies of replies in a row, each of which ends with a semicolon."""
    return b"".join(part.rpartition(b"\r\n\r\n")[2] + b";" for part in heard.split(b";")[:-1])


IN_A_ROW = (
    b"GET /slow HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
    b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nd\r\n0\r\n\r\n"
)
LAST = b"GET /d HTTP/1.1\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("size", [1, 30, 1000])
async def test_requests_in_a_row_are_answered_in_a_row(size: int) -> None:
    said = IN_A_ROW + LAST
    async with serving(ROOMY, echo) as port:
        heard = await conversation(port, *(said[at : at + size] for at in range(0, len(said), size)))
    assert bodies(heard) == b"/slow:;/b:abc;/c:d;/d:;"
    assert heard.count(b"HTTP/1.1 200") == 4
    assert heard.count(b"connection: close") == 1


async def test_what_follows_the_last_request_means_nothing() -> None:
    async with serving(ROOMY, echo) as port:
        heard = await conversation(port, b"GET /slow HTTP/1.1\r\nConnection: close\r\n\r\n" + LAST + b"\x00 junk")
    assert bodies(heard) == b"/slow:;"


async def test_who_spoils_a_later_request_gets_the_replies_that_he_is_owed() -> None:
    async with serving(ROOMY, echo) as port:
        heard = await conversation(port, IN_A_ROW + b"\x00 junk")
    owed, _, refused = heard.rpartition(b";")
    assert bodies(owed + b";") == b"/slow:;/b:abc;/c:d;"
    assert refusal(refused)[:2] == (400, "invalid_http")


async def test_who_spoils_his_own_body_gets_no_other_reply() -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def reading(scope, receive, send) -> None:
        begun.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        over.set()

    async with serving(ROOMY, reading) as port:
        head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        heard = await conversation(port, head, b"no number\r\n", pause=0.01)
        await asyncio.wait_for(over.wait(), 5)
    assert begun.is_set()
    assert refusal(heard)[:2] == (400, "invalid_http")


@pytest.mark.parametrize("size", [10, 100_000, 3_000_000])
async def test_a_client_who_takes_his_time_gets_all_of_it(size: int) -> None:
    """And the application waits for him, rather than fill the memory."""
    waited: list[float] = []
    loop = asyncio.get_running_loop()

    async def generous(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(8):
            asked = loop.time()
            await send({"type": "http.response.body", "body": b"x" * size, "more_body": True})
            waited.append(loop.time() - asked)
        await send({"type": "http.response.body"})

    async with serving(ROOMY, generous) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
        writer.write(LAST)
        await asyncio.sleep(0.1)
        heard = await asyncio.wait_for(reader.read(), 5)
        writer.close()
    head, _, body = heard.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert body == b"%x\r\n%b\r\n" % (size, b"x" * size) * 8 + b"0\r\n\r\n"
    assert (max(waited) > 0.05) is (size == 3_000_000)


async def test_a_client_who_leaves_is_told_nothing_more() -> None:
    ended = asyncio.Event()

    async def endless(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(100):
            await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})
        assert (await receive())["type"] == "http.disconnect"
        ended.set()

    async with serving(ROOMY, endless) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0.05)
        writer.transport.abort()
        await asyncio.wait_for(ended.wait(), 5)


async def plain(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"1")]})
    for piece in (b"one", b"", b"two"):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


async def test_an_old_client_gets_no_chunks() -> None:
    async with serving(ROOMY, plain) as port:
        heard = await conversation(port, b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    head, _, body = heard.partition(b"\r\n\r\n")
    assert body == b"onetwo"
    assert b"connection: close" in head
    assert b"transfer-encoding" not in head


async def test_the_answer_to_head_is_a_head() -> None:
    async with serving(ROOMY, plain) as port:
        heard = await conversation(port, b"HEAD / HTTP/1.1\r\n\r\n" * 2 + LAST.replace(b"GET", b"HEAD"))
    assert heard.count(b"HTTP/1.1 200 OK") == 3
    assert b"one" not in heard


async def test_a_connection_without_requests_is_closed_after_a_while() -> None:
    async with serving(ROOMY, keep_alive=1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(0.5)
        begun = asyncio.get_running_loop().time()
        assert await asyncio.wait_for(reader.read(), 5) == b""
        assert asyncio.get_running_loop().time() - begun > 0.2
        writer.close()


async def failing(scope, receive, send) -> None:
    raise LookupError("what nobody may see")


async def saying_nothing(scope, receive, send) -> None:
    pass


@pytest.mark.parametrize("app", [failing, saying_nothing])
async def test_who_gets_no_reply_is_told_so(app: Any) -> None:
    async with serving(ROOMY, app) as port:
        heard = await conversation(port, b"GET / HTTP/1.1\r\n\r\n")
    assert refusal(heard)[:2] == (500, "internal_error")
    assert b"nobody" not in heard


async def too_short(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"four"})


async def too_long(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": b"four", "more_body": True})


async def split(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b\r\nc: d")]})


@pytest.mark.parametrize("app", [too_short, too_long])
async def test_a_reply_that_is_not_as_long_as_it_says_ends_the_connection(app: Any) -> None:
    async with serving(ROOMY, app) as port:
        heard = await conversation(port, b"GET / HTTP/1.1\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 200 OK\r\n")
    assert len(heard.partition(b"\r\n\r\n")[2]) < 5


async def test_no_header_of_a_reply_becomes_two() -> None:
    async with serving(ROOMY, split) as port:
        heard = await conversation(port, b"GET / HTTP/1.1\r\n\r\n")
    assert refusal(heard)[0] == 500
    assert b"c: d" not in heard


async def test_the_servers_end_waits_for_the_reply_under_way() -> None:
    async with serving(ROOMY, echo) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /slower HTTP/1.1\r\n\r\nGET /never HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0.05)
    heard = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert bodies(heard) == b"/slower:;"
    assert b"connection: close" in heard
