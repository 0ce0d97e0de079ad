"""What hostile upstreams send; every reply ends in itself or in an error of ours, whole or not at all."""

import asyncio
import random

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.upstream.http1.fuzzing import CASES, Case, answer_to, heard, mutated
from tests.upstream.wire import Wire, upstream
from torana.core.errors import UpstreamError
from torana.core.exchange import Message
from torana.upstream.client import Timeouts
from torana.upstream.http1.client import HttpClient

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def pytest_asyncio_loop_factories(config, item):
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_reply_cut_anywhere_is_the_same_or_an_error(case: Case):
    for end in range(len(case.said) + 1):
        outcome = await answer_to([case.said[:end]])
        assert outcome == "an error" if end < case.whole_at else outcome == case.body, end


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_reply_in_any_pieces_is_the_same(case: Case):
    assert await answer_to([case.said[n : n + 1] for n in range(len(case.said))]) == case.body


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**32))
def test_a_mutated_reply_ends_in_itself_or_an_error(seed):
    said, pieces = mutated(random.Random(seed))
    ours, theirs = asyncio.run(heard(pieces))
    assert theirs in (ours, "an error") or ours == "an error", said


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\nhi",
        b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na: b\r\n c: d\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 099 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi",
        CHUNKED + b"0x2\r\nhi\r\n0\r\n\r\n",
        CHUNKED + b"1;" + b"x" * 300_000 + b"\r\nh\r\n0\r\n\r\n",
        CHUNKED + b"0" * 300_000 + b"1\r\nh\r\n0\r\n\r\n",
        CHUNKED + b"0\r\n" + b"t: x\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 103 Early\r\n\r\n" * 10_000,
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 129 + b"\r\n",
    ],
    ids=range(14),
)
async def test_what_is_not_strictly_http_is_refused(said):
    assert await answer_to([said]) == "an error"


@pytest.mark.parametrize("status", [204, 304])
async def test_some_statuses_have_no_body(status):
    assert await answer_to([b"HTTP/1.1 %d X\r\ncontent-length: 5\r\n\r\n" % status]) == b""


async def test_a_reply_to_head_has_no_body():
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.say(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
        await wire.gone()

    client = HttpClient(per_host=1)
    async with upstream(script) as up:
        for _ in range(2):
            async with client.send(
                Message("HEAD", "/", ()), up.origin, timeouts=Timeouts(5, 5, 5), max_reply=9
            ) as reply:
                assert await reply.read() == b""
        await client.close()


async def test_an_upstream_waits_for_a_slow_reader():
    sent = 0

    async def script(wire: Wire) -> None:
        nonlocal sent
        await wire.request()
        await wire.say(b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n")
        while sent < 50_000_000:
            await wire.say(bytes(100_000))
            sent += 100_000

    client = HttpClient(per_host=1)
    async with upstream(script) as up:
        timeouts = Timeouts(5, 0.3, 20)
        async with client.send(Message("GET", "/", ()), up.origin, timeouts=timeouts, max_reply=10**8) as reply:
            # Longer than the upstream may be silent: while we do not listen, it is not.
            await asyncio.sleep(0.4)
            assert sent < 25_000_000
            assert sum([len(chunk) async for chunk in reply.chunks()]) == 50_000_000
        await client.close()


async def test_the_timer_of_one_exchange_is_no_other_exchanges():
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.say(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await wire.request()
        await wire.gone()

    client = HttpClient(per_host=1)
    async with upstream(script) as up:
        for silence in (5.0, 0.05):
            sending = client.send(Message("POST", "/", ()), up.origin, timeouts=Timeouts(5, silence, 9), max_reply=9)
            if silence == 5.0:
                async with sending as reply:
                    assert reply.status == 200
                continue
            with pytest.raises(UpstreamError, match=r"silent for 0\.05 s"):
                async with sending:
                    pass
        assert up.connections == 1
        await client.close()
