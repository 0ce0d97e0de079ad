"""What the HTTP server itself must not leave open: how large a request's head may be, and how long it may take.

uvicorn bounds neither: a client could send headers without end, or connect and never say a word.
"""

import asyncio
import logging
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from torana.edge.exchange import new_request_id
from torana.families.faults import Fault, openai_body

_log = logging.getLogger(__name__)


_UPGRADE = re.compile(rb"(?<=\r\n)upgrade(?=[ \t]*:)", re.IGNORECASE)
_IGNORED = b"X-Upgrd"
"""As long as the name that it stands in for."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of one process: bytes of a head, seconds until it is whole, connections at once."""

    head: int
    head_seconds: float
    connections: int


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol within bounds; what it refuses, it refuses as OpenAI's error object."""

    def __init__(self, *args: Any, bounds: Bounds, **kwargs: Any) -> None:  # noqa: ANN401 - whatever the base takes
        super().__init__(*args, **kwargs)
        self._bounds = bounds
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base narrows it
        """Takes a connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self._bounds.connections:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "The gateway has too many connections.", "overloaded")
        else:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        self._forget_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feeds the parser; a head that goes on for too long is cut off."""
        super().data_received(data if self._head_timer is None else _unraised(data))
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > self._bounds.head and not self.transport.is_closing():
                self._refuse_head()

    def on_message_begin(self) -> None:
        """A request begins: its head has so many seconds."""
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        self._forget_head()
        if size > self._bounds.head:
            self._refuse_head()
        else:
            super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the base tells the same in other words
        """For what is not HTTP."""
        if not self.transport.is_closing():
            self._refuse(HTTPStatus.BAD_REQUEST, "This is not a valid HTTP request.", "invalid_http")

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self._bounds.head_seconds, self._head_is_late)

    def _forget_head(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._refuse(
            HTTPStatus.REQUEST_TIMEOUT,
            f"The request's head did not arrive within {self._bounds.head_seconds:g} s.",
            "request_timeout",
        )

    def _refuse_head(self) -> None:
        self._refuse(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"The request's head is too large: at most {self._bounds.head:,} bytes are allowed.",
            "request_too_large",
        )

    def _refuse(self, status: HTTPStatus, message: str, code: str) -> None:
        self._forget_head()
        request_id = new_request_id()
        body = openai_body(Fault(status, message, "invalid_request_error", None, code, request_id))
        _log.info("refused before it was a request: %s, request_id %s", code, request_id)
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\nconnection: close\r\n"
            f"x-request-id: {request_id}\r\n"
        )
        self.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        self.transport.close()


def _unraised(data: bytes) -> bytes:
    """A head that asks for no other protocol: we have none, HTTP lets us ignore it, and the parser would lose the body.

    Java's client asks for HTTP/2 so with every request. A head that comes in pieces may still ask.
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(_IGNORED, head) + end + rest if b"pgrade" in head.lower() else data
