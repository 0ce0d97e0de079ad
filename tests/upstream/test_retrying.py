import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tests.upstream.wire import OK, Script, Upstream, Wire, answering, upstream
from torana.core.clock import FakeClock
from torana.core.errors import UpstreamCut, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from torana.core.exchange import Message
from torana.upstream.client import Client, Origin, Timeouts
from torana.upstream.http1.client import HttpClient
from torana.upstream.retrying import Patience, Retrying, _Budget

PATIENT = Timeouts(connect=5, first_byte=5, total=5)
PATIENCE = Patience(attempts=3, budget=0.25, burst=10, wait=1, max_wait=3)
POST = Message("POST", "/", (), (b"hello",))
GET = Message("GET", "/", ())


async def nothing() -> None:
    pass


@dataclass
class Lab:
    """Sendings through ``Retrying``, whose clock moves when it waits, and at nothing else."""

    client: HttpClient
    clock: FakeClock = field(default_factory=FakeClock)
    waits: list[float] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    random: float = 1.0
    asleep: Callable[[], Awaitable[object]] = nothing

    def retrying(self, **changes) -> Retrying:
        return Retrying(
            self,
            replace(PATIENCE, **changes),
            clock=self.clock,
            random=lambda: self.random,
            on_retry=self.reasons.append,
            sleep=self.sleep,
        )

    def send(self, message, origin, *, timeouts, max_reply, headers=()):
        self.totals.append(timeouts.total)
        return self.client.send(message, origin, timeouts=timeouts, max_reply=max_reply, headers=headers)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.advance(seconds)
        await self.asleep()


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    client = HttpClient(per_host=1)
    yield Lab(client)
    await client.close()


async def exchange(client: Client, origin: Origin, message: Message = POST, timeouts=PATIENT) -> tuple[int, bytes]:
    async with client.send(message, origin, timeouts=timeouts, max_reply=1000) as response:
        return response.status, await response.read()


def refusal(status: int, *headers: str) -> bytes:
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status} No\r\ncontent-length: 2\r\n{lines}\r\nno".encode()


def in_turn(*replies: bytes) -> Script:
    """One reply for each request, whichever connection it comes by; to an empty one the connection breaks."""
    left = list(replies)

    async def script(wire: Wire) -> None:
        while left:
            await wire.request()
            reply = left.pop(0)
            if not reply:
                return
            await wire.say(reply)

    return script


# What is sent again


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("message", [POST, GET], ids=["POST", "GET"])
async def test_not_now_is_asked_again(lab, status, message):
    async with upstream(in_turn(refusal(status), refusal(status), OK)) as up:
        assert await exchange(lab.retrying(), up.origin, message) == (200, b"hi")
    assert lab.reasons == [f"status_{status}"] * 2


@pytest.mark.parametrize("status", [200, 202, 301, 400, 401, 402, 403, 404, 413, 422, 501])
async def test_other_replies_are_given_at_once(lab, status):
    async with upstream(in_turn(refusal(status), OK)) as up:
        assert await exchange(lab.retrying(), up.origin) == (status, b"no")
    assert lab.waits == lab.reasons == []


async def test_what_was_never_sent_is_sent_again(lab):
    up = Upstream(answering(OK))
    with socket.socket() as deaf:
        deaf.bind((up.address, 0))
        up.port = deaf.getsockname()[1]

        async def listen() -> None:
            server.append(await asyncio.start_server(up.serve, sock=deaf.dup()))

        server: list[asyncio.Server] = []
        lab.asleep = listen
        assert await exchange(lab.retrying(), up.origin) == (200, b"hi")
        await lab.client.close()
        await asyncio.gather(*up.tasks)
        server[0].close()
    assert lab.reasons == ["unreachable"]


async def test_a_cut_post_may_have_been_charged(lab):
    async with upstream(in_turn(b"", OK)) as up:
        with pytest.raises(UpstreamCut):
            await exchange(lab.retrying(), up.origin)
        assert up.connections == 1
    assert lab.reasons == []


async def test_a_cut_get_is_sent_again(lab):
    # The client repeats it once by itself.
    async with upstream(in_turn(b"", b"", OK)) as up:
        assert await exchange(lab.retrying(), up.origin, GET) == (200, b"hi")
    assert lab.reasons == ["cut"]


async def test_silence_may_have_been_charged(lab):
    async with upstream(answering(b"")) as up:
        with pytest.raises(UpstreamTimeout):
            await exchange(lab.retrying(), up.origin, timeouts=Timeouts(5, 0.05, 5))
        assert up.connections == 1


async def test_what_breaks_in_the_block_is_left_alone(lab):
    async with upstream(in_turn(OK, OK)) as up:
        with pytest.raises(UpstreamUnreachable, match="of the caller"):
            async with lab.retrying().send(POST, up.origin, timeouts=PATIENT, max_reply=9):
                raise UpstreamUnreachable("of the caller")
    assert lab.reasons == []


async def test_the_same_goes_out_again(lab):
    seen = []

    async def script(wire: Wire) -> None:
        seen.append(await wire.request())
        await wire.say(refusal(503) if len(seen) == 1 else OK)

    async with upstream(script) as up:
        sending = lab.retrying().send(POST, up.origin, timeouts=PATIENT, max_reply=9, headers=(("traceparent", "00"),))
        async with sending as response:
            assert response.status == 200
    assert seen[0] == seen[1]
    assert seen[0].body == b"hello"
    assert ("traceparent", "00") in seen[0].headers


# How long it waits


@pytest.mark.parametrize(("random", "waits"), [(1.0, [1, 2, 3, 3]), (0.5, [0.5, 1, 1.5, 1.5]), (0.0, [0, 0, 0, 0])])
async def test_waits_double_up_to_the_longest_and_are_drawn(lab, random, waits):
    lab.random = random
    async with upstream(in_turn(*[refusal(503)] * 4, OK)) as up:
        patient = Timeouts(connect=5, first_byte=5, total=60)
        assert await exchange(lab.retrying(attempts=5), up.origin, timeouts=patient) == (200, b"hi")
    assert lab.waits == waits


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        (["retry-after: 2"], 2.25),
        (["retry-after-ms: 1500"], 1.75),
        (["date: Sun, 06 Nov 1994 08:49:37 GMT", "retry-after: Sun, 06 Nov 1994 08:49:38 GMT"], 1.25),
        (["retry-after: 3"], 3.0),
        (["retry-after: soon"], 0.25),
        (["x-should-retry: true"], 0.25),
    ],
)
async def test_the_upstreams_wish_is_the_least(lab, headers, wait):
    lab.random = 0.25
    async with upstream(in_turn(refusal(429, *headers), OK)) as up:
        assert await exchange(lab.retrying(), up.origin) == (200, b"hi")
    assert lab.waits == [wait]


@pytest.mark.parametrize("header", ["retry-after: 3.5", "retry-after-ms: 3001", "x-should-retry: false"])
async def test_a_wish_that_cannot_be_met_gives_the_reply_at_once(lab, header):
    async with upstream(in_turn(refusal(429, header), OK)) as up:
        assert await exchange(lab.retrying(), up.origin) == (429, b"no")
    assert lab.waits == []


# Where it ends


async def test_attempts_run_out(lab):
    async with (
        upstream(in_turn(refusal(503), refusal(500), refusal(502, "x: last"), OK)) as up,
        lab.retrying().send(POST, up.origin, timeouts=Timeouts(5, 5, 99), max_reply=9) as response,
    ):
        assert (response.status, response.headers["x"], await response.read()) == (502, "last", b"no")
    assert lab.reasons == ["status_503", "status_500"]


@pytest.mark.parametrize(("sendings", "answer"), [(1, 503), (2, 503), (3, 200), (9, 200)])
async def test_a_call_may_want_fewer_sendings_but_no_more(lab, sendings, answer):
    async with upstream(in_turn(refusal(503), refusal(503), OK)) as up:
        wanted = structs.replace(PATIENT, sendings=sendings)
        assert (await exchange(lab.retrying(), up.origin, timeouts=wanted))[0] == answer
    assert len(lab.reasons) == min(sendings, 3) - 1


@pytest.mark.parametrize(
    ("again_on", "answer"), [({503}, 200), ({429, 503}, 200), ({429}, 503), (set(), 503), ({400}, 503)]
)
async def test_a_call_may_want_them_after_fewer_replies_but_no_more(lab, again_on, answer):
    wanted = structs.replace(PATIENT, again_on=frozenset(again_on))
    async with upstream(in_turn(refusal(503), OK)) as up:
        assert (await exchange(lab.retrying(), up.origin, timeouts=wanted))[0] == answer
    async with upstream(in_turn(refusal(400), OK)) as up:
        assert (await exchange(lab.retrying(), up.origin, timeouts=wanted))[0] == 400


async def test_the_last_error_is_given_as_it_is(lab):
    async with upstream(answering()) as up:
        pass
    with pytest.raises(UpstreamUnreachable, match="could not be reached") as caught:
        await exchange(lab.retrying(), up.origin)
    assert isinstance(caught.value.__cause__, OSError)
    assert lab.reasons == ["unreachable"] * 2


async def test_every_attempt_gets_the_time_that_is_left(lab):
    async with upstream(in_turn(refusal(503), refusal(503), OK)) as up:
        assert await exchange(lab.retrying(), up.origin) == (200, b"hi")
    assert lab.totals == [5, 4, 2]


@pytest.mark.parametrize(("total", "answered"), [(2.0, 503), (2.5, 200)])
async def test_a_wait_that_leaves_no_time_is_not_begun(lab, total, answered):
    async with upstream(in_turn(refusal(503, "retry-after: 1"), OK)) as up:
        status, _ = await exchange(lab.retrying(), up.origin, timeouts=Timeouts(connect=5, first_byte=5, total=total))
    assert (status, lab.waits) == (answered, [2.0][: answered == 200])


async def test_the_budget_runs_out_and_is_earned_by_first_sendings(lab):
    retrying = lab.retrying(burst=2, budget=0.25, attempts=10)
    repeats = []
    async with upstream(in_turn(*[refusal(503)] * 13)) as up:
        for _ in range(9):
            assert await exchange(retrying, up.origin, timeouts=Timeouts(5, 5, 99)) == (503, b"no")
            repeats.append(len(lab.reasons))
    assert repeats == [2, 2, 2, 2, 3, 3, 3, 3, 4]


@given(st.floats(0, 1), st.integers(0, 20), st.lists(st.integers(0, 5), max_size=200))
def test_the_budget_is_never_overdrawn(share, burst, wishes):
    budget, made = _Budget(share, burst), 0
    for sendings, wish in enumerate(wishes, 1):
        budget.earn()
        made += sum(budget.spend() for _ in range(wish))
        assert made <= burst + share * sendings + 1e-6


def test_a_budget_without_burst_saves_up_for_one():
    budget = _Budget(0.5, 0)
    given = []
    for _ in range(6):
        budget.earn()
        given.append(budget.spend())
    assert given == [False, True] * 3


# Connections


async def test_no_place_is_held_while_it_waits(lab):
    """The client has one place for this host: another call gets through in the wait."""
    async with upstream(in_turn(refusal(503), OK, OK)) as up:
        between = []

        async def another() -> None:
            between.append(await exchange(lab.client, up.origin))

        lab.asleep = another
        assert await exchange(lab.retrying(), up.origin) == (200, b"hi")
    assert between == [(200, b"hi")]


async def test_a_reply_without_end_is_dropped_before_the_wait(lab):
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.say(OK if up.connections == 2 else b"HTTP/1.1 503 No\r\ncontent-length: 99\r\n\r\nno")
        assert await wire.gone()

    async with upstream(script) as up:

        async def first_is_gone() -> None:
            await up.tasks[0]

        lab.asleep = first_is_gone
        assert await exchange(lab.retrying(), up.origin) == (200, b"hi")


async def test_cancelled_in_the_wait(lab):
    waiting = asyncio.Event()

    async def forever() -> None:
        waiting.set()
        await asyncio.Event().wait()

    lab.asleep = forever
    async with upstream(in_turn(refusal(503), OK)) as up:
        call = asyncio.create_task(exchange(lab.retrying(), up.origin))
        await waiting.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert lab.reasons == []


async def test_what_no_wait_mends_is_raised(lab):
    async with upstream(in_turn(b"SSH-2.0-OpenSSH_9.9\r\n", OK)) as up:
        with pytest.raises(UpstreamError, match="not HTTP"):
            await exchange(lab.retrying(), up.origin)
    assert lab.reasons == []
