"""The admin API on the gateway's own port: its requests are passed on to the office, which alone has the database."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from torana.config.model import Uploads
from torana.core.clock import Clock
from torana.core.errors import NotFound, OfficeUnreachable, Overloaded
from torana.core.exchange import CLIENT
from torana.edge.app import Handler, Route
from torana.edge.bodies.arrival import Arrival
from torana.edge.exchange import ClientGone, Exchange

PREFIX = "/admin"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})

_AT_ONCE = 64
"""Requests on their way at once: the office is slower than its callers, who must not take the places of other calls."""
_THERE = ("authorization", "x-api-key", "api-key", "content-type", "accept")
_BACK = frozenset({"content-type", "content-disposition", "cache-control", "retry-after", "www-authenticate", "allow"})


class Reply(Protocol):
    """What the office answers."""

    @property
    def status(self) -> int:
        """HTTP's."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By their lower-case names."""
        ...

    @property
    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        ...


Pass = Callable[[str, str, Mapping[str, str], bytes], AbstractAsyncContextManager[Reply]]
"""Method, target, headers and body in, reply out."""


def absent(why: str) -> dict[str, Route]:
    """Where it would be found: NotFound, with a sentence that says why it is not there."""

    async def refuse(_exchange: Exchange) -> None:
        raise NotFound(why, code="unknown_path")

    return _routes(refuse)


class Administration:
    """Passes requests on, and replies back as they come."""

    def __init__(self, passed: Pass, not_there: type[Exception], *, limits: Uploads, clock: Clock) -> None:
        self._passed = passed
        self._not_there = not_there
        self._limits = limits
        self._clock = clock
        self._on_their_way = 0

    @property
    def routes(self) -> dict[str, Route]:
        """Where it is found."""
        return _routes(self.serve)

    async def serve(self, exchange: Exchange) -> None:
        """One request; OfficeUnreachable where nobody answers, Overloaded where too many ask."""
        if self._on_their_way >= _AT_ONCE:
            raise Overloaded("The admin API has too many requests in flight. Try again in a moment.", retry_after=1)
        self._on_their_way += 1
        try:
            await self._pass(exchange)
        finally:
            self._on_their_way -= 1

    async def _pass(self, exchange: Exchange) -> None:
        body = await self._body(exchange)
        query = exchange.query.decode("latin-1")
        target = exchange.raw_path + (f"?{query}" if query else "")
        given = {name: value for name in _THERE if (value := exchange.header(name)) is not None}
        headers = {**given, "x-request-id": exchange.request_id, CLIENT: exchange.client}
        try:
            async with self._passed(exchange.method, target, headers, body) as reply:
                await self._back(exchange, reply)
        except self._not_there as error:
            if exchange.started:
                # The reply breaks off, and its end is missing: nobody takes it for whole.
                raise ClientGone from error
            raise OfficeUnreachable(
                "The admin API does not answer at the moment; calls are served all the same. Try again in a moment.",
                retry_after=1,
            ) from error

    async def _body(self, exchange: Exchange) -> bytes:
        arrival = Arrival(exchange.receive, self._limits, self._clock)
        body = bytearray()
        while exchange.body_pending and (piece := await arrival.piece()):
            body += piece
        return bytes(body)

    async def _back(self, exchange: Exchange, reply: Reply) -> None:
        headers = [(name, value) for name, value in reply.headers.items() if name in _BACK]
        length = reply.headers.get("content-length")
        if length is not None:
            await exchange.respond(reply.status, headers, reply.chunks, length=int(length))
            return
        await exchange.pass_on(reply.status, headers, reply.chunks)


def _routes(serve: Handler) -> dict[str, Route]:
    route = Route(f"{PREFIX}/*", METHODS, serve)
    return {PREFIX: route, f"{PREFIX}/*": route}
