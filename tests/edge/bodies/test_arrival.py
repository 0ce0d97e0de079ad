import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.config.model import Uploads
from torana.config.units import Bytes, Seconds
from torana.core.clock import FakeClock
from torana.core.errors import SlowSender, TooLarge, ToranaError
from torana.edge.bodies.arrival import Arrival, check_length
from torana.edge.exchange import ClientGone, Message

LIMITS = Uploads()


class Sender:
    """A client that sends pieces, each so many seconds after it is asked for, and then no more."""

    def __init__(self, pieces: Sequence[bytes], *, seconds: float = 0.0, end: Message | None = None) -> None:
        self.clock = FakeClock()
        self.asked = 0
        self._seconds = seconds
        self._messages: list[Message] = [
            *({"type": "http.request", "body": piece, "more_body": True} for piece in pieces),
            end or {"type": "http.request", "body": b"", "more_body": False},
        ]

    async def receive(self) -> Message:
        self.asked += 1
        self.clock.advance(self._seconds)
        return self._messages.pop(0)

    def arrival(self, **limits: float) -> Arrival:
        return Arrival(self.receive, with_limits(**limits), self.clock)


def with_limits(**limits: float) -> Uploads:
    kinds: dict[str, Any] = {
        name: Seconds(value) if name in {"grace", "deadline"} else Bytes(value) for name, value in limits.items()
    }
    return Uploads(**kinds)


async def whole(arrival: Arrival) -> bytes:
    body = bytearray()
    while piece := await arrival.piece():
        body += piece
    return bytes(body)


async def refusal(arrival: Arrival) -> ToranaError:
    with pytest.raises(ToranaError) as caught:
        await whole(arrival)
    return caught.value


@given(st.lists(st.binary(max_size=5), max_size=8))
async def test_all_that_is_sent_arrives_and_then_nothing_is_asked_for(pieces):
    sender = Sender(pieces)
    arrival = sender.arrival()
    assert await whole(arrival) == b"".join(pieces)
    assert arrival.received == len(b"".join(pieces))
    assert await arrival.piece() == b""
    assert sender.asked == len(pieces) + 1


async def test_the_last_piece_may_come_with_the_end():
    sender = Sender([b"a"], end={"type": "http.request", "body": b"b"})
    assert await whole(sender.arrival()) == b"ab"


async def test_a_body_that_is_none():
    assert await whole(Sender([], end={"type": "http.request"}).arrival()) == b""


# Length


async def test_a_body_that_passes_the_limit_is_not_read_on():
    sender = Sender([bytes(1000)] * 10)
    error = await refusal(sender.arrival(max_body=3000))
    assert (type(error), error.status) == (TooLarge, 413)
    assert error.message == "The body is too large: at most 3,000 bytes are allowed."
    assert sender.asked == 4


async def test_the_limit_itself_is_allowed():
    assert len(await whole(Sender([bytes(1000)] * 3).arrival(max_body=3000))) == 3000


def test_a_length_is_checked_before_anything_is_read():
    check_length(LIMITS.max_body, LIMITS)
    with pytest.raises(TooLarge, match="at most 67,108,864 bytes are allowed"):
        check_length(LIMITS.max_body + 1, LIMITS)


# Pace


async def test_a_client_that_hangs_up_is_gone():
    arrival = Sender([b"a"], end={"type": "http.disconnect"}).arrival()
    assert await arrival.piece() == b"a"
    with pytest.raises(ClientGone):
        await arrival.piece()


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"grace": 0.02}, "The body stopped coming: nothing came for 0.02 s."),
        ({"deadline": 0.02}, "The body came too slowly: it must arrive within 0.02 s."),
    ],
)
async def test_silence_is_not_waited_out(limits, told):
    async def silent() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    error = await refusal(Arrival(silent, with_limits(**limits), FakeClock()))
    assert (type(error), error.status, error.message) == (SlowSender, 408, told)


async def test_what_comes_later_is_waited_for():
    queue: asyncio.Queue[Message] = asyncio.Queue()
    arrival = Arrival(queue.get, LIMITS, FakeClock())
    reading = asyncio.create_task(whole(arrival))
    for piece in (b"a", b"b", b"c"):
        await asyncio.sleep(0)
        queue.put_nowait({"type": "http.request", "body": piece, "more_body": True})
    await asyncio.sleep(0.01)
    queue.put_nowait({"type": "http.request", "body": b"d"})
    assert await reading == b"abcd"


async def test_a_wait_of_several_steps_is_one_wait():
    async def receive() -> Message:
        for _ in range(3):
            await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b"a"}

    assert await whole(Arrival(receive, LIMITS, FakeClock())) == b"a"


@pytest.mark.parametrize("answers", [True, False])
async def test_who_is_waited_for_learns_that_nobody_waits_any_more(answers):
    told: list[str] = []

    async def receive() -> Message:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append("cancelled")
            await asyncio.sleep(0)
            if not answers:
                raise
        return {"type": "http.request", "body": b"late"}

    reading = asyncio.create_task(whole(Arrival(receive, LIMITS, FakeClock())))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait([reading])
    assert told == ["cancelled"]
    assert reading.cancelled() is not answers


async def test_a_sender_must_keep_up_after_the_grace():
    sender = Sender([bytes(99)] * 99, seconds=1)
    error = await refusal(sender.arrival(grace=10, min_rate=100))
    assert type(error) is SlowSender
    assert error.message == "The body came too slowly: send at least 100 bytes a second."
    assert sender.asked == 11


async def test_a_sender_that_keeps_up_is_served():
    assert len(await whole(Sender([bytes(100)] * 50, seconds=1).arrival(grace=1, min_rate=100))) == 5000


async def test_a_sender_may_be_slow_within_the_grace():
    assert len(await whole(Sender([b"a"] * 9, seconds=1).arrival(grace=10, min_rate=1000))) == 9


async def test_a_sender_has_only_so_long():
    sender = Sender([b"a"] * 9, seconds=31)
    error = await refusal(sender.arrival(deadline=60, grace=50, min_rate=0))
    assert error.message == "The body came too slowly: it must arrive within 60 s."
    assert sender.asked == 2


async def test_time_that_we_take_ourselves_does_not_count():
    sender = Sender([bytes(100)] * 5, seconds=0.5)
    arrival = sender.arrival(deadline=5, grace=1, min_rate=100)
    for _ in range(5):
        assert await arrival.piece()
        sender.clock.advance(100)
    assert await arrival.piece() == b""
