"""What every client must do, whatever it is built on: a new implementation joins by a line in ``client``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from tests.upstream.http2.fronting import Fronted, front
from tests.upstream.proxying import relay
from tests.upstream.wire import OK, Wire, answering, upstream
from torana.core.content import PictureInfo, Size
from torana.core.errors import UpstreamCut, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from torana.core.exchange import Message
from torana.upstream.client import Client, Headers, Origin, Timeouts
from torana.upstream.http1.client import HttpClient
from torana.upstream.http2.client import Http2Client
from torana.upstream.transport import AiohttpClient

PATIENT = Timeouts(connect=5, first_byte=5, total=5)
POST = Message("POST", "/images/variations", (("content-type", "text/plain"),), (b"hello ", b"world"))
SECRET = "sk-very-secret"
GET = Message("GET", f"/models?key={SECRET}", ())


OF_HTTP1 = ["ours", "ready-made", "proxied"]


@pytest.fixture(params=[*OF_HTTP1, "http2"])
async def client(request, server_tls, client_tls) -> AsyncIterator[Client]:
    """``http2`` speaks with a server that hands on to the upstream what it is told, and tells what comes."""
    if request.param == "ours":
        client: HttpClient | AiohttpClient | Fronted = HttpClient(per_host=8)
        yield client
    elif request.param == "ready-made":
        client = AiohttpClient(per_host=8)
        yield client
    elif request.param == "proxied":
        async with relay() as between:
            client = AiohttpClient(per_host=8, proxy=between.proxy())
            yield client
    else:
        async with front(server_tls) as leading:
            client = Fronted(Http2Client(HttpClient(per_host=8), per_host=8, tls=client_tls, resolver=leading))
            yield client
            await client.close()
            return
    await client.close()


@dataclass(frozen=True)
class Stored:
    """An upload that gives its bytes in pieces; ``gate`` holds it up after the first."""

    pieces: tuple[bytes, ...]
    gate: asyncio.Event | None = None
    filename = "cat.png"
    info = PictureInfo("png", Size(1, 1))

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces))

    def at_hand(self) -> None:
        """Never in memory."""

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
            if self.gate:
                await self.gate.wait()


async def exchange(client: Client, origin: Origin, message: Message = POST, **settings) -> tuple[int, bytes]:
    async with client.send(message, origin, **{"timeouts": PATIENT, "max_reply": 1000, **settings}) as response:
        return response.status, await response.read()


async def failure(client: Client, origin: Origin, **settings) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await exchange(client, Origin(origin.base_url, (("authorization", SECRET),)), **settings)
    assert "127.0.0.1" not in caught.value.message
    chain: BaseException | None = caught.value
    while chain:
        assert SECRET not in f"{chain!r} {chain}"
        chain = chain.__cause__
    return caught.value


# The values


def test_origin_shows_no_secret():
    assert repr(Origin("https://api.example/v1", (("authorization", SECRET),))) == (
        "Origin(base_url='https://api.example/v1')"
    )


@pytest.mark.parametrize("base_url", ["https://api.example/v1", "https://api.example/v1/"])
@pytest.mark.parametrize("path", ["/models?a=1", "models?a=1"])
def test_origin_joins_paths(base_url, path):
    assert Origin(base_url).url(path) == "https://api.example/v1/models?a=1"


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.example",
        "ftp://api.example",
        "https://",
        "https://me:secret@a.example",
        "https://a/?k=1",
        "https://a/#b",
    ],
)
def test_origin_refuses_what_is_no_address(base_url):
    with pytest.raises(ValueError, match="base_url must") as caught:
        Origin(base_url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("base_url", ["https://a:b", "https://a:99999", "https://a:0", "https://[::1"])
def test_origin_refuses_what_cannot_be_reached(base_url):
    with pytest.raises(ValueError, match=r"Port|IPv6|base_url"):
        Origin(base_url)


def test_headers_are_found_in_any_case():
    headers = Headers([("Retry-After", "3"), ("Via", "a"), ("VIA", "b")])
    assert headers["retry-after"] == headers["RETRY-AFTER"] == "3"
    assert dict(headers) == {"retry-after": "3", "via": "a, b"}
    assert headers.get("Date") is None
    assert len(headers) == 2


# The request


async def test_request_stands_on_the_wire_as_written(client):
    seen = asyncio.get_running_loop().create_future()

    async def script(wire: Wire) -> None:
        seen.set_result(await wire.request())
        await wire.say(OK)

    async with upstream(script) as up:
        origin = Origin(up.origin.base_url, (("authorization", SECRET),))
        message = Message("POST", "/a%2Fb?q=%20x", POST.headers, POST.body)
        assert await exchange(client, origin, message, headers=(("traceparent", "00-1"),)) == (200, b"hi")

    request = seen.result()
    assert request.line == "POST /v1/a%2Fb?q=%20x HTTP/1.1"
    assert request.body == b"hello world"
    assert sorted(request.headers) == [
        ("accept", "*/*"),
        ("accept-encoding", "identity"),
        ("authorization", SECRET),
        ("content-length", "11"),
        ("content-type", "text/plain"),
        ("host", up.host),
        ("traceparent", "00-1"),
        ("user-agent", "torana"),
    ]


async def test_body_is_the_same_however_often_it_is_sent(client):
    seen = []

    async def script(wire: Wire) -> None:
        for _ in range(2):
            seen.append(await wire.request())
            await wire.say(OK)
        await wire.gone()

    large = bytes(range(256)) * 2000
    message = Message("POST", "/", (), (b"--a\r\n", Stored((large, b"end")), b"\r\n--a--", large))
    async with upstream(script) as up:
        for _ in range(2):
            await exchange(client, up.origin, message)

    assert seen[0] == seen[1]
    assert seen[0].body == b"--a\r\n" + large + b"end" + b"\r\n--a--" + large
    assert ("content-length", str(message.length)) in seen[0].headers
    assert "content-type" not in dict(seen[0].headers)


@pytest.mark.parametrize(("method", "length"), [("POST", "0"), ("GET", None)])
async def test_message_without_body(client, method, length):
    seen = []

    async def script(wire: Wire) -> None:
        seen.append(await wire.request())
        await wire.say(OK)

    async with upstream(script) as up:
        await exchange(client, up.origin, Message(method, "/", ()))
    assert dict(seen[0].headers).get("content-length") == length


# The reply


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", b"hello"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", b"hello"),
        (b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\n" + OK, b"hi"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: identity\r\ncontent-length: 2\r\n\r\nhi", b"hi"),
    ],
)
async def test_reply_is_framed_in_any_way(client, reply, body):
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.say(reply)
        await wire.hang_up()

    async with upstream(script) as up:
        assert await exchange(client, up.origin) == (200, body)


@pytest.mark.parametrize("client", OF_HTTP1, indirect=True)
async def test_another_protocol_is_not_switched_to(client):
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.say(b"HTTP/1.1 101 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await wire.hang_up()

    async with upstream(script) as up:
        assert await exchange(client, up.origin) == (101, b"")


@pytest.mark.parametrize("status", [204, 302, 429, 503])
async def test_every_status_is_a_reply_and_nothing_is_followed_or_kept(client, status):
    seen = []

    async def script(wire: Wire) -> None:
        seen.append(await wire.request())
        await wire.say(b"HTTP/1.1 %d X\r\nlocation: /away\r\nset-cookie: a=b\r\n" % status)
        await wire.say(b"retry-after: 7\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await wire.hang_up()

    async with upstream(script) as up:
        for _ in range(2):
            async with client.send(POST, up.origin, timeouts=PATIENT, max_reply=0) as response:
                assert response.status == status
                assert response.headers["Retry-After"] == "7"
                assert await response.read() == b""
    assert [request.line for request in seen] == ["POST /v1/images/variations HTTP/1.1"] * 2
    assert "cookie" not in dict(seen[1].headers)


async def test_chunks_come_as_they_are_sent(client):
    taken = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.say(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst")
        await taken.wait()
        await wire.say(b"later")

    async with upstream(script) as up, client.send(POST, up.origin, timeouts=PATIENT, max_reply=10) as response:
        chunks = response.chunks()
        assert await anext(chunks) == b"first"
        taken.set()
        assert [chunk async for chunk in chunks] == [b"later"]


async def test_reply_may_come_before_the_upload_is_sent(client):
    async def script(wire: Wire) -> None:
        await wire.head()
        await wire.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 8\r\n\r\ntoo much")
        assert await wire.gone()

    upload = Stored((b"a", b"b"), gate=asyncio.Event())
    async with upstream(script) as up:
        assert await exchange(client, up.origin, Message("POST", "/", (), (upload,))) == (413, b"too much")
        await asyncio.wait(up.tasks)


async def test_reply_of_the_very_limit_is_taken_and_one_more_byte_is_not(client):
    async with upstream(answering(OK, OK)) as up:
        assert await exchange(client, up.origin, max_reply=2) == (200, b"hi")
        with pytest.raises(UpstreamError, match="longer than 1 bytes"):
            await exchange(client, up.origin, max_reply=1)


# Connections


async def test_connection_is_kept(client):
    async with upstream(answering(OK, OK, OK)) as up:
        for message in (POST, GET, POST):
            assert await exchange(client, up.origin, message) == (200, b"hi")
        assert up.connections == 1


async def test_connection_is_dropped_when_the_reply_is_not_read(client):
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.say(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi")
        assert await wire.gone()

    async with upstream(script) as up:
        async with client.send(POST, up.origin, timeouts=PATIENT, max_reply=9) as response:
            assert response.status == 200
        await asyncio.wait(up.tasks)


async def test_failure_in_the_block_is_left_alone_and_drops_the_connection(client):
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.say(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi")
        assert await wire.gone()

    async with upstream(script) as up:
        with pytest.raises(TimeoutError, match="of the caller"):
            async with client.send(POST, up.origin, timeouts=PATIENT, max_reply=9):
                raise TimeoutError("of the caller")
        await asyncio.wait(up.tasks)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi"], ids=["head", "body"])
async def test_cancelling_drops_the_connection(client, said):
    reached = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.say(said)
        reached.set()
        assert await wire.gone()

    async with upstream(script) as up:
        call = asyncio.create_task(exchange(client, up.origin))
        await reached.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait(up.tasks)


# Time


async def test_connect_includes_tls(client):
    async def silent(wire: Wire) -> None:
        await wire.gone()

    async with upstream(silent) as up:
        error = await failure(
            client, Origin(f"https://{up.host}"), message=GET, timeouts=Timeouts(connect=0.1, first_byte=5, total=5)
        )
    assert type(error) is UpstreamUnreachable
    assert error.message == "No connection to the upstream within 0.1 s."


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi"], ids=["head", "body"])
async def test_silence_has_an_end(client, said):
    async with upstream(answering(said)) as up:
        error = await failure(client, up.origin, timeouts=Timeouts(connect=5, first_byte=0.1, total=5))
    assert isinstance(error, UpstreamTimeout)
    assert error.message == "The upstream was silent for 0.1 s."


async def test_silence_is_counted_from_the_last_byte_of_the_request(client):
    gate = asyncio.Event()
    message = Message("POST", "/", (), (Stored((b"a", b"b"), gate),))
    async with upstream(answering(OK)) as up:
        asyncio.get_running_loop().call_later(0.15, gate.set)
        timeouts = Timeouts(connect=5, first_byte=0.1, total=5)
        assert await exchange(client, up.origin, message, timeouts=timeouts) == (200, b"hi")


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nx: ", b"x"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=["informing", "head", "body", "chunks"],
)
async def test_dripping_has_an_end(client, head, drop):
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.say(head)
        while not wire.reader.at_eof():
            await wire.say(drop)
            await asyncio.sleep(0.01)

    async with upstream(script) as up:
        error = await failure(client, up.origin, timeouts=Timeouts(connect=5, first_byte=5, total=0.15))
    assert isinstance(error, UpstreamTimeout)
    assert error.message == "The upstream did not answer in full within 0.15 s."


async def test_upload_that_nobody_reads_has_an_end(client):
    async def script(wire: Wire) -> None:
        await wire.head()
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    message = Message("POST", "/", (), (bytes(50_000_000),))
    async with upstream(script) as up:
        timeouts = Timeouts(connect=5, first_byte=5, total=0.2)
        assert isinstance(await failure(client, up.origin, message=message, timeouts=timeouts), UpstreamTimeout)


# Broken and hostile replies


@pytest.mark.parametrize("message", [POST, GET], ids=["POST", "GET"])
@pytest.mark.parametrize("how", ["hang up", "reset"])
@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhi",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n",
    ],
    ids=["nothing", "half a head", "half a body", "half a chunk", "no last chunk"],
)
async def test_broken_connection(client, said, how, message):
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.say(said)
        if how == "reset":
            wire.reset()
        else:
            await wire.hang_up()

    async with upstream(script) as up:
        error = await failure(client, up.origin, message=message)
    assert type(error) is UpstreamCut
    assert error.message in {"The upstream broke off its reply.", "The connection to the upstream broke."}


async def test_a_post_is_never_sent_twice(client):
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.hang_up()

    async with upstream(script) as up:
        await failure(client, up.origin)
        assert up.connections == 1


@pytest.mark.parametrize("client", OF_HTTP1, indirect=True)
@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\x00" * 100,
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nhi!",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1000 + b"\r\n",
    ],
)
async def test_what_is_not_http_is_refused(client, said):
    async with upstream(answering(said)) as up:
        error = await failure(client, up.origin)
    assert type(error) in {UpstreamError, UpstreamCut}
    assert error.message in {"The upstream's answer is not HTTP.", "The upstream broke off its reply."}


async def test_surplus_after_the_reply_is_nobodys_reply(client):
    async with upstream(answering(OK + OK)) as up:
        for _ in range(2):
            assert await exchange(client, up.origin) == (200, b"hi")
        assert up.connections == 2


@pytest.mark.parametrize("head", [b"content-length: 99999999999", b"transfer-encoding: chunked", b"x: y"])
async def test_body_without_end_is_cut(client, head):
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.say(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        with suppress(ConnectionError):
            while True:
                await wire.say(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")

    async with upstream(script) as up:
        error = await failure(client, up.origin, max_reply=1_000_000)
        await asyncio.wait(up.tasks)
    assert error.message == "The upstream's reply is longer than 1,000,000 bytes."


async def test_compressed_reply_is_refused(client):
    async with upstream(answering(b"HTTP/1.1 200 OK\r\nContent-Encoding: GZIP\r\ncontent-length: 2\r\n\r\nhi")) as up:
        assert (await failure(client, up.origin)).message.startswith("The upstream's reply is compressed")


@pytest.mark.parametrize("client", ["ours", "ready-made"], indirect=True)
async def test_nobody_there(client):
    async with upstream(answering()) as up:
        pass
    error = await failure(client, up.origin)
    assert type(error) is UpstreamUnreachable
    assert error.message == "The upstream could not be reached."


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["nothing", "no TLS"])
async def test_nothing_was_sent_where_tls_failed(client, said):
    async def script(wire: Wire) -> None:
        await wire.reader.read(1)
        await wire.say(said)
        await wire.hang_up()

    async with upstream(script) as up:
        assert type(await failure(client, Origin(f"https://{up.host}"))) is UpstreamUnreachable
