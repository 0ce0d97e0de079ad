import asyncio
import gc
import json
import logging
from collections.abc import AsyncIterator

import pytest

from tests.upstream.wire import Wire, upstream
from torana.core.clock import FakeClock
from torana.core.errors import UpstreamAuth, UpstreamUnreachable
from torana.core.exchange import Message
from torana.upstream.client import Origin
from torana.upstream.signing.tokens import EARLY, Grant, Tokens
from torana.upstream.transport import AiohttpClient

SECRET = "1//very-secret"
CALL = (Message("POST", "/generate", ()), "https://api.example/generate")


@pytest.fixture
async def client() -> AsyncIterator[AiohttpClient]:
    client = AiohttpClient(per_host=4)
    yield client
    await client.close()


def said(body: bytes, status: int = 200) -> bytes:
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def granted(token: str, expires_in: float = 3600) -> bytes:
    return said(json.dumps({"access_token": token, "expires_in": expires_in, "token_type": "Bearer"}).encode())


class Bank:
    """Gives the replies it was made with, one for each request, and remembers these; ``gate`` holds it up."""

    def __init__(self, *replies: bytes) -> None:
        self.replies = list(replies)
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.reached = asyncio.Event()

    async def __call__(self, wire: Wire) -> None:
        while self.replies:
            self.asked.append((await wire.request()).body.decode())
            self.reached.set()
            await self.gate.wait()
            await wire.say(self.replies.pop(0))
        await wire.gone()


def tokens(origin: Origin, client: AiohttpClient, clock: FakeClock, beside=()) -> Tokens:
    def ask(now: float) -> Message:
        return Message("POST", "/token", (), (f"{SECRET} at {now}".encode(),))

    return Tokens(Grant(origin, ask, beside), client, clock=clock)


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


async def test_a_token_is_kept_until_shortly_before_its_end(client):
    bank, clock = Bank(granted("first"), granted("second")), FakeClock(1_800_000_000.0)
    async with upstream(bank) as up:
        signer = tokens(up.origin, client, clock)
        assert await signer.headers(*CALL) == bearer("first")
        clock.advance(3600 - EARLY - 1)
        assert await signer.headers(*CALL) == bearer("first")
        clock.advance(1)
        assert await signer.headers(*CALL) == bearer("second")
    assert bank.asked == [f"{SECRET} at 1800000000.0", f"{SECRET} at {1_800_003_600.0 - EARLY}"]


@pytest.mark.parametrize(("lasts", "used"), [(100, 50), (0, 0), (-5, 0)])
async def test_a_short_token_is_used_for_half_its_time(client, lasts, used):
    bank, clock = Bank(granted("first", lasts), granted("second", lasts)), FakeClock()
    async with upstream(bank) as up:
        signer = tokens(up.origin, client, clock)
        assert await signer.headers(*CALL) == bearer("first")
        clock.advance(used - 1 if used else 0)
        assert await signer.headers(*CALL) == bearer("first" if used else "second")
        clock.advance(1)
        if used:
            assert await signer.headers(*CALL) == bearer("second")


async def test_what_stands_beside_goes_out_with_every_token(client):
    async with upstream(Bank(granted("first"))) as up:
        signer = tokens(up.origin, client, FakeClock(), beside=(("x-project", "mine"),))
        for _ in range(2):
            assert await signer.headers(*CALL) == (*bearer("first"), ("x-project", "mine"))


async def test_all_wait_for_one(client):
    bank = Bank(granted("first"))
    bank.gate.clear()
    async with upstream(bank) as up:
        signer = tokens(up.origin, client, FakeClock())
        calls = [asyncio.create_task(signer.headers(*CALL)) for _ in range(20)]
        await bank.reached.wait()
        calls[0].cancel()
        bank.gate.set()
        with pytest.raises(asyncio.CancelledError):
            await calls[0]
        assert await asyncio.gather(*calls[1:]) == [bearer("first")] * 19
    assert len(bank.asked) == 1


async def test_all_learn_of_one_failure_and_the_next_call_asks_again(client):
    bank = Bank(said(b"{}", 500), granted("first"))
    bank.gate.clear()
    async with upstream(bank) as up:
        signer = tokens(up.origin, client, FakeClock())
        calls = [asyncio.create_task(signer.headers(*CALL)) for _ in range(5)]
        await bank.reached.wait()
        bank.gate.set()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {UpstreamAuth}
        assert await signer.headers(*CALL) == bearer("first")
    assert len(bank.asked) == 2


async def test_a_failure_that_nobody_waits_for_is_no_forgotten_one(client):
    bank = Bank(said(b"{}", 400))
    bank.gate.clear()
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    async with upstream(bank) as up:
        signer = tokens(up.origin, client, FakeClock())
        call = asyncio.create_task(signer.headers(*CALL))
        await bank.reached.wait()
        call.cancel()
        flight = signer._flight
        assert flight is not None
        bank.gate.set()
        await asyncio.wait({flight, call})
    assert signer._flight is None
    del flight, signer, call
    gc.collect()
    assert complaints == []


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (302, "token_unavailable"),
        (400, "token_refused"),
        (401, "token_refused"),
        (403, "token_refused"),
        (429, "token_unavailable"),
        (503, "token_unavailable"),
    ],
)
@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"error":"invalid_grant","error_description":"me@example.com"}', "invalid_grant"),
        (b'{"error":"me@example.com"}', "without an error code"),
        (b"<html>me@example.com</html>", "without an error code"),
    ],
)
async def test_a_refusal_is_ours_to_mend(client, caplog, status, reason, body, told):
    async with upstream(Bank(said(body, status))) as up:
        with caplog.at_level(logging.WARNING), pytest.raises(UpstreamAuth) as caught:
            await tokens(up.origin, client, FakeClock()).headers(*CALL)
    assert caught.value.message == f"The upstream gave the gateway no token: status {status}."
    assert caught.value.reason == reason
    assert caplog.messages == [f"no token from {up.origin.base_url}: status {status}, {told}"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[" * 5000,
        b'{"access_token":"t0ken"}',
        b'{"access_token":"t0ken","expires_in":"soon"}',
        b'{"access_token":"","expires_in":60}',
        b'{"access_token":"t0ken\\r\\nx: y","expires_in":60}',
    ],
)
async def test_what_is_no_token_is_not_used(client, body):
    async with upstream(Bank(said(body))) as up:
        with pytest.raises(UpstreamAuth, match="could not be understood") as caught:
            await tokens(up.origin, client, FakeClock()).headers(*CALL)
    assert "t0ken" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.reason == "token_invalid"


async def test_nobody_there(client):
    async with upstream(Bank()) as up:
        pass
    with pytest.raises(UpstreamAuth, match=r"No token .* could not be reached") as caught:
        await tokens(up.origin, client, FakeClock()).headers(*CALL)
    assert caught.value.reason == "token_unavailable"
    assert isinstance(caught.value.__cause__, UpstreamUnreachable)


async def test_nothing_secret_is_shown(client):
    grant = Grant(Origin("https://a.example"), lambda _now: Message("POST", "/", (), (SECRET.encode(),)))
    async with upstream(Bank(granted(SECRET))) as up:
        signer = tokens(up.origin, client, FakeClock())
        await signer.headers(*CALL)
    assert SECRET not in f"{grant!r} {signer!r} {signer._header!r}"
