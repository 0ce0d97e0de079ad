import asyncio
from collections.abc import AsyncGenerator

import pytest

from tests.providers.language.wayside import ASKED, Client, Words, way
from torana.core.errors import UpstreamCut
from torana.dialects.ways import At
from torana.families.language.voice import Occasion
from torana.providers.language.relaying import is_stream, media_type, pieces, tell
from torana.upstream.client import Headers, Response

pytestmark = pytest.mark.asyncio(loop_scope="session")
ASKING = way(ASKED, At("m", Occasion(ASKED, 1, "abc", "m")))


def response(*chunks: bytes, kind: str = "text/event-stream; charset=utf-8") -> Response:
    async def body() -> AsyncGenerator[bytes]:
        for chunk in chunks:
            yield chunk

    return Response(200, Headers([("Content-Type", kind)]), body(), 10**6)


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
    assert (media_type(response(kind=kind)), is_stream(response(kind=kind))) == (found, readable)


async def test_pieces_come_as_events_do_and_end_where_the_upstream_says() -> None:
    coming = pieces(response(b"data: a\n", b"\ndata: b\n\n", b"data: END\n\ndata: c\n\n"), Words(), max_event=99)
    assert [piece async for piece in coming] == [b"data: A\n\n", b"data: B\n\n", b"data: BYE\n\n"]


async def test_one_that_breaks_off_is_told() -> None:
    coming = pieces(response(b"data: a\n\n", b"data: b"), Words(), max_event=99)
    assert await anext(coming) == b"data: A\n\n"
    with pytest.raises(UpstreamCut):
        await anext(coming)


async def test_nothing_is_begun_before_there_is_a_piece() -> None:
    client, ready = Client(), asyncio.Event()

    async def slow() -> AsyncGenerator[bytes]:
        await ready.wait()
        yield b"one"
        yield b"two"

    telling = asyncio.create_task(tell(slow(), ASKING, client.context, "text/x"))
    await asyncio.sleep(0.01)
    assert client.pieces == []
    ready.set()
    await telling
    assert client.opening is not None
    assert (client.opening.media_type, client.pieces) == ("text/x", [b"one", b"two"])


async def test_a_client_who_leaves_closes_the_stream() -> None:
    client, closed = Client(), asyncio.Event()

    async def endless() -> AsyncGenerator[bytes]:
        try:
            yield b"one"
            await asyncio.sleep(60)
        finally:
            closed.set()

    telling = asyncio.create_task(tell(endless(), ASKING, client.context, "text/x"))
    await client.seen.wait()
    telling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await telling
    assert closed.is_set()


async def test_an_end_before_any_piece_tells_nothing_twice() -> None:
    client = Client()

    async def empty() -> AsyncGenerator[bytes]:
        for piece in list[bytes]():
            yield piece

    await tell(empty(), ASKING, client.context, "text/x")
    assert client.pieces == [b""]
