import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from tests.providers.language.wayside import Client, Words
from torana.core.errors import UpstreamCut, UpstreamError
from torana.core.exchange import Opening, Show
from torana.dialects.openai_language.manner import PLAIN
from torana.dialects.openai_language.relaying import ChatRelay
from torana.dialects.ways import Relay
from torana.providers.language.relaying import cutter_of, is_stream, media_type, tell_bytes, tell_events
from torana.upstream.client import Headers, Response

pytestmark = pytest.mark.asyncio(loop_scope="session")


def response(*chunks: bytes, kind: str = "text/event-stream; charset=utf-8") -> Response:
    async def body() -> AsyncGenerator[bytes]:
        for chunk in chunks:
            yield chunk

    return flowing(body(), kind)


def flowing(body: AsyncIterator[bytes], kind: str = "text/event-stream") -> Response:
    return Response(200, Headers([("Content-Type", kind)]), body, 10**6)


def begin(client: Client) -> Show:
    return client.open(Opening())


async def told(coming: Response, relay: Relay, client: Client, max_event: int = 99) -> list[bytes]:
    await tell_events(coming, relay, lambda: begin(client), cutter_of(media_type(coming), max_event))
    return client.pieces


@pytest.mark.parametrize(
    ("kind", "found", "readable"),
    [
        ("text/event-stream; charset=utf-8", "text/event-stream", True),
        ("application/vnd.amazon.eventstream", "application/vnd.amazon.eventstream", True),
        ("Application/JSON", "application/json", False),
        ("", "", False),
    ],
)
async def test_what_kind_of_reply_it_is(kind: str, found: str, *, readable: bool) -> None:
    assert (media_type(response(kind=kind)), is_stream(media_type(response(kind=kind)))) == (found, readable)


async def test_events_leave_as_they_come_and_end_where_the_upstream_says() -> None:
    coming = response(b"data: a\n", b"\ndata: b\n\n", b"data: c\n\ndata: END\n\ndata: d\n\n", b"data: e\n\n")
    pieces = await told(coming, Words(), Client())
    assert pieces == [b"data: A\n\ndata: B\n\n", b"data: C\n\n", b"data: BYE\n\n"]


async def test_one_that_breaks_off_is_told() -> None:
    client = Client()
    with pytest.raises(UpstreamCut):
        await told(response(b"data: a\n\n", b"data: b"), Words(), client)
    assert client.pieces == [b"data: A\n\n"]


async def test_what_came_before_an_error_is_told_before_it() -> None:
    client = Client()
    chat = ChatRelay(1, shows_usage=True, manner=PLAIN)
    said = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
    with pytest.raises(UpstreamError):
        await told(response(said + said + b'data: {"error":{"message":"no"}}\n\n'), chat, client, max_event=999)
    assert client.pieces == [said + said]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
async def test_what_passes_as_it_is_does_so_however_it_is_cut(end: bytes) -> None:
    said = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
    last = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    stream = said * 3 + b": still here\n\n" + last + b"data: [DONE]\n\n"
    sent = stream.replace(b"\n", end)
    for size in (1, 7, 60, 100, len(sent)):
        chat = ChatRelay(1, shows_usage=True, manner=PLAIN)
        chunks = [sent[start : start + size] for start in range(0, len(sent), size)]
        pieces = await told(response(*chunks), chat, Client(), max_event=999)
        assert b"".join(pieces) == said * 3 + last + b"data: [DONE]\n\n"
        assert chat.used.tokens["text_out"] == 1


async def test_what_comes_in_one_chunk_leaves_in_one_piece() -> None:
    said = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
    last = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    chat = ChatRelay(1, shows_usage=True, manner=PLAIN)
    assert await told(response(said + said, said + last), chat, Client(), max_event=999) == [said + said, said + last]


async def test_nothing_is_begun_before_there_is_a_piece() -> None:
    client, ready = Client(), asyncio.Event()

    async def slow() -> AsyncGenerator[bytes]:
        await ready.wait()
        yield b"one"
        yield b"two"

    telling = asyncio.create_task(tell_bytes(flowing(slow()), lambda: begin(client)))
    await asyncio.sleep(0.01)
    assert not client.seen.is_set()
    before = client.opening
    ready.set()
    await telling
    assert (before, client.opening) == (None, Opening())
    assert client.pieces == [b"one", b"two"]


@pytest.mark.parametrize("words", [b"", b"data:\n\n"])
async def test_an_end_before_any_piece_tells_nothing_twice(words: bytes) -> None:
    client = Client()
    await tell_bytes(response(), lambda: begin(client))
    assert client.pieces == [b""]
    client = Client()
    with pytest.raises(UpstreamCut):
        await told(response(words), Words(), client)
    assert client.opening is None
