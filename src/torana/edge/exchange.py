"""One HTTP exchange over ASGI: what was asked, and the one reply to it."""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping, Sequence
from itertools import chain
from typing import Any

from torana.config.model import Uploads
from torana.core.clock import Clock
from torana.core.exchange import EVENT_STREAM
from torana.edge.wire.heads import HEADS, Lines
from torana.edge.wire.heard import by_name
from torana.edge.wire.turn import AT_ONCE
from torana.telemetry.record import Record

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Body = bytes | Sequence[bytes | memoryview] | AsyncIterator[bytes]
"""What goes out: whole, in pieces, or as it comes."""

_SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_SANE_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_COUNT = re.compile(r"[0-9]{1,3}")
_SEVERAL = (tuple, list)
_ID_BYTES = 12
_IDS_AT_ONCE = 256


class ClientGone(Exception):
    """The client closed the connection: there is nobody to answer."""


class Exchange:
    """A request's head, its body as it comes, and the way to answer it."""

    started = False
    """Whether a reply has begun."""
    streaming = False
    """Whether one has begun that can still end in any way."""
    of_events = False
    """Whether it is made of events, of which the last may be an error."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, clock: Clock, limits: Uploads) -> None:
        self._scope = scope
        self._limits = limits
        self._receive = receive
        self._send = send
        self._tells_at_once = AT_ONCE in scope.get("extensions", ())
        headers = self._headers = by_name(scope["headers"])
        header = self.header = headers.get
        """Gives a request header by its lower-case name; None where it was not sent."""
        method: str = scope["method"]
        path: str = scope["path"]
        self.method, self.path = method, path
        request_id = header("x-request-id")
        if request_id is None or not _SANE_ID.fullmatch(request_id):
            request_id = next(_IDS)
        self.request_id = request_id
        record = self.record = Record(clock, request_id, method, path)
        retries = header("x-stainless-retry-count")
        if retries is not None and _COUNT.fullmatch(retries):
            record.client_retry = int(retries)
        length = header("content-length", "").rstrip(" \t")
        # Latin-1 has other digits that are no decimal ones.
        self.content_length = int(length) if length.isdecimal() else None
        """Bytes that the client says he will send; None where he does not say."""
        self.body_pending = bool(self.content_length) or "transfer-encoding" in headers
        """Whether some of what he sends is still to come."""

    def has_header_like(self, start: str) -> bool:
        """Whether the name of any header begins so, in lower case."""
        return "\n" + start in "\n" + "\n".join(self._headers)

    @property
    def raw_path(self) -> str:
        """The path as it came, with what is encoded in it."""
        raw: bytes = self._scope.get("raw_path") or self.path.encode()
        return raw.decode("latin-1")

    @property
    def query(self) -> bytes:
        """What stands behind the path's question mark."""
        query: bytes = self._scope["query_string"]
        return query

    @property
    def client(self) -> str:
        """The address at the other end of the connection, empty where there is none."""
        address: str = (self._scope.get("client") or ("",))[0]
        return address

    @property
    def base_url(self) -> str | None:
        """How the client reached us, as far as its Host can be believed."""
        host = self.header("host") or ""
        return f"{self._scope['scheme']}://{host}" if _SANE_HOST.fullmatch(host) else None

    async def receive(self) -> Message:
        """The body's next piece, or word that the client has gone."""
        message = await self._receive()
        if message["type"] == "http.request":
            self.record.bytes_in += len(message.get("body", b""))
            self.body_pending = message.get("more_body", False)
        return message

    async def gone(self) -> None:
        """Returns when the client closes the connection; to be awaited once the body is in."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def respond(
        self, status: int, headers: Sequence[tuple[str, str]], body: Body = b"", *, length: int | None = None
    ) -> Awaitable[None]:
        """Sends the reply, whole or as it comes; ``length`` is needed for what comes piece by piece."""
        if isinstance(body, bytes):
            body, length = (body,), len(body)
        lines = self._lines(status, [*headers, ("content-length", str(length))])
        if self.method == "HEAD":
            body, length = (), 0
        if self._tells_at_once and isinstance(body, _SEVERAL) and not self.body_pending:
            self.record.bytes_out += length or 0
            return self._send({"type": AT_ONCE, "status": status, "headers": lines, "pieces": body})
        return self._tell(_start(status, lines), body)

    def pass_on(self, status: int, headers: Sequence[tuple[str, str]], chunks: AsyncIterator[bytes]) -> Awaitable[None]:
        """Sends a reply of unknown length as it comes."""
        return self._tell(_start(status, self._lines(status, [*headers])), chunks)

    async def stream(self, headers: Sequence[tuple[str, str]], event: bytes) -> None:
        """Sends one event of a reply of unknown length; the first begins it, with status 200 and these headers."""
        if not self.started:
            await self._send(_start(200, self._lines(200, [*headers])))
            self.streaming = True
            self.of_events = ("content-type", EVENT_STREAM) in headers
        self.record.bytes_out += len(event)
        await self._send({"type": "http.response.body", "body": event, "more_body": True})

    def end(self, body: Body) -> Awaitable[None]:
        """Sends the last events of the reply that ``stream`` began. What fails from here on can only cut it off."""
        self.streaming = False
        return self._tell(None, body)

    async def _tell(self, head: Message | None, body: Body) -> None:
        send, lingering = self._send, self.body_pending
        if head is not None:
            await send(head)
        if isinstance(body, bytes):
            last: bytes | memoryview = body
        elif isinstance(body, _SEVERAL):
            for piece in body[:-1]:
                await send(self._piece(piece, more=True))
            last = body[-1] if body else b""
        else:
            assert isinstance(body, AsyncIterator)
            async for piece in body:
                await send(self._piece(piece, more=True))
            last = b""
        await send(self._piece(last, more=lingering))
        if lingering:
            await self._linger()
            await send(self._piece(b"", more=False))

    def _lines(self, status: int, headers: list[tuple[str, str]]) -> Lines:
        """The head's, with those that every reply has; it is about to leave."""
        record = self.record
        headers.append(("x-request-id", self.request_id))
        if self.body_pending:
            headers.append(("connection", "close"))
        if record.standings:
            headers += record.rate_limits()
        if record.stages:
            headers.append(("server-timing", record.server_timing()))
        lines = HEADS.lines(headers)
        self.started = True
        record.status = status
        return lines

    def _piece(self, data: bytes | memoryview, *, more: bool) -> Message:
        self.record.bytes_out += len(data)
        return {"type": "http.response.body", "body": data, "more_body": more}

    async def _linger(self) -> None:
        """Reads on for a while: closing at once would reset the connection, and the client would lose the reply."""
        left = int(self._limits.linger_bytes)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.linger):
                while left > 0 and self.body_pending:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    self.body_pending = message["type"] == "http.request" and message.get("more_body", False)


def _start(status: int, lines: Lines) -> Message:
    return {"type": "http.response.start", "status": status, "headers": lines}


def new_request_id() -> str:
    """An id of our own making, which nobody can guess."""
    return next(_IDS)


def _some_ids() -> list[str]:
    """Many at once: what the system is asked for costs the same for one."""
    drawn = os.urandom(_ID_BYTES * _IDS_AT_ONCE).hex()
    return [f"req_{drawn[at : at + 2 * _ID_BYTES]}" for at in range(0, len(drawn), 2 * _ID_BYTES)]


_IDS: Iterator[str] = chain.from_iterable(iter(_some_ids, []))
