"""One HTTP exchange over ASGI: what was asked, and the one reply to it."""

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any

from torana.config.model import Uploads
from torana.core.clock import Clock
from torana.core.exchange import EVENT_STREAM
from torana.telemetry.record import Record

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_SANE_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


class ClientGone(Exception):
    """The client closed the connection: there is nobody to answer."""


class Exchange:
    """A request's head, its body as it comes, and the way to answer it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, clock: Clock, limits: Uploads) -> None:
        self._limits = limits
        self._receive = receive
        self._send = send
        self._headers = _joined(scope["headers"])
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw_path: str = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
        self.client: str = (scope.get("client") or ("",))[0]
        self.query: bytes = scope["query_string"]
        self.scheme: str = scope["scheme"]
        self.request_id = self._sane(self.header("x-request-id")) or new_request_id()
        self.record = Record(clock, self.request_id, self.method, self.path)
        self.record.client_retry = _count(self.header("x-stainless-retry-count"))
        self.body_pending = "transfer-encoding" in self._headers or self.content_length not in (None, 0)
        self.started = False
        # Whether a reply has begun that can still end in any way.
        self.streaming = False
        # Whether it is made of events, of which the last may be an error.
        self.of_events = False

    def header(self, name: str) -> str | None:
        """A request header by its lower-case name."""
        return self._headers.get(name)

    @property
    def content_length(self) -> int | None:
        """What the client says it will send."""
        text = self._headers.get("content-length", "")
        return int(text) if text.isdecimal() else None

    @property
    def base_url(self) -> str | None:
        """How the client reached us, as far as its Host can be believed."""
        host = self._headers.get("host", "")
        return f"{self.scheme}://{host}" if _SANE_HOST.fullmatch(host) else None

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
        self,
        status: int,
        headers: Sequence[tuple[str, str]],
        body: bytes | AsyncIterator[bytes] = b"",
        *,
        length: int | None = None,
    ) -> None:
        """Sends the reply, whole or as it comes; ``length`` is needed for the latter."""
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
        await self._piece(event, more=True)

    async def end(self, body: bytes | AsyncIterator[bytes]) -> None:
        """Sends the last events of the reply that ``stream`` began. What fails from here on can only cut it off."""
        self.streaming = False
        await self._rest(body)

    async def _rest(self, body: bytes | AsyncIterator[bytes]) -> None:
        lingering = self.body_pending
        if isinstance(body, bytes):
            await self._piece(body, more=lingering)
        else:
            async for chunk in body:
                await self._piece(chunk, more=True)
            await self._piece(b"", more=lingering)
        if lingering:
            await self._linger()
            await self._piece(b"", more=False)

    async def _start(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.started = True
        self.record.status = status
        headers.append(("x-request-id", self.request_id))
        if self.body_pending:
            headers.append(("connection", "close"))
        headers += self.record.rate_limits()
        if self.record.stages:
            headers.append(("server-timing", self.record.server_timing()))
        wire = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": wire})

    async def _piece(self, data: bytes, *, more: bool) -> None:
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

    @staticmethod
    def _sane(value: str | None) -> str | None:
        return value if value is not None and _SANE_ID.fullmatch(value) else None


def new_request_id() -> str:
    """An id of our own making."""
    return f"req_{secrets.token_hex(12)}"


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by name; a repeated one is one with a comma, so that no second Authorization slips in unseen."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _count(text: str | None) -> int:
    return int(text) if text is not None and re.fullmatch(r"\d{1,3}", text) else 0
