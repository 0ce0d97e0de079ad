import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from tests.edge.gate import connected, head, serving
from torana.config.model import Uploads
from torana.config.units import Bytes
from torana.core.clock import FakeClock
from torana.core.errors import NotFound, OfficeUnreachable, Overloaded, TooLarge
from torana.edge.administration import Administration, absent
from torana.edge.exchange import ClientGone, Exchange


class NotThere(Exception):
    """As the way to the office says it."""


class Office:
    """Answers as it is told, and keeps what was asked."""

    status = 200

    def __init__(self, *pieces, headers=None, fails=None):
        self.pieces, self.headers, self.fails = pieces, headers or {"content-type": "application/json"}, fails
        self.asked = []

    @asynccontextmanager
    async def passed(self, method, target, headers, body):
        self.asked.append((method, target, dict(headers), body))
        if self.fails == "at once":
            raise NotThere
        yield self

    @property
    async def chunks(self):
        for piece in self.pieces:
            yield piece
        if self.fails:
            raise NotThere


@asynccontextmanager
async def gate(office, most=1000):
    """A client at the gateway's port; and what came of each exchange."""
    outcomes = []
    limits = Uploads(max_body=Bytes(most))
    administration = Administration(office.passed, NotThere, limits=limits, clock=FakeClock())

    async def app(scope, receive, send):
        exchange = Exchange(scope, receive, send, clock=FakeClock(), limits=limits)
        try:
            await administration.routes["/admin/*"].handle(exchange)
        except (OfficeUnreachable, Overloaded, TooLarge, ClientGone) as error:
            outcomes.append(error)
            if not exchange.started:
                await exchange.respond(503, [], b"")
            raise ClientGone from error

    async with serving(app) as port, connected(port) as client, asyncio.timeout(5):
        yield client, outcomes


async def test_a_request_and_its_reply_are_passed_on():
    office = Office(
        b'{"a": ', b"1}", headers={"content-type": "application/json", "server": "no", "content-length": "8"}
    )
    async with gate(office) as (client, _):
        body = b'{"name": "a"}'
        given: dict[str, str | int | None] = {"authorization": "Bearer a", "cookie": "no", "content-length": len(body)}
        await client.send(head("POST", "/admin/keys/a%2Fb?x=1", **given) + body)
        answer = await client.answer()
    assert (answer.status, answer.body) == (200, b'{"a": 1}')
    assert answer.header("server") is None
    [(method, target, headers, asked)] = office.asked
    assert (method, target, asked) == ("POST", "/admin/keys/a%2Fb?x=1", body)
    assert headers["authorization"] == "Bearer a"
    assert headers["x-torana-client"] == "127.0.0.1"
    assert "cookie" not in headers


async def test_who_calls_is_never_taken_from_what_he_says():
    office = Office(b"{}")
    async with gate(office) as (client, _):
        await client.send(head("GET", "/admin/keys", **{"x-torana-client": "10.0.0.1", "connection": "close"}))
        await client.rest()
    assert office.asked[0][2]["x-torana-client"] == "127.0.0.1"


async def test_nobody_answers():
    async with gate(Office(fails="at once")) as (client, outcomes):
        await client.send(head("GET", "/admin/keys"))
        await client.answer()
    assert isinstance(outcomes[0], OfficeUnreachable)
    assert outcomes[0].retry_after == 1


async def test_where_it_is_not_it_is_said_why():
    routes = absent("The admin API is elsewhere.")
    assert set(routes) == {"/admin", "/admin/*"}
    exchange: Any = None
    with pytest.raises(NotFound, match="is elsewhere") as refused:
        await routes["/admin/*"].handle(exchange)
    assert refused.value.code == "unknown_path"


async def test_a_reply_that_breaks_off_is_not_taken_for_whole():
    async with gate(Office(b"half", fails="later")) as (client, outcomes):
        await client.send(head("GET", "/admin/usage"))
        assert not (await client.rest()).endswith(b"0\r\n\r\n")
    assert isinstance(outcomes[0], ClientGone)


async def test_those_who_ask_are_bounded_so_that_other_calls_have_places():
    office = Office(b"{}", headers={"content-length": "2"})
    async with gate(office) as (client, outcomes), AsyncExitStack() as stack:
        _, port = client.writer.get_extra_info("peername")
        slowly = {"content-length": "2", "expect": "100-continue"}
        for _ in range(64):
            slow = await stack.enter_async_context(connected(port))
            await slow.send(head("POST", "/admin/keys", **slowly))
            assert (await slow.answer(bodiless=True)).status == 100
        await client.send(head("GET", "/admin/keys"))
        await client.answer()
        assert isinstance(outcomes[0], Overloaded)
        await slow.send(b"{}")
        assert (await slow.answer()).status == 200
    assert len(office.asked) == 1


async def test_a_body_is_bounded():
    office = Office(b"{}")
    async with gate(office, most=10) as (client, outcomes):
        await client.send(head("POST", "/admin/keys", **{"content-length": 11}) + b"x" * 11)
        await client.rest()
    assert isinstance(outcomes[0], TooLarge)
    assert office.asked == []
