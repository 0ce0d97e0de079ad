"""One request and its reply, by the two ways that ASGI has."""

import asyncio
from typing import Any

import pytest

from torana.edge.wire.turn import AT_ONCE, Turn

LARGE = b"x" * 100_000


class Wire:
    """The connection: what was written on it, write by write, and how it ended."""

    def __init__(self, *, is_full: bool = False) -> None:
        self.is_full = is_full
        self.written: list[tuple[bytes, ...]] = []
        self.happened: list[str] = []
        self.emptied = asyncio.Event()

    @property
    def defaults(self) -> bytes:
        return b"\r\ndate: today"

    def write(self, *pieces: bytes) -> None:
        self.written.append(pieces)

    def close(self) -> None:
        self.happened.append("closed")

    async def drained(self) -> None:
        await self.emptied.wait()

    def listen(self) -> None:
        self.happened.append("listened")

    def answered(self, turn: Turn) -> None:
        self.happened.append("answered")

    def ended(self, turn: Turn) -> None:
        self.happened.append("ended")

    def failed(self) -> None:
        self.happened.append("failed")


def turn(wire: Wire, method: str = "POST", version: str = "1.1", *, asks: bool = False) -> Turn:
    return Turn(wire, {"method": method, "http_version": version}, keeps_alive=True, asks=asks)


async def reply(one: Turn, *pieces: bytes, status: int = 200, headers: Any = ()) -> None:
    await one.send({"type": "http.response.start", "status": status, "headers": headers})
    for piece in pieces[:-1]:
        await one.send({"type": "http.response.body", "body": piece, "more_body": True})
    await one.send({"type": "http.response.body", "body": pieces[-1]})


async def test_a_small_reply_is_one_write():
    wire = Wire()
    await reply(turn(wire), b"ok", headers=[(b"content-length", b"2")])
    assert wire.written == [(b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 2\r\n\r\nok",)]
    assert wire.happened == ["answered"]


async def test_a_large_one_is_not_copied():
    wire = Wire()
    await reply(turn(wire), LARGE, headers=[(b"content-length", b"100000")])
    ((head, body),) = wire.written
    assert head.endswith(b"\r\n\r\n")
    assert body is LARGE


@pytest.mark.parametrize("piece", [b"abc", LARGE])
async def test_a_piece_of_a_stream_is_one_write(piece):
    wire = Wire()
    await reply(turn(wire), piece, piece, b"")
    assert len(wire.written) == 3
    framed = b"%x\r\n%b\r\n" % (len(piece), piece)
    head, _, first = b"".join(wire.written[0]).partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert (first, b"".join(wire.written[1]), wire.written[2]) == (framed, framed, (b"0\r\n\r\n",))


async def at_once(one: Turn, *pieces: bytes, headers: Any = ()) -> None:
    await one.send({"type": AT_ONCE, "status": 200, "headers": headers, "pieces": pieces})


async def test_a_reply_at_once_is_one_write():
    wire = Wire()
    await at_once(turn(wire), b"o", b"k", headers=[(b"content-length", b"2")])
    assert wire.written == [(b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 2\r\n\r\nok",)]
    assert wire.happened == ["answered"]


async def test_a_large_one_at_once_is_one_too_and_not_copied():
    wire = Wire()
    await at_once(turn(wire), b"<", LARGE, b">", headers=[(b"content-length", b"100002")])
    ((_, before, body, after),) = wire.written
    assert (before, after) == (b"<", b">")
    assert body is LARGE


async def test_what_comes_at_once_without_a_length_is_one_chunk():
    wire = Wire()
    await at_once(turn(wire), b"ab", b"c")
    assert b"".join(wire.written[0]).endswith(b"\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")


@pytest.mark.parametrize("length", [b"1", b"3"])
async def test_a_reply_at_once_is_as_long_as_it_says(length):
    wire = Wire()
    one = turn(wire)
    with pytest.raises(RuntimeError):
        await at_once(one, b"ab", headers=[(b"content-length", length)])
    assert not one.is_done
    assert b"ab" not in b"".join(wire.written[0])


async def test_whoever_tells_all_at_once_waits_for_the_client_behind_it():
    class Slow(Wire):
        def write(self, *pieces: bytes) -> None:
            super().write(*pieces)
            self.is_full = True

    wire = Slow()
    telling = asyncio.create_task(at_once(turn(wire), LARGE, headers=[(b"content-length", b"100000")]))
    await asyncio.sleep(0.01)
    assert wire.happened == ["answered"]
    assert not telling.done()
    wire.emptied.set()
    await telling


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_some_replies_are_heads(method, status):
    wire = Wire()
    await reply(turn(wire, method), b"body", status=status)
    ((head,),) = wire.written
    assert head.endswith(b"\r\n\r\n")
    assert b"transfer-encoding" not in head


async def test_who_wants_the_connection_closed_says_so_once():
    wire = Wire()
    one = turn(wire)
    await reply(one, b"", headers=[(b"connection", b"Close"), (b"content-length", b"0")])
    assert not one.keeps_alive
    assert wire.written[0][0].lower().count(b"connection") == 1


@pytest.mark.parametrize("messages", [
    ["http.response.body"], ["http.response.start", "http.response.start"], ["websocket.send"],
    ["http.response.start", "http.response.body", "http.response.body"], ["http.response.start", AT_ONCE],
])  # fmt: skip
async def test_a_reply_has_an_order(messages):
    one = turn(Wire())
    *good, bad = messages
    for kind in good:
        await one.send({"type": kind, "status": 200, "headers": []})
    with pytest.raises(RuntimeError):
        await one.send({"type": bad, "status": 200, "headers": [], "pieces": [b""]})


async def test_whoever_sends_waits_for_the_client():
    wire = Wire(is_full=True)
    sending = asyncio.create_task(reply(turn(wire), b"ok"))
    await asyncio.sleep(0.01)
    assert wire.written == []
    wire.is_full = False
    wire.emptied.set()
    await sending
    assert wire.written


async def test_nothing_is_sent_to_nobody():
    wire = Wire()
    one = turn(wire)
    one.leave()
    await reply(one, b"ok")
    assert wire.written == []
    assert await one.receive() == {"type": "http.disconnect"}


async def test_small_pieces_come_together_and_large_ones_as_they_are():
    one = turn(Wire())
    for piece in (b"a", b"b", b"c"):
        assert not one.take(piece)
    assert await one.receive() == {"type": "http.request", "body": b"abc", "more_body": True}
    assert not one.take(LARGE)
    assert one.take(LARGE)
    one.finish()
    for more in (True, False):
        message = await one.receive()
        assert message["body"] is LARGE
        assert message["more_body"] is more


async def test_no_more_is_read_than_somebody_waits_for():
    wire = Wire()
    one = turn(wire)
    one.take(LARGE)
    await one.receive()
    assert wire.happened == [], "he has enough for now"
    receiving = asyncio.create_task(one.receive())
    await asyncio.sleep(0)
    assert wire.happened == ["listened"]
    one.take(b"a")
    one.finish()
    assert (await receiving)["body"] == b"a"


async def test_a_body_may_be_all_there_from_the_beginning():
    wire = Wire()
    one = turn(wire)
    one.take_whole(b"all")
    assert (one.received, one.is_whole) == (3, True)
    assert await one.receive() == {"type": "http.request", "body": b"all", "more_body": False}
    assert wire.happened == []


async def test_the_end_of_a_body_may_come_by_itself():
    one = turn(Wire())
    receiving = asyncio.create_task(one.receive())
    await asyncio.sleep(0)
    one.finish()
    assert await receiving == {"type": "http.request", "body": b"", "more_body": False}
    receiving = asyncio.create_task(one.receive())
    await asyncio.sleep(0)
    assert not receiving.done()
    await reply(one, b"")
    assert await receiving == {"type": "http.disconnect"}


async def test_who_asks_is_told_to_go_on_once_and_only_if_wanted():
    wire = Wire()
    one = turn(wire, asks=True)
    one.take(b"a")
    await one.receive()
    one.take(b"b")
    await one.receive()
    assert wire.written == [(b"HTTP/1.1 100 Continue\r\n\r\n",)]
    refused = turn(wire, asks=True)
    await reply(refused, b"")
    await refused.receive()
    assert sum(b"100 Continue" in pieces[0] for pieces in wire.written) == 1


async def half(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})


async def nothing(_scope: Any, _receive: Any, _send: Any) -> None:
    pass


async def failing(_scope: Any, _receive: Any, send: Any) -> None:
    await half(None, None, send)
    raise LookupError


@pytest.mark.parametrize(("app", "end"), [(half, "closed"), (failing, "closed"), (nothing, "failed")])
async def test_what_is_left_undone_ends_the_connection(app, end):
    wire = Wire()
    await turn(wire).run(app)
    assert wire.happened == ["ended", end]
    assert (b"content-length: 9" in b"".join(wire.written[0])) if wire.written else app is nothing
