import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from tests.edge.gate import Client, connected, head, serving
from torana.config.model import Uploads
from torana.config.units import Bytes, Seconds
from torana.core.clock import FakeClock
from torana.edge.exchange import Exchange, Message, Receive, Scope, Send
from torana.edge.wire.turn import AT_ONCE

Handler = Callable[[Exchange], Awaitable[None]]
MIB = 1024 * 1024
SOON = 5.0
"""Seconds after which a test gives up waiting for what should come at once."""


@asynccontextmanager
async def met(handle: Handler, limits: Uploads | None = None) -> AsyncIterator[tuple[Client, list[Exchange]]]:
    """A client connected to a server that handles each exchange so; and the exchanges."""
    seen: list[Exchange] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(Exchange(scope, receive, send, clock=FakeClock(), limits=limits or Uploads()))
        await handle(seen[-1])

    async with serving(app) as port, connected(port) as client, asyncio.timeout(SOON):
        yield client, seen


async def refuse(exchange: Exchange) -> None:
    """Answer by the head alone."""
    await exchange.respond(401, [], b"no")


async def accept(exchange: Exchange) -> None:
    """Take in the whole body, and give it back."""
    body = b""
    while exchange.body_pending:
        body += (await exchange.receive())["body"]
    await exchange.respond(200, [("x-a", "b")], body)


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def exchange_of(repeated: Sequence[tuple[bytes, bytes]] = (), **headers: str) -> Exchange:
    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        raise AssertionError(message)

    scope = {
        "headers": [
            *repeated,
            *((name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()),
        ],
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "scheme": "https",
    }
    return Exchange(scope, receive, send, clock=FakeClock(), limits=Uploads())


def test_a_header_that_comes_twice_is_one_with_a_comma():
    headers = [(b"authorization", b"Bearer a"), (b"accept", b"*/*"), (b"authorization", b"Bearer \xe9")]
    exchange = exchange_of(headers)
    assert exchange.header("authorization") == "Bearer a, Bearer é"
    assert (exchange.header("accept"), exchange.header("cookie")) == ("*/*", None)


@pytest.mark.parametrize("sane", ["a", "0", "req_1", "A.b-c:d_e", "x" * 128])
def test_a_sane_request_id_is_kept(sane):
    assert exchange_of(x_request_id=sane).request_id == sane


@pytest.mark.parametrize("insane", ["", "-a", ".a", "a b", "a\tb", "é", "x" * 129, "a;b", 'a"b', "a\x00b", "a/b"])
def test_any_other_is_replaced(insane):
    exchange = exchange_of(x_request_id=insane)
    assert re.fullmatch(r"req_[0-9a-f]{24}", exchange.request_id)
    assert exchange.record.request_id == exchange.request_id


def test_each_exchange_has_an_id_of_its_own():
    assert exchange_of().request_id != exchange_of().request_id


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("gateway.example", "https://gateway.example"),
        ("127.0.0.1:8787", "https://127.0.0.1:8787"),
        ("[::1]:80", "https://[::1]:80"),
        ("", None),
        ("evil.example/path", None),
        ("user@evil.example", None),
        ("a b", None),
        ("a:b", None),
        ("a:123456", None),
        ('"><script>', None),
        ("gäteway.example", None),
    ],
)
def test_a_host_is_believed_when_it_is_one(host, url):
    assert exchange_of(host=host).base_url == url


def test_without_a_host_there_is_no_base_url():
    assert exchange_of().base_url is None


@pytest.mark.parametrize(
    ("headers", "length", "pending"),
    [
        ({}, None, False),
        ({"content_length": "0"}, 0, False),
        ({"content_length": "12"}, 12, True),
        ({"content_length": "12 "}, 12, True),
        ({"content_length": "-1"}, None, False),
        ({"content_length": "²"}, None, False),
        ({"transfer_encoding": "chunked"}, None, True),
    ],
)
def test_whether_a_body_comes(headers, length, pending):
    exchange = exchange_of(**headers)
    assert (exchange.content_length, exchange.body_pending) == (length, pending)


@pytest.mark.parametrize(("sent", "told"), [("2", 2), ("0", 0), ("", 0), ("-1", 0), ("1000", 0), ("x", 0), ("²", 0)])
def test_a_client_tells_how_often_it_tried(sent, told):
    assert exchange_of(x_stainless_retry_count=sent).record.client_retry == told


async def test_a_whole_exchange_leaves_the_connection_open():
    async with met(accept) as (client, seen):
        for body in (b"one", b"another"):
            await client.send(head("POST", "/", content_length=len(body), x_request_id="req_1") + body)
            answer = await client.answer()
            assert (answer.status, answer.body) == (200, body)
            assert answer.headers == [
                ("x-a", "b"), ("content-length", str(len(body))), ("x-request-id", "req_1"),
            ]  # fmt: skip
    assert [(one.record.status, one.record.bytes_in, one.record.bytes_out) for one in seen] == [
        (200, 3, 3), (200, 7, 7),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "made",
    [
        lambda: chunks(b"ab", b"", b"cde"),
        lambda: [b"ab", b"", b"cde"],
        lambda: (b"abcde",),
        lambda: (memoryview(b"xabx")[1:3], b"cde", b""),
    ],
)
async def test_a_reply_in_pieces(made):
    async def handle(exchange: Exchange) -> None:
        await exchange.respond(200, [], made(), length=5)

    async with met(handle) as (client, seen):
        await client.send(head("GET", "/"))
        answer = await client.answer()
        assert (answer.body, answer.header("content-length")) == (b"abcde", "5")
        assert answer.header("connection") is None
    assert seen[0].record.bytes_out == 5


@pytest.mark.parametrize(("extensions", "sent"), [({}, ["start", "body", "body"]), ({AT_ONCE: {}}, ["at_once"])])
async def test_a_server_is_told_a_reply_as_it_takes_it(extensions, sent):
    told: list[Message] = []

    async def send(message: Message) -> None:
        told.append(message)

    async def receive() -> Message:
        raise AssertionError

    scope = {"headers": [], "method": "GET", "path": "/", "extensions": extensions}
    exchange = Exchange(scope, receive, send, clock=FakeClock(), limits=Uploads())
    await exchange.respond(200, [("x-a", "b")], (b"ab", b"c"), length=3)
    assert [message["type"].rpartition(".")[2] for message in told] == sent
    assert [*told[0]["headers"]][:2] == [(b"x-a", b"b"), (b"content-length", b"3")]
    assert b"".join(told[0].get("pieces", ()) or [message["body"] for message in told[1:]]) == b"abc"
    assert exchange.record.bytes_out == 3


@pytest.mark.parametrize(
    ("last", "size"),
    [
        (lambda: b"", 0),
        (lambda: b"the end", 7),
        (lambda: chunks(b"the ", b"end"), 7),
        (lambda: (b"the ", b"end"), 7),
        (lambda: (), 0),
    ],
)
async def test_a_reply_whose_length_is_not_known_begins_with_its_first_event(last, size):
    state: list[tuple[bool, bool]] = []

    async def handle(exchange: Exchange) -> None:
        for event in (b"one", b"two"):
            await exchange.stream([("x-first", event.decode())], event)
            state.append((exchange.started, exchange.streaming))
        await exchange.end(last())
        state.append((exchange.started, exchange.streaming))

    async with met(handle) as (client, seen):
        await client.send(head("GET", "/", connection="close"))
        answer = (await client.rest()).decode()
    assert answer.count("x-first: one\r\n") == 1
    assert "content-length" not in answer
    assert "x-first: two" not in answer
    assert answer.partition("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n")[2].endswith("0\r\n\r\n")
    assert state == [(True, True), (True, True), (True, False)]
    assert seen[0].record.bytes_out == 6 + size


@pytest.mark.parametrize("streamed", [True, False])
async def test_the_answer_to_head_is_a_head(streamed):
    made: list[bytes] = []

    async def watched() -> AsyncIterator[bytes]:
        made.append(b"abcde")
        yield b"abcde"

    async def handle(exchange: Exchange) -> None:
        await exchange.respond(200, [], watched() if streamed else b"abcde", length=5)

    async with met(handle) as (client, seen):
        for _ in range(2):
            await client.send(head("HEAD", "/"))
            answer = await client.answer(bodiless=True)
            assert (answer.status, answer.header("content-length")) == (200, "5")
    assert made == []
    assert seen[0].record.bytes_out == 0


async def test_stages_are_told_in_server_timing():
    async def handle(exchange: Exchange) -> None:
        exchange.record.stages += [("auth", 0.0012), ("read", 1.5)]
        await exchange.respond(200, [])

    async with met(handle) as (client, _):
        await client.send(head("GET", "/"))
        assert (await client.answer()).header("server-timing") == "auth;dur=1.2, read;dur=1500.0"


async def test_a_closed_connection_is_noticed():
    noticed = asyncio.Event()

    async def handle(exchange: Exchange) -> None:
        await exchange.gone()
        noticed.set()

    async with met(handle) as (client, _):
        await client.send(head("GET", "/"))
        client.leave()
        await noticed.wait()


async def test_a_client_that_goes_while_it_sends_is_noticed():
    messages: asyncio.Queue[str] = asyncio.Queue()

    async def handle(exchange: Exchange) -> None:
        while (await exchange.receive())["type"] == "http.request":
            messages.put_nowait("data")
        messages.put_nowait("gone")

    async with met(handle) as (client, seen):
        await client.send(head("POST", "/", content_length=100) + b"half")
        assert await messages.get() == "data"
        client.leave()
        assert await messages.get() == "gone"
        assert seen[0].record.bytes_in == 4


def sent_whole(port: int, request: bytes) -> bytes:
    """What a client gets who listens only once it has said everything, as simple ones do."""
    with socket.create_connection(("127.0.0.1", port), timeout=SOON) as connection:
        connection.sendall(request)
        got = b""
        while data := connection.recv(65536):
            got += data
        return got


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_an_early_refusal_reaches_a_client_that_is_still_sending(framing):
    """Twelve MiB are far more than the buffers between the two, so that the client cannot be done before."""
    body = bytes(12 * MIB)
    if framing == "chunked":
        body = b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
        request = head("POST", "/", transfer_encoding="chunked") + body
    else:
        request = head("POST", "/", content_length=len(body)) + body

    async with met(refuse) as (client, _):
        port = client.writer.get_extra_info("peername")[1]
        got = await asyncio.to_thread(sent_whole, port, request)
    assert got.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nconnection: close\r\n" in got
    assert got.endswith(b"\r\n\r\nno")


async def test_one_that_listens_while_it_sends_may_send_for_ever():
    """Beyond ``linger_bytes`` nobody reads on, and the connection closes."""
    async with met(refuse, Uploads(linger_bytes=Bytes(MIB))) as (client, _):

        async def send_for_ever() -> None:
            await client.send(head("POST", "/", transfer_encoding="chunked"))
            while True:
                await client.send(b"10000\r\n" + bytes(65536) + b"\r\n")

        sending = asyncio.create_task(send_for_ever())
        answer = await client.answer()
        assert (answer.status, answer.body) == (401, b"no")
        with pytest.raises(ConnectionError):
            await sending


async def test_a_client_that_stops_sending_is_cut_off():
    async with met(refuse, Uploads(linger=Seconds(0.02))) as (client, seen):
        await client.send(head("POST", "/", content_length=100) + b"half")
        assert (await client.answer()).status == 401
        assert await client.rest() == b""
        assert seen[0].record.bytes_out == 2


async def test_until_then_nobody_hurries_it():
    """The connection is open for as long as the rest of the body may come."""
    async with met(refuse, Uploads(linger=Seconds(60))) as (client, _):
        await client.send(head("POST", "/", content_length=8) + b"half")
        assert (await client.answer()).status == 401
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(), 0.05)
        await client.send(b"rest")
        assert await client.rest() == b""


async def test_a_client_that_leaves_at_a_refusal_ends_the_wait():
    ended = asyncio.Event()

    async def handle(exchange: Exchange) -> None:
        await refuse(exchange)
        ended.set()

    async with met(handle, Uploads(linger=Seconds(60))) as (client, _):
        await client.send(head("POST", "/", content_length=100))
        assert (await client.answer()).status == 401
        client.leave()
        await ended.wait()


async def test_who_asks_before_sending_is_not_told_to_go_on_when_refused():
    async with met(refuse, Uploads(linger=Seconds(0.02))) as (client, _):
        await client.send(head("POST", "/", content_length=100, expect="100-continue"))
        got = await client.rest()
    assert got.startswith(b"HTTP/1.1 401 ")
    assert b"100 Continue" not in got


async def test_who_asks_before_sending_is_told_to_go_on_when_welcome():
    async with met(accept) as (client, _):
        await client.send(head("POST", "/", content_length=4, expect="100-continue"))
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"body")
        assert (await client.answer()).body == b"body"


async def test_a_streamed_reply_to_a_body_not_read_closes_too():
    async def handle(exchange: Exchange) -> None:
        await exchange.respond(200, [], chunks(b"ab", b"c"), length=3)

    async with met(handle) as (client, _):
        await client.send(head("POST", "/", content_length=8) + b"half")
        answer = await client.answer()
        assert (answer.body, answer.header("connection")) == (b"abc", "close")
        await client.send(b"rest")
        assert await client.rest() == b""
