"""The admin API on the gateway's own port: its requests are passed on to the office, which alone has the database."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from torana.config.model import Uploads
from torana.core.clock import Clock
from torana.core.errors import OfficeUnreachable
from torana.edge.app import Route
from torana.edge.bodies.arrival import Arrival
from torana.edge.exchange import ClientGone, Exchange

PREFIX = "/admin"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
CLIENT = "x-torana-client"
"""The header in which the office is told whose request it is: the address of the connection, never what he says."""

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


class Administration:
    """Passes requests on, and replies back as they come."""

    def __init__(self, passed: Pass, not_there: type[Exception], *, limits: Uploads, clock: Clock) -> None:
        self._passed = passed
        self._not_there = not_there
        self._limits = limits
        self._clock = clock

    @property
    def routes(self) -> dict[str, Route]:
        """Where it is found."""
        route = Route(f"{PREFIX}/*", METHODS, self.serve)
        return {PREFIX: route, f"{PREFIX}/*": route}

    async def serve(self, exchange: Exchange) -> None:
        """One request; OfficeUnreachable where nobody answers."""
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
