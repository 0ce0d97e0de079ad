"""The admin API as an ASGI application: who is asking, whether he may, what he asks, and the answer."""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from torana.admin.operation import Ask, Desk, Operation, Table
from torana.admin.problems import render
from torana.admin.reading import collected, read_body, read_path, read_query
from torana.admin.rights import Asker, admit
from torana.admin.routes import EVERY, ROOT
from torana.admin.tables import MEDIA, written
from torana.core.errors import MethodNotAllowed, NotFound, RegistersUnavailable, SlowSender, ToranaError, WorkFailed
from torana.core.exchange import CLIENT, Principal
from torana.storage.sql.change import Actor
from torana.storage.sql.database import DatabaseUnavailable
from torana.telemetry.logs import Logger

Authenticate = Callable[[Mapping[str, str]], Awaitable[Principal]]
"""From headers, by their lower-case names, to who is asking; Unauthenticated and KeysUnknown are answers."""

_SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_SANE_CLIENT = re.compile(r"[0-9A-Fa-f.:%A-Za-z]{1,64}")
_BODIES = frozenset({"POST", "PUT"})
_METHOD_NOT_ALLOWED = 405
_FREE = 3
"""Connections to the database that are left for changes, and for what else the office does."""


@dataclass(frozen=True, slots=True)
class Door:
    """How it is known who comes in."""

    authenticate: Authenticate
    behind_gateway: bool = False
    """Whether all that comes was handed on by the gateway, whose word is then taken for a client's address."""
    actor: Actor | None = None
    """Who makes every change, where there is nobody else: on the command line."""

    async def asker(self, request: Request) -> Asker:
        """Who is asking, and from where."""
        principal = await self.authenticate(_joined(request))
        return Asker(principal, self.actor or Actor(principal.name, self._origin(request)))

    def _origin(self, request: Request) -> str:
        if self.behind_gateway:
            told = request.headers.get(CLIENT, "")
            return told if _SANE_CLIENT.fullmatch(told) else "unknown"
        return request.client.host if request.client else "unknown"


class Admin:
    """The application. Everything that it answers has an id, is logged, and is not for caches."""

    def __init__(self, desk: Desk, door: Door, *, logger: Logger) -> None:
        self._desk, self._door, self._logger = desk, door, logger
        # Sums over a long ledger take seconds each, and nobody must wait for them who would revoke a key.
        self._for_tables = asyncio.Semaphore(max(1, desk.settings.database.connections - _FREE))
        routes = [
            Route(ROOT + path, self._endpoint(operations), methods=[*operations])
            for path, operations in _by_path(EVERY).items()
        ]
        handlers: Mapping[Any, Any] = {
            ToranaError: self._refused,
            DatabaseUnavailable: self._unavailable,
            HTTPException: self._unrouted,
            Exception: self._unforeseen,
        }
        application = Starlette(routes=routes, exception_handlers=handlers)
        # A redirect would be made from the Host header, which anybody can write.
        application.router.redirect_slashes = False
        self._application: ASGIApp = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        status = 0
        request_id = _request_id(Request(scope))
        scope["torana_request_id"] = request_id

        async def numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [(b"x-request-id", request_id.encode()), (b"cache-control", b"no-store")]
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        try:
            await self._application(scope, receive, numbered)
        except ClientDisconnect:
            status = 499
        finally:
            self._logger.info(
                "admin_request",
                request_id=request_id,
                method=scope["method"],
                path=scope["path"],
                status=status,
                principal=scope.get("torana_asker"),
            )

    def _endpoint(self, operations: Mapping[str, Operation[Any, Any]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            operation = operations["GET" if request.method == "HEAD" else request.method]
            asker = await self._door.asker(request)
            request.scope["torana_asker"] = asker.actor.name
            admit(asker, operation.role)
            ask = Ask(
                asker,
                read_path(request.path_params),
                read_query(_asked(request, operation), operation.query),
                await self._body(request, operation),
            )
            async with self._for_tables if operation.tables else nullcontext():
                return await run_in_threadpool(_answer, operation, self._desk, ask)

        return endpoint

    async def _body(self, request: Request, operation: Operation[Any, Any]) -> Any:  # noqa: ANN401 - as it declares
        settings = self._desk.settings
        if operation.method not in _BODIES:
            return operation.body()
        try:
            async with asyncio.timeout(settings.uploads.deadline):
                body = await collected(request.stream(), settings.admin.max_body)
        except TimeoutError as error:
            raise SlowSender(f"The body did not arrive within {settings.uploads.deadline:g} s.") from error
        return read_body(body, operation.body)

    async def _refused(self, request: Request, error: ToranaError) -> Response:
        self._logger.info(
            "admin_refused", request_id=request.scope["torana_request_id"], status=error.status, error=error.code,
            reason=error.reason,
        )  # fmt: skip
        rendered = render(error)
        return Response(rendered.body, rendered.status, rendered.headers, "application/json")

    async def _unavailable(self, request: Request, error: DatabaseUnavailable) -> Response:
        self._logger.error("database_unavailable", detail=str(error))
        return await self._refused(request, RegistersUnavailable("The database is not available now.", retry_after=5))

    async def _unrouted(self, request: Request, error: HTTPException) -> Response:
        if error.status_code == _METHOD_NOT_ALLOWED:
            allowed = tuple(sorted((error.headers or {}).get("Allow", "").split(", ")))
            response = await self._refused(request, MethodNotAllowed(request.method, allowed=allowed))
            response.headers["allow"] = ", ".join(allowed)
            return response
        message = f"There is nothing at this path. The API's description is at {ROOT}/openapi.json."
        return await self._refused(request, NotFound(message, code="unknown_path"))

    async def _unforeseen(self, request: Request, error: Exception) -> Response:
        request_id = request.scope["torana_request_id"]
        self._logger.failure("unexpected", error, request_id=request_id)
        message = f"The request could not be answered. Its log lines have the id {request_id}."
        return await self._refused(request, WorkFailed(message))


def _by_path(operations: Iterable[Operation[Any, Any]]) -> dict[str, dict[str, Operation[Any, Any]]]:
    """What can be done at each path, by method: one route for all of it, which then knows what to allow."""
    found: dict[str, dict[str, Operation[Any, Any]]] = {}
    for operation in operations:
        found.setdefault(operation.path, {})[operation.method] = operation
    return found


def _answer(operation: Operation[Any, Any], desk: Desk, ask: Ask[Any, Any]) -> Response:
    """The reply of a call, made in a thread; of a long one the first piece, so that what fails at once is told."""
    reply = operation.run(desk, ask)
    if isinstance(reply, Table):
        pieces: Iterator[bytes] = written(reply)
        first = next(pieces, b"")
        headers = {"content-disposition": f'attachment; filename="{operation.tag}.{reply.form}"'}
        return StreamingResponse(chain((first,), pieces), 200, headers, MEDIA[reply.form])
    return Response(msgspec.json.encode(reply), operation.status, media_type="application/json")


def _asked(request: Request, operation: Operation[Any, Any]) -> list[tuple[str, str]]:
    """The query; where a call can answer with a table, the Accept header may ask for it as well."""
    pairs = [*request.query_params.multi_items()]
    accepted = request.headers.get("accept", "").partition(";")[0].strip()
    form = next((form for form, media in MEDIA.items() if media.partition(";")[0] == accepted), None)
    if operation.tables and form and all(name != "format" for name, _ in pairs):
        pairs.append(("format", form))
    return pairs


def _joined(request: Request) -> dict[str, str]:
    """Headers by name; a repeated one is one with a comma, so that no second Authorization slips in unseen."""
    joined: dict[str, str] = {}
    for name, value in request.headers.items():
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _request_id(request: Request) -> str:
    told = request.headers.get("x-request-id", "")
    return told if _SANE_ID.fullmatch(told) else f"req_{secrets.token_hex(12)}"
