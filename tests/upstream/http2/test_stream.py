import asyncio
from math import inf

import pytest

from torana.core.errors import UpstreamCut, UpstreamError, UpstreamTimeout
from torana.upstream.client import Timeouts
from torana.upstream.http2.stream import Stream


class Upstream:
    """A connection on which an upstream takes ``left`` bytes more, four at a time."""

    def __init__(self, left: int = 0) -> None:
        self.left = left
        self.sent: list[tuple[bytes, bool]] = []
        self.given = 0

    def room(self, number):
        return min(self.left, 4)

    def send(self, number, data, *, ends):
        self.left -= len(data)
        self.sent.append((bytes(data), ends))

    def took(self, number, size):
        self.given += size

    def flush(self):
        pass


PATIENT = Timeouts(5, 5, 5)


def stream(upstream: Upstream, timeouts=PATIENT, most=100) -> Stream:
    loop = asyncio.get_running_loop()
    return Stream(loop, upstream, timeouts, end=loop.time() + timeouts.total, most=most)


async def test_a_body_goes_out_as_the_upstream_takes_it_and_ends_with_its_last_byte():
    upstream = Upstream(left=6)
    made = stream(upstream)
    made.finish([b"hello ", b"world"])
    assert upstream.sent == [(b"hell", False), (b"o ", False)]
    upstream.left = 100
    made.push()
    assert upstream.sent[2:] == [(b"worl", False), (b"d", True)]


async def test_who_writes_piece_by_piece_waits_for_room():
    upstream = Upstream(left=2)
    made = stream(upstream)
    made.write(b"hello")
    waiting = asyncio.create_task(made.drained())
    await asyncio.sleep(0)
    assert not waiting.done()
    upstream.left = 100
    made.push()
    await waiting
    made.writelines([b"!"])
    await made.drained()
    made.sent()
    assert b"".join(data for data, _ in upstream.sent) == b"hello!"
    assert [ends for _, ends in upstream.sent] == [False] * 3 + [True]


async def test_who_writes_is_told_of_the_end():
    made = stream(Upstream())
    made.write(b"hello")
    waiting = asyncio.create_task(made.drained())
    await asyncio.sleep(0)
    made.fail(UpstreamCut("It broke."), None)
    with pytest.raises(ConnectionError):
        await waiting


async def test_room_for_more_is_given_when_a_reply_is_taken():
    upstream = Upstream()
    made = stream(upstream)
    made.came_head([(b":status", b"200"), (b"via", b"a"), (b"via", b"b")])
    made.came(b"one", 5)
    made.came(b"", 7)
    made.came(b"two", 3)
    await made.head()
    assert (made.status, made.heads, upstream.given) == (200, {b"via": b"a, b"}, 0)
    assert await made.more() == b"onetwo"
    assert upstream.given == 15
    made.ended()
    assert await made.more() == b""


async def test_what_is_not_taken_is_given_room_for_at_the_end():
    upstream = Upstream()
    made = stream(upstream)
    made.came(b"one", 3)
    made.close()
    assert upstream.given == 3


@pytest.mark.parametrize(("most", "is_taken"), [(3, True), (2, False)])
async def test_a_reply_has_a_limit(most, is_taken):
    made = stream(Upstream(), most=most)
    made.came(b"one", 3)
    if is_taken:
        assert await made.more() == b"one"
    else:
        with pytest.raises(UpstreamError, match="longer than 2 bytes"):
            await made.more()


async def test_a_whole_reply_outlives_what_breaks_after_it_and_each_who_asks_is_told_of_what_broke_before():
    whole, broken = stream(Upstream()), stream(Upstream())
    whole.came(b"one", 3)
    whole.ended()
    whole.fail(UpstreamCut("It broke."), None)
    assert (await whole.more(), await whole.more()) == (b"one", b"")
    cause = OSError("gone")
    broken.fail(UpstreamCut("It broke."), cause)
    for _ in range(2):
        with pytest.raises(UpstreamCut, match="It broke") as caught:
            await broken.head()
        assert caught.value.__cause__ is cause


@pytest.mark.parametrize("begin", [0, 1], ids=["before a byte", "after one"])
async def test_silence_counts_once_the_request_is_sent(begin):
    made = stream(Upstream(), Timeouts(5, 0.05, 0.3))
    if begin:
        made.came(b"x", 1)
        assert await made.more() == b"x"
    with pytest.raises(UpstreamTimeout, match=r"in full within 0\.3 s"):
        await made.more()
    silent = stream(Upstream(), Timeouts(5, 0.05, 5))
    silent.begun(ends=True)
    with pytest.raises(UpstreamTimeout, match=r"silent for 0\.05 s"):
        await silent.more()


async def test_a_sign_of_life_puts_off_the_end_of_patience():
    made = stream(Upstream(), Timeouts(5, 0.1, inf))
    made.begun(ends=True)
    loop = asyncio.get_running_loop()
    loop.call_later(0.06, made.heard)
    loop.call_later(0.14, made.came_head, [(b":status", b"204")])
    await made.head()
    assert made.status == 204
    made.close()


async def test_it_is_over_when_both_sides_have_ended():
    made, early = stream(Upstream()), stream(Upstream())
    made.begun(ends=True)
    assert not made.is_over
    made.ended()
    early.ended()
    assert (made.is_over, early.is_over) == (True, False)
