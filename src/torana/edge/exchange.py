"""One HTTP exchange over ASGI: what was asked, and the one reply to it."""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, MutableMapping, Sequence
from itertools import chain
from typing import Any

from torana.config.model import Uploads
from torana.core.clock import Clock
from torana.core.exchange import EVENT_STREAM
from torana.telemetry.record import Record

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Body = bytes | Sequence[bytes | memoryview] | AsyncIterator[bytes]
"""What goes out: whole, in pieces, or as it comes."""

_SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_SANE_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_COUNT = re.compile(rb"[0-9]{1,3}")
_ID_BYTES = 12
_IDS_AT_ONCE = 256


class ClientGone(Exception):
    """The client closed the connection: there is nobody to answer."""


class Exchange:
    """A request's head, its body as it comes, and the way to answer it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, clock: Clock, limits: Uploads) -> None:
        self._scope = scope
        self._limits = limits
        self._receive = receive
        self._send = send
        headers = scope["headers"]
        self._headers: dict[bytes, bytes] = dict(headers)
        if len(self._headers) != len(headers):
            self._headers = _joined(headers)
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.request_id = _sane(self._headers.get(b"x-request-id")) or new_request_id()
        self.record = Record(clock, self.request_id, self.method, self.path)
        retries = self._headers.get(b"x-stainless-retry-count")
        if retries is not None and _COUNT.fullmatch(retries):
            self.record.client_retry = int(retries)
        self.body_pending = b"transfer-encoding" in self._headers or self.content_length not in (None, 0)
        self.started = False
        # Whether a reply has begun that can still end in any way.
        self.streaming = False
        # Whether it is made of events, of which the last may be an error.
        self.of_events = False

    def header(self, name: str) -> str | None:
        """A request header by its lower-case name."""
        value = self._headers.get(name.encode("latin-1"))
        return None if value is None else value.decode("latin-1")

    def has_header_like(self, start: bytes) -> bool:
        """Whether the name of any header begins so, in lower case."""
        return b"\n" + start in b"\n" + b"\n".join(self._headers)

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
    def content_length(self) -> int | None:
        """What the client says it will send."""
        text = self._headers.get(b"content-length", b"").rstrip()
        return int(text) if text.isdigit() else None

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

    async def respond(
        self, status: int, headers: Sequence[tuple[str, str]], body: Body = b"", *, length: int | None = None
    ) -> None:
        """Sends the reply, whole or as it comes; ``length`` is needed for what comes piece by piece."""
        size = len(body) if isinstance(body, bytes) else length
        await self._start(status, [*headers, ("content-length", str(size))])
        await self._rest(b"" if self.method == "HEAD" else body)

    async def pass_on(self, status: int, headers: Sequence[tuple[str, str]], chunks: AsyncIterator[bytes]) -> None:
        """Sends a reply of unknown length as it comes."""
        await self._start(status, [*headers])
        await self._rest(chunks)

    async def stream(self, headers: Sequence[tuple[str, str]], event: bytes) -> None:
        """Sends one event of a reply of unknown length; the first begins it, with status 200 and these headers."""
        if not self.started:
            await self._start(200, [*headers])
            self.streaming = True
            self.of_events = ("content-type", EVENT_STREAM) in headers
        self.record.bytes_out += len(event)
        await self._send({"type": "http.response.body", "body": event, "more_body": True})

    async def end(self, body: Body) -> None:
        """Sends the last events of the reply that ``stream`` began. What fails from here on can only cut it off."""
        self.streaming = False
        await self._rest(body)

    async def _rest(self, body: Body) -> None:
        lingering = self.body_pending
        if isinstance(body, bytes):
            await self._piece(body, more=lingering)
        elif isinstance(body, list | tuple):
            last = len(body) - 1
            for at, chunk in enumerate(body):
                await self._piece(chunk, more=lingering or at < last)
            if not body:
                await self._piece(b"", more=lingering)
        else:
            assert not isinstance(body, Sequence)
            async for chunk in body:
                await self._piece(chunk, more=True)
            await self._piece(b"", more=lingering)
        if lingering:
            await self._linger()
            await self._piece(b"", more=False)

    async def _start(self, status: int, headers: list[tuple[str, str]]) -> None:
        record = self.record
        self.started = True
        record.status = status
        headers.append(("x-request-id", self.request_id))
        if self.body_pending:
            headers.append(("connection", "close"))
        if record.standings:
            headers += record.rate_limits()
        if record.stages:
            headers.append(("server-timing", record.server_timing()))
        wire = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": wire})

    async def _piece(self, data: bytes | memoryview, *, more: bool) -> None:
        self.record.bytes_out += len(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def _linger(self) -> None:
        """Reads on for a while: closing at once would reset the connection, and the client would lose the reply."""
        left = int(self._limits.linger_bytes)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.linger):
                while left > 0 and self.body_pending:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    self.body_pending = message["type"] == "http.request" and message.get("more_body", False)


def new_request_id() -> str:
    """An id of our own making, which nobody can guess."""
    return next(_IDS)


def _some_ids() -> list[str]:
    """Many at once: what the system is asked for costs the same for one."""
    drawn = os.urandom(_ID_BYTES * _IDS_AT_ONCE).hex()
    return [f"req_{drawn[at : at + 2 * _ID_BYTES]}" for at in range(0, len(drawn), 2 * _ID_BYTES)]


_IDS: Iterator[str] = chain.from_iterable(iter(_some_ids, []))


def _sane(value: bytes | None) -> str | None:
    if value is None:
        return None
    text = value.decode("latin-1")
    return text if _SANE_ID.fullmatch(text) else None


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by name; a repeated one is one with a comma, so that no second Authorization slips in unseen."""
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        joined[name] = b"%b, %b" % (joined[name], value) if name in joined else value
    return joined
