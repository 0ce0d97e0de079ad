import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from msgspec import structs

from tests.providers.kit import CONTEXT
from tests.upstream.wire import Request, Wire, upstream
from torana.config.units import Bytes, Seconds
from torana.config.upstreams import Account, Timeouts
from torana.core.errors import Moderated, UpstreamCut, UpstreamError, UpstreamRateLimited, UpstreamTimeout
from torana.core.exchange import Event, Message, Partial
from torana.dialects.steps import Ask, Draw, Drawn, Poll, Received, Send, Steps, get
from torana.families.images import VARY
from torana.providers.base import Lent
from torana.providers.imaging.ability import Ability
from torana.providers.imaging.conversing import Conversation
from torana.providers.imaging.vendor import Vendor, bearer
from torana.upstream.client import Origin
from torana.upstream.signing.signed import Signed

pytestmark = pytest.mark.asyncio(loop_scope="session")
ASK = Ask(operation=VARY, model="m", n=1)
CUT = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal"
SHORT = Timeouts(Seconds(1), Seconds(0.2), Seconds(0.2))
POST = Message("POST", "/draw", (("content-type", "text/plain"),), (b"x",))


@asynccontextmanager
async def talking(
    lent: Lent, draw: Draw, *replies: bytes, hosts: tuple[str, ...] = (), **settings: object
) -> AsyncIterator[tuple[Conversation, list[Request]]]:
    """A conversation with an upstream that says these, one after the other."""
    heard: list[Request] = []
    left = list(replies)

    async def script(wire: Wire) -> None:
        while left:
            heard.append(await wire.request())
            reply = left.pop(0)
            await wire.say(reply)
            if reply == CUT:
                await wire.hang_up()
                return
            if not heard[-1].body and not left:
                break
        await wire.gone()

    async with upstream(script) as up:
        vendor = Vendor(type="x", summary="X.", draw=draw, abilities={"*": Ability(frozenset({VARY}))}, hosts=hosts)
        usual = {"poll": Seconds(0.001), "timeouts": Timeouts(Seconds(1), Seconds(5), Seconds(5))}
        account = Account(type="x", **(usual | settings))  # type: ignore[arg-type]  # the test's own
        client = lent.connect(2)
        signed = Signed(client, bearer(account, "key", lent))
        yield Conversation(vendor, account, up.origin, client=signed, stranger=client), heard


def ok(body: bytes = b"{}", status: int = 200) -> bytes:
    return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (status, len(body)) + body


def submitting(ask: Ask) -> Steps:
    received = yield Send(POST, submits=True)
    asked = yield Poll(get("/job"))
    return Drawn((received.body, asked.body, b"more than asked"))


async def test_steps_are_taken_in_order_with_our_key_and_no_more_is_taken_than_asked(lent: Lent) -> None:
    async with talking(lent, submitting, ok(b"one"), ok(b"two")) as (conversation, heard):
        drawn = await conversation.hold(ASK, CONTEXT)
    assert drawn.pictures == (b"one",)
    assert [each.line for each in heard] == ["POST /v1/draw HTTP/1.1", "GET /v1/job HTTP/1.1"]
    assert {dict(each.headers)["authorization"] for each in heard} == {"Bearer key"}


@pytest.mark.parametrize("bad", [[ok(status=500)], [ok(status=429)] * 4, [CUT]])
async def test_work_is_not_lost_by_a_bad_answer_to_a_question(lent: Lent, bad: list[bytes]) -> None:
    async with talking(lent, submitting, ok(b"one"), *bad, ok(b"two")) as (conversation, heard):
        drawn = await conversation.hold(Ask(operation=VARY, model="m", n=2), CONTEXT)
    assert drawn.pictures == (b"one", b"two")
    assert [each.line.split()[0] for each in heard] == ["POST", *["GET"] * (len(bad) + 1)]


async def test_who_asks_for_too_long_a_wait_is_not_asked_again(lent: Lent) -> None:
    later = b"HTTP/1.1 429 X\r\nretry-after: 60\r\ncontent-length: 0\r\n\r\n"
    async with talking(lent, submitting, ok(b"one"), later) as (conversation, heard):
        with pytest.raises(UpstreamRateLimited):
            await conversation.hold(ASK, CONTEXT)
    assert len(heard) == 2


@pytest.mark.parametrize(("replies", "spent"), [((ok(status=500),), False), ((ok(), *[ok(status=500)] * 5), True)])
async def test_an_error_says_whether_the_work_was_accepted(lent: Lent, replies: tuple[bytes, ...], spent: bool) -> None:
    async with talking(lent, submitting, *replies) as (conversation, _):
        with pytest.raises(UpstreamError) as failed:
            await conversation.hold(ASK, CONTEXT)
    assert failed.value.spent is spent


async def test_a_submission_that_breaks_may_have_been_accepted(lent: Lent) -> None:
    async with talking(lent, submitting, CUT) as (conversation, _):
        with pytest.raises((UpstreamCut, UpstreamTimeout)) as failed:
            await conversation.hold(ASK, CONTEXT)
    assert failed.value.spent


async def test_work_whose_reply_cannot_be_taken_was_accepted_all_the_same(lent: Lent) -> None:
    async with talking(lent, submitting, ok(b"more than that"), max_reply=Bytes(9)) as (conversation, _):
        with pytest.raises(UpstreamError, match="longer than 9 bytes") as failed:
            await conversation.hold(ASK, CONTEXT)
    assert failed.value.spent


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n", b"nonsense\r\n"])
async def test_a_reply_that_cannot_be_read_may_have_been_a_yes(lent: Lent, head: bytes) -> None:
    async with talking(lent, submitting, head + b"content-length: 1\r\n\r\nx") as (conversation, _):
        with pytest.raises(UpstreamError) as failed:
            await conversation.hold(ASK, CONTEXT)
    assert failed.value.spent


async def test_what_never_left_was_not_accepted(lent: Lent) -> None:
    async with talking(lent, submitting) as (conversation, _):
        gone = replace(conversation, origin=Origin("http://127.0.0.1:9"))
        with pytest.raises(UpstreamError) as failed:
            await gone.hold(ASK, CONTEXT)
    assert not failed.value.spent


async def test_time_is_up_for_a_job_that_never_ends(lent: Lent) -> None:
    def forever(ask: Ask) -> Steps:
        yield Send(POST, submits=True)
        while True:
            yield Poll(get("/job"))

    async with talking(lent, forever, *[ok()] * 2000, timeouts=SHORT) as (conversation, heard):
        with pytest.raises(UpstreamTimeout, match=r"within 0\.2 s") as failed:
            await conversation.hold(ASK, CONTEXT)
    assert failed.value.spent
    assert len(heard) > 2


async def test_cancelled_the_conversation_ends(lent: Lent) -> None:
    closed = asyncio.Event()

    def listening(ask: Ask) -> Steps:
        try:
            while True:
                yield Poll(get("/job"))
        finally:
            closed.set()

    async with talking(lent, listening, *[ok()] * 2000) as (conversation, _):
        task = asyncio.create_task(conversation.hold(ASK, CONTEXT))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert closed.is_set()


async def test_a_job_that_nobody_waits_for_is_taken_back(lent: Lent) -> None:
    def waiting(ask: Ask) -> Steps:
        yield Send(POST, submits=True)
        while True:
            yield Poll(get("/job"), undo=Send(Message("PUT", "/job/cancel", ())))

    async with talking(lent, waiting, *[ok()] * 2000) as (conversation, heard):
        task = asyncio.create_task(conversation.hold(ASK, CONTEXT))
        while len(heard) < 3:  # noqa: ASYNC110 - the upstream's list tells of nothing
            await asyncio.sleep(0.002)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.gather(*conversation.undoing)
        assert heard[-1].line == "PUT /v1/job/cancel HTTP/1.1"
    assert conversation.undoing == set()


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1/job",
        "http://api.vendor.example/v1/job",
        "https://vendor.example.evil.example/job",
        "https://evilvendor.example/job",
        "http://127.0.0.1:1/job",
        "file:///etc/passwd",
        "https://user:pass@vendor.example/job",
    ],
)
async def test_addresses_that_are_not_the_vendors_are_not_called(lent: Lent, url: str) -> None:
    def straying(ask: Ask) -> Steps:
        yield Poll(get(), url=url)
        raise AssertionError("no reply can come")

    async with talking(lent, straying, ok(), hosts=("vendor.example",)) as (conversation, heard):
        with pytest.raises(UpstreamError, match="not its own"):
            await conversation.hold(ASK, CONTEXT)
    assert heard == []


async def test_an_address_at_home_is_followed_and_an_open_one_without_our_key(lent: Lent) -> None:
    home: list[str] = []

    def roaming(ask: Ask) -> Steps:
        yield Poll(get(), url=f"{home[0]}/elsewhere?id=1")
        received = yield Send(POST, url=f"{home[0]}/upload", open=True)
        return Drawn((received.body,))

    async with talking(lent, roaming, ok(), ok()) as (conversation, heard):
        home.append(conversation.origin.base_url.removesuffix("/v1"))
        await conversation.hold(ASK, CONTEXT)
    assert [each.line for each in heard] == ["GET /elsewhere?id=1 HTTP/1.1", "POST /upload HTTP/1.1"]
    assert ["authorization" in dict(each.headers) for each in heard] == [True, False]


# Streams


def streaming(*events: str, kind: str = "text/event-stream; charset=utf-8") -> bytes:
    """A reply that ends when the upstream hangs up."""
    body = "".join(f"data: {event}\n\n" for event in events)
    return f"HTTP/1.1 200 X\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n{body}".encode()


def read(event: Event) -> Partial | Received | None:
    word = event.data.decode()
    if word.startswith("preview"):
        return Partial(word, 0)
    return Received(429, {}, b"too much") if word == "error" else None


def watching(ask: Ask) -> Steps:
    received = yield Send(POST, submits=True, read=read)
    return Drawn(tuple(event.data for event in received.events or ()) or (received.body,))


async def held(
    lent: Lent, *said: bytes, ending: Callable[[Wire], Awaitable[None]] = Wire.hang_up, draw: Draw = watching
) -> tuple[Drawn, list[Partial]]:
    """What comes of a conversation, each piece said when the previews before it have been seen."""
    seen: list[Partial] = []
    looked = asyncio.Semaphore(0)

    def look(partial: Partial) -> None:
        seen.append(partial)
        looked.release()

    async def script(wire: Wire) -> None:
        await wire.request()
        for piece in said:
            await wire.say(piece)
            for _ in range(piece.count(b"preview") if draw is watching else 0):
                await looked.acquire()
        await ending(wire)

    async with upstream(script) as up:
        vendor = Vendor(type="x", summary="X.", draw=draw, abilities={})
        account = Account(type="x", timeouts=Timeouts(Seconds(1), Seconds(5), Seconds(5)), max_reply=Bytes(2000))
        client = lent.connect(2)
        talk = Conversation(vendor, account, up.origin, client=client, stranger=client)
        drawn = await talk.hold(Ask(operation=VARY, model="m", n=2), structs.replace(CONTEXT, on_partial=look))
    return drawn, seen


async def test_a_preview_is_passed_on_before_the_rest_has_come(lent: Lent) -> None:
    drawn, seen = await held(lent, streaming("preview 1"), b"data: preview 2\n\n", b"data: a\n\ndata: b\n\n")
    assert [partial.base64 for partial in seen] == ["preview 1", "preview 2"]
    assert drawn.pictures == (b"a", b"b")


async def test_a_reply_that_is_no_stream_is_read_as_ever(lent: Lent) -> None:
    drawn, seen = await held(lent, streaming("a", kind="application/json"))
    assert (drawn.pictures, seen) == ((b"data: a\n\n",), [])


async def test_a_stream_that_nobody_asked_for_is_no_stream(lent: Lent) -> None:
    def draw(ask: Ask) -> Steps:
        received = yield Send(POST, submits=True)
        assert received.events is None
        return Drawn((received.body,))

    drawn, seen = await held(lent, streaming("preview"), draw=draw)
    assert (drawn.pictures, seen) == ((b"data: preview\n\n",), [])


async def test_an_error_in_mid_stream_is_the_vendors_to_read_and_what_follows_is_not_awaited(lent: Lent) -> None:
    async def linger(wire: Wire) -> None:
        await wire.gone()

    with pytest.raises(UpstreamRateLimited) as failed:
        await held(lent, streaming("preview"), b"data: error\n\n", ending=linger)
    assert failed.value.spent


async def test_a_refusal_with_the_type_of_a_stream_is_a_refusal(lent: Lent) -> None:
    head = b"HTTP/1.1 400 X\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    with pytest.raises(Moderated) as failed:
        await held(lent, head + b'{"error": {"code": "moderation_blocked"}}')
    assert not failed.value.spent


async def test_a_stream_that_breaks_off_may_have_cost(lent: Lent) -> None:
    head = b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    with pytest.raises(UpstreamCut) as failed:
        await held(lent, head + b"f\r\ndata: preview\n\n\r\n", b"9\r\ndata: fin\r\n")
    assert failed.value.spent


async def test_a_stream_is_no_longer_than_a_reply(lent: Lent) -> None:
    with pytest.raises(UpstreamError, match="longer than 2,000 bytes") as failed:
        await held(lent, streaming("preview"), *[b"data: preview\n\n"] * 200)
    assert failed.value.spent
