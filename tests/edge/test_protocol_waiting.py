"""Who waits for whom on a connection, and for how long: requests for those before them, replies for their client."""

import asyncio
from dataclasses import replace

import pytest

from tests.edge.test_protocol import LAST, ROOMY, bodies, conversation, echo, refusal, serving


async def test_the_body_of_a_request_that_waited_may_come_when_its_turn_has_come() -> None:
    head = b"POST /b HTTP/1.1\r\nConnection: close\r\nContent-Length: 3\r\n\r\n"
    async with serving(ROOMY, echo) as port:
        heard = await conversation(port, b"GET /slow HTTP/1.1\r\n\r\n" + head, b"abc", pause=0.1)
    assert bodies(heard) == b"/slow:;/b:abc;"


@pytest.mark.parametrize("ahead", [1, 256])
async def test_so_many_requests_wait_for_their_turn_and_no_more(ahead: int) -> None:
    async with serving(replace(ROOMY, ahead=ahead), echo) as port:
        heard = await conversation(port, b"GET /slow HTTP/1.1\r\n\r\n" + b"GET /b HTTP/1.1\r\n\r\n" * 5000)
    owed, _, refused = heard.rpartition(b";")
    assert bodies(owed + b";") == b"/slow:;" + b"/b:;" * ahead
    assert refusal(refused)[:2] == (503, "overloaded")


@pytest.mark.parametrize("more", [True, False], ids=["under way", "whole"])
async def test_a_client_who_takes_nothing_is_cut_off(more: bool) -> None:
    """Whether the application waits for him or is done with him."""
    ended = asyncio.Event()

    async def generous(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * 20_000_000, "more_body": more})
        if more:
            await send({"type": "http.response.body", "body": b"x"})
        ended.set()

    async with serving(replace(ROOMY, stalled_seconds=0.2), generous, keep_alive=1) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
        writer.write(LAST)
        await asyncio.wait_for(ended.wait(), 5)
    # The server ends when its last connection has, and the client has not read yet.
    writer.transport.abort()


async def test_a_client_who_takes_little_at_a_time_is_not_cut_off() -> None:
    async def generous(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(3):
            await send({"type": "http.response.body", "body": b"x" * 8_000_000, "more_body": True})
        await send({"type": "http.response.body"})

    async with serving(replace(ROOMY, stalled_seconds=0.3), generous) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=100_000)
        writer.write(LAST)
        heard = 0
        while piece := await asyncio.wait_for(reader.read(2**20), 5):
            heard += len(piece)
            await asyncio.sleep(0.002)
        writer.close()
    assert heard > 24_000_000
