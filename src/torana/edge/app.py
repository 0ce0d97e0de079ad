"""The ASGI application: what wraps every HTTP exchange, and the way to each route."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol

from torana.config.model import Settings
from torana.core.clock import Clock
from torana.core.errors import MethodNotAllowed, NotFound, Overloaded, ToranaError, WorkFailed
from torana.edge.errors import Rendered, render, render_unexpected
from torana.edge.exchange import ClientGone, Exchange, Receive, Scope, Send
from torana.families.faults import OPENAI, Wording
from torana.telemetry.logs import Logger, log_request
from torana.telemetry.signals import Signals

Handler = Callable[[Exchange], Awaitable[None]]
_CLIENT_GONE = 499


@dataclass(frozen=True, slots=True)
class Route:
    """Where requests of some methods go; ``pattern`` is the route's bounded name in metrics."""

    pattern: str
    methods: frozenset[str]
    handle: Handler = field(repr=False)
    always: bool = False
    """Answered however many requests are in flight: a busy gateway must not look like a dead one."""
    wording: Wording = field(default=OPENAI, repr=False)
    """How errors are told there."""


class Life(Protocol):
    """Whatever must run while the application serves."""

    async def start(self) -> None:
        """Before the first request."""
        ...

    async def stop(self) -> None:
        """After the last."""
        ...


class App:
    """Gives each request an id, a route, a reply in any case, a log line and its metrics; bounds how many there are."""

    def __init__(
        self,
        routes: Mapping[str, Route],
        *,
        life: Life,
        settings: Settings,
        clock: Clock,
        logger: Logger,
        signals: Signals,
    ) -> None:
        self._routes = routes
        self._below = {path.removesuffix("*"): route for path, route in routes.items() if path.endswith("/*")}
        self._life = life
        self._clock = clock
        self._limits = settings.uploads
        self._max_concurrent = settings.server.max_concurrent
        self._logger = logger
        self._signals = signals
        self._at_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one HTTP request, or starts and stops with the server."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._live(receive, send)
            return
        exchange = Exchange(scope, receive, send, clock=self._clock, limits=self._limits)
        route = self._routes.get(exchange.path) or self._below_which(exchange.path)
        record, signals = exchange.record, self._signals
        parent = exchange.header("traceparent")
        signals.begin()
        try:
            if parent is None and signals.spans is None:
                await self._answer(exchange, route)
            else:
                with record.span(parent, exchange.header("tracestate"), signals.spans):
                    await self._answer(exchange, route)
        finally:
            signals.observe(record, route.pattern if route else "unknown")
            log_request(self._logger, record)

    async def _answer(self, exchange: Exchange, route: Route | None) -> None:
        wording = route.wording if route else OPENAI
        try:
            handle = self._handler(exchange, route)
            # Not around the reply to whom is refused: what he still sends is read on for a while, and costs nobody a
            # place.
            self._at_work += 1
            try:
                await handle(exchange)
            finally:
                self._at_work -= 1
        except ClientGone:
            exchange.record.status = _CLIENT_GONE
            exchange.record.error = "client_gone"
        except asyncio.CancelledError:
            # Its time to end is over, and the server ends all the same: the client sees the connection close.
            exchange.record.error = "cut_off"
            if not exchange.started:
                exchange.record.status = HTTPStatus.SERVICE_UNAVAILABLE
            raise
        except ToranaError as error:
            self._note(exchange, error)
            await self._refuse(exchange, render(error, exchange.request_id, wording))
        except Exception as error:  # noqa: BLE001 - the last resort: the unforeseen becomes a 500 and a trace
            self._logger.failure("unexpected", error, request_id=exchange.request_id)
            exchange.record.error = WorkFailed.default_code
            await self._refuse(exchange, render_unexpected(exchange.request_id, wording))

    def _handler(self, exchange: Exchange, route: Route | None) -> Handler:
        if route is None:
            raise NotFound(
                "There is nothing at this path. The API's description is at /openapi.json.", code="unknown_path"
            )
        if exchange.method not in route.methods:
            raise MethodNotAllowed(exchange.method, allowed=tuple(sorted(route.methods)))
        if self._at_work >= self._max_concurrent and not route.always:
            raise Overloaded("The gateway has too many requests in flight. Try again in a moment.", retry_after=1)
        return route.handle

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._life.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._life.stop()
        await send({"type": "lifespan.shutdown.complete"})

    def _below_which(self, path: str) -> Route | None:
        return next((route for above, route in self._below.items() if path.startswith(above)), None)

    def _note(self, exchange: Exchange, error: ToranaError) -> None:
        exchange.record.error = error.code or error.type
        exchange.record.reason = error.reason
        exchange.record.rule = error.rule
        if error.__cause__ is not None and error.status >= 500:  # noqa: PLR2004 - HTTP's border
            self._logger.warning("cause", request_id=exchange.request_id, cause=repr(error.__cause__))

    async def _refuse(self, exchange: Exchange, rendered: Rendered) -> None:
        if exchange.streaming and exchange.of_events:
            await exchange.end(rendered.event)
        elif not exchange.started:
            await exchange.respond(rendered.status, rendered.headers, rendered.body)
        # Else bytes have left, and a second reply would corrupt the first. Ending here closes the connection, so that
        # the client sees a reply cut off, not one that looks whole.


def respond_json(exchange: Exchange, document: object, status: int = 200) -> Awaitable[None]:
    """A small document as the reply."""
    return exchange.respond(status, [("content-type", "application/json")], json.dumps(document).encode())
