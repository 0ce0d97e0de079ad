"""The HTTP server's end of a connection, within bounds: how large a request's head may be, and how long it may take.

It is what uvicorn's server runs for each connection, made for short ways: no events and no tasks but where somebody
waits, a reply's head and its body in one write, one timer for all that a connection waits for.
"""

import asyncio
import logging
import math
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self, cast

from uvicorn.config import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

from torana.config.model import Server
from torana.edge.exchange import new_request_id
from torana.edge.wire.heads import HEADS
from torana.edge.wire.reader import Reader
from torana.edge.wire.turn import AT_ONCE, Scope, Turn
from torana.families.faults import Fault, openai_body

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of one process: bytes of a head, seconds until it is whole, connections at once.

    After ``stalled_seconds`` in which a client took nothing of what waits for him, his connection is cut. ``ahead`` is
    how many requests may wait for their turn on a connection: thousands fit into what is read at once.
    """

    head: int
    head_seconds: float
    connections: int
    stalled_seconds: float
    ahead: int

    @classmethod
    def of(cls, server: Server) -> Self:
        """As the settings have them."""
        return cls(
            server.max_head, server.head_timeout, server.max_connections, server.stalled_timeout, server.max_pipelined
        )


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What is said to somebody whose bytes make no request."""

    status: HTTPStatus
    message: str
    code: str
    type: str = "invalid_request_error"


_NOT_HTTP = _Refusal(HTTPStatus.BAD_REQUEST, "This is not a valid HTTP request.", "invalid_http")
_TOO_MANY = _Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "The gateway has too many connections.", "overloaded")
_TOO_MANY_AHEAD = _Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE, "Too many requests wait for their turn on this connection.", "overloaded"
)
_FAILED = _Refusal(
    HTTPStatus.INTERNAL_SERVER_ERROR, "The gateway failed to answer this request.", "internal_error", "server_error"
)


_EXTENSIONS: dict[str, dict[str, object]] = {AT_ONCE: {}}


class BoundedProtocol(asyncio.Protocol):
    """One connection: its requests are answered one after the other, in the order in which they came.

    What it refuses, it refuses as OpenAI's error object, and in its turn.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        bounds: Bounds,
    ) -> None:
        if not config.loaded:
            config.load()
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # until there is a connection
        self.is_full = False
        self._config = config
        self._state = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._bounds = bounds
        self._reader: Reader = None  # type: ignore[assignment]  # as the transport
        self._defaults: tuple[list[tuple[bytes, bytes]], bytes] = ([], b"")
        # The request that is answered, and those that wait for their turn; who is refused after them.
        self._answering: Turn | None = None
        self._queue: deque[Turn] = deque()
        self._refusal: _Refusal | None = None
        self._has_answered = False
        self._is_paused = False
        self._writable: asyncio.Event | None = None
        # When the client must have said more, on the loop's clock.
        self._due = math.inf
        self._timer: asyncio.TimerHandle | None = None
        # While he is to take what was written, and when he is looked at next.
        self._stalled: asyncio.TimerHandle | None = None

    # The transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes a connection, unless there are too many."""
        self.transport = cast(asyncio.Transport, transport)
        self._state.connections.add(self)  # type: ignore[arg-type]  # the server names the protocols of its own
        base: Scope = {
            "type": "http",
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.3"},
            "server": get_local_addr(self.transport),
            "client": get_remote_addr(self.transport),
            "scheme": "https" if is_ssl(self.transport) else "http",
            "root_path": self._config.root_path,
            "extensions": _EXTENSIONS,
        }
        self._reader = Reader(self, base, self._app_state, self._bounds.head)
        if len(self._state.connections) > self._bounds.connections:
            self._refuse(_TOO_MANY)
        else:
            self._wait(self._bounds.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - however it was lost
        """Forgets the connection."""
        self._state.connections.discard(self)
        self._reader.stop()
        self._queue.clear()
        if self._answering is not None:
            self._answering.leave()
            self._answering = None
        self.resume_writing()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def data_received(self, data: bytes) -> None:
        """Takes in bytes. Whoever begins a head has so many seconds for all of it."""
        reader = self._reader
        was_in_head = reader.is_in_head
        reader.hear(data)
        if reader.is_in_head and not was_in_head and self._answering is None and not reader.is_deaf:
            self._wait(self._bounds.head_seconds)

    def pause_writing(self) -> None:
        """The client takes nothing at the moment."""
        self.is_full = True
        self._writable = asyncio.Event()
        self._expect_to_be_taken()

    def resume_writing(self) -> None:
        """It takes bytes again."""
        self.is_full = False
        if self._writable is not None:
            self._writable.set()
            self._writable = None
        if self._stalled is not None and not self.transport.is_closing():
            self._stalled.cancel()
            self._stalled = None

    def shutdown(self) -> None:
        """Ends the connection, as the server wants it; the reply that is under way comes first."""
        self._queue.clear()
        if self._answering is None:
            self.close()
        else:
            self._answering.keeps_alive = False

    # The reader's calls

    def asked(self, scope: Scope, *, keeps_alive: bool, asks: bool) -> Turn:
        """A request's turn comes, at once or after those before it."""
        turn = Turn(self, scope, keeps_alive=keeps_alive, asks=asks)
        if self._answering is None:
            self._start(turn)
        elif len(self._queue) >= self._bounds.ahead:
            # Nobody answers it, and what is still said of it is thrown away.
            turn.is_done = True
            self._refuse(_TOO_MANY_AHEAD)
        else:
            self._queue.append(turn)
            self.has_enough()
        return turn

    def has_enough(self) -> None:
        """Reads no more until somebody wants it."""
        if not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()

    def is_no_request(self) -> None:
        """Refuses what is not HTTP."""
        self._refuse(_NOT_HTTP)

    def has_large_head(self) -> None:
        """Refuses a head that goes on for too long."""
        told = f"The request's head is too large: at most {self._bounds.head:,} bytes are allowed."
        self._refuse(_Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, told, "request_too_large"))

    # A turn's calls

    @property
    def defaults(self) -> bytes:
        """Headers that every reply has, as the server wants them this second."""
        if self._defaults[0] is not self._state.default_headers:
            self._defaults = (self._state.default_headers, HEADS.told(self._state.default_headers).written)
        return self._defaults[1]

    def write(self, *pieces: bytes) -> None:
        """Sends pieces, one after the other."""
        if self.transport.is_closing():
            return
        if len(pieces) == 1:
            self.transport.write(pieces[0])
        else:
            self.transport.writelines([piece for piece in pieces if piece])

    def close(self) -> None:
        """Ends the connection when all that was written has left."""
        self._reader.is_deaf = True
        self.transport.close()
        self._expect_to_be_taken()

    async def drained(self) -> None:
        """Returns when the client takes bytes again, or is gone."""
        if self._writable is not None:
            await self._writable.wait()

    def listen(self) -> None:
        """Reads on, unless others wait for their turn."""
        if self._is_paused and not self._queue:
            self._is_paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def answered(self, turn: Turn) -> None:
        """A reply is whole: the next may begin."""
        self._state.total_requests += 1
        self._has_answered = True
        self._answering = None
        if not turn.keeps_alive:
            self.close()
        elif self._queue:
            self._start(self._queue.popleft())
            # The last one's body may still be to come.
            self.listen()
        elif self._refusal is not None:
            self._refuse(self._refusal)
        else:
            self.listen()
            self._wait(self._bounds.head_seconds if self._reader.is_in_head else self._config.timeout_keep_alive)

    def ended(self, turn: Turn) -> None:
        """The application has returned from a turn."""
        if turn.task is not None:
            self._state.tasks.discard(turn.task)
            turn.task = None

    def failed(self) -> None:
        """The application gave no reply."""
        self._answering = None
        self._refuse(_FAILED)

    def _start(self, turn: Turn) -> None:
        self._answering = turn
        self._due = math.inf
        turn.task = self._loop.create_task(turn.run(self._config.loaded_app))
        self._state.tasks.add(turn.task)

    def _wait(self, seconds: float) -> None:
        """Has the client say more within that time. The timer is left as it is where it comes before that."""
        self._due = self._loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._due == math.inf or self.transport.is_closing():
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look)
        elif self._has_answered and not self._reader.is_in_head:
            self.close()
        else:
            told = f"The request's head did not arrive within {self._bounds.head_seconds:g} s."
            self._refuse(_Refusal(HTTPStatus.REQUEST_TIMEOUT, told, "request_timeout"))

    def _expect_to_be_taken(self) -> None:
        """Has the client take some of what waits for him, or cuts the connection: else it would be kept for ever."""
        left = self.transport.get_write_buffer_size()
        if left and self._stalled is None:
            self._stalled = self._loop.call_later(self._bounds.stalled_seconds, self._look_what_is_taken, left)

    def _look_what_is_taken(self, before: int) -> None:
        self._stalled = None
        if self.transport.get_write_buffer_size() >= before:
            self.transport.abort()
        elif self.is_full or self.transport.is_closing():
            self._expect_to_be_taken()

    def _refuse(self, refusal: _Refusal) -> None:
        """Says why no more is heard: at once, or after the replies that are owed for what came before."""
        turn, spoilt = self._answering, self._reader.turn
        self._reader.hush()
        self._due = math.inf
        if turn is not None and spoilt is not turn:
            self._refusal = refusal
            if spoilt is not None and spoilt in self._queue:
                self._queue.remove(spoilt)
            return
        if turn is not None:
            # What is wrong is its own body.
            self._answering = None
            turn.leave()
            if turn.has_begun:
                self.close()
                return
        request_id = new_request_id()
        fault = Fault(refusal.status, refusal.message, refusal.type, None, refusal.code, request_id)
        body = openai_body(fault)
        _log.info("refused before it was a request: %s, request_id %s", refusal.code, request_id)
        head = (
            f"HTTP/1.1 {refusal.status.value} {refusal.status.phrase}\r\ncontent-type: application/json\r\n"
            f"connection: close\r\nx-request-id: {request_id}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.write(head.encode() + body)
        self.close()
