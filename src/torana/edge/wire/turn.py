"""A request on a connection and the reply to it: the two ways that ASGI calls receive and send."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from torana.edge.wire.heads import HEADS

_log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

AT_ONCE = "torana.response.at_once"
"""An extension of ASGI: the message of this type is a whole reply, with the ``pieces`` of which its body is made."""

_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"
_MOST_WAITING = 128 * 1024
"""Bytes of a body that wait for the application before no more are read."""
_LARGE = 64 * 1024
"""Bytes from which on a piece is rather sent beside others than copied together with them."""
_OLD = "1.0"
_BODILESS = frozenset({204, 304})
_AS_CHUNKS, _TO_THE_END = -1, -2
"""What stands for a length where a reply has none: it comes in chunks, or ends with the connection."""


class Line(Protocol):
    """The connection, as one turn on it sees it."""

    is_full: bool
    """Whether the client takes nothing at the moment."""

    @property
    def defaults(self) -> bytes:
        """Headers that every reply has, each with the end of the line before it."""
        ...

    def write(self, *pieces: bytes) -> None:
        """Sends pieces, one after the other."""
        ...

    def close(self) -> None:
        """Ends the connection when all that was written has left."""
        ...

    async def drained(self) -> None:
        """Returns when the client takes bytes again, or is gone."""
        ...

    def listen(self) -> None:
        """Reads on, where reading had stopped for this turn's sake."""
        ...

    def answered(self, turn: "Turn") -> None:
        """The reply is whole."""
        ...

    def ended(self, turn: "Turn") -> None:
        """The application has returned."""
        ...

    def failed(self) -> None:
        """The application gave no reply: somebody else must."""
        ...


class Turn(Struct, eq=False):
    """One request and its reply."""

    _line: Line
    scope: Scope
    keeps_alive: bool
    """Whether another request may follow it."""
    asks: bool
    """Whether the client waits to be told to send the body."""
    received: int = 0
    """Bytes of the body so far."""
    is_whole: bool = False
    """Whether all of the request is there."""
    has_begun: bool = False
    """Whether bytes of the reply have left."""
    is_done: bool = False
    """Whether all of them have."""
    is_gone: bool = False
    """Whether there is nobody any more to answer."""
    task: asyncio.Task[None] | None = None
    _bell: asyncio.Event | None = None
    _news: bool = False
    _pieces: list[bytes] = []
    _waiting: int = 0
    _head: bytes = b""
    _left: int | None = None
    _is_bodiless: bool = False

    def take(self, piece: bytes) -> bool:
        """The body's next bytes; whether the application has enough of them for a while."""
        self._pieces.append(piece)
        self.received += len(piece)
        self._waiting += len(piece)
        self._ring()
        return self._waiting >= _MOST_WAITING

    def take_whole(self, body: bytes) -> None:
        """The body, of a request of which all came together."""
        self._pieces.append(body)
        self.received = self._waiting = len(body)
        self._news = self.is_whole = True

    def finish(self) -> None:
        """The body was whole with the last bytes."""
        self.is_whole = True
        self._ring()

    def leave(self) -> None:
        """The client is gone."""
        self.is_gone = True
        self._ring()

    async def run(self, app: Asgi) -> None:
        """Has the application answer. What it leaves undone ends the connection."""
        try:
            await app(self.scope, self.receive, self.send)
        except Exception:  # noqa: BLE001 - the last resort: whatever it was, the client is not left waiting
            _log.exception("the application failed")
            self._end(well=False)
        except BaseException:
            self._end(well=False)
            raise
        else:
            self._end(well=True)

    async def receive(self) -> Message:
        """The body's next bytes, as ASGI has it; the client's leave once it is whole."""
        if self.asks:
            self.asks = False
            # Who speaks the old version knows of no reply before the reply.
            if self.scope["http_version"] != _OLD:
                self._line.write(_GO_ON)
        if not (self._news or self.is_gone or self.is_done):
            if self._bell is None:
                self._bell = asyncio.Event()
            # Not before it is wanted: what is read while nobody waits for it only takes memory.
            self._line.listen()
            await self._bell.wait()
            self._bell.clear()
        if self.is_gone or self.is_done:
            return {"type": "http.disconnect"}
        body = self._taken()
        return {"type": "http.request", "body": body, "more_body": self._news or not self.is_whole}

    async def send(self, message: Message) -> None:
        """The reply's head or its next bytes, as ASGI has it, or all of it. The head leaves with the first of them."""
        if self._line.is_full and not self.is_gone:
            await self._line.drained()
        if self.is_gone:
            return
        kind = message["type"]
        if kind == "http.response.body":
            self._tell((message.get("body", b""),), more=message.get("more_body", False))
        elif self._left is not None:
            raise RuntimeError(f"A reply does not go on with {kind}.")
        elif kind == AT_ONCE:
            self._begin(message["status"], message["headers"])
            self._tell(message["pieces"], more=False)
            # A call is at work until its client takes what it says: how many calls there are bounds what waits so.
            if self._line.is_full:
                await self._line.drained()
        elif kind == "http.response.start":
            self._begin(message["status"], message.get("headers", ()))
        else:
            raise RuntimeError(f"A reply does not begin with {kind}.")

    def _ring(self) -> None:
        self._news = True
        if self._bell is not None:
            self._bell.set()

    def _taken(self) -> bytes:
        pieces = self._pieces
        self._news = False
        if not pieces:
            return b""
        if len(pieces) > 1 and self._waiting < _LARGE:
            pieces[:] = (b"".join(pieces),)
        # Large ones are given one by one: who wants them whole puts them together himself, others need not.
        piece = pieces.pop(0)
        self._waiting -= len(piece)
        self._news = bool(pieces)
        return piece

    def _begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.asks = False
        lines = HEADS.told(headers)
        line = HEADS.line(status) + self._line.defaults + lines.written
        if lines.closes:
            self.keeps_alive = False
        if self.scope["method"] == "HEAD" or status in _BODILESS:
            self._is_bodiless = True
            self._left = 0
        elif lines.length is not None:
            self._left = lines.length
        elif self.scope["http_version"] == _OLD:
            self._left, self.keeps_alive = _TO_THE_END, False
        else:
            self._left = _AS_CHUNKS
            line += b"\r\ntransfer-encoding: chunked"
        if not (self.keeps_alive or lines.closes):
            line += b"\r\nconnection: close"
        self._head = line + b"\r\n\r\n"

    def _tell(self, pieces: Sequence[bytes], *, more: bool) -> None:
        left = self._left
        if left is None or self.is_done:
            raise RuntimeError("A body belongs between a head and its own end.")
        line, head = self._line, self._head
        self._head = b""
        self.has_begun = True
        size = sum(map(len, pieces))
        if self._is_bodiless:
            pieces, size = (), 0
        elif left >= 0:
            left = self._left = left - size
            if left < 0 or (left and not more):
                line.write(head)
                raise RuntimeError("The reply's body is not as long as its head says.")
        elif left == _AS_CHUNKS:
            pieces = _chunk(pieces, size, more=more)
        if size >= _LARGE:
            line.write(head, *pieces)
        else:
            told = b"".join((head, *pieces))
            if told:
                line.write(told)
        if not more:
            self.is_done = True
            self._ring()
            line.answered(self)

    def _end(self, *, well: bool) -> None:
        self._line.ended(self)
        if self.is_gone or (self.is_done and well):
            return
        if self._left is None:
            self._line.failed()
            return
        if self._head:
            self._line.write(self._head)
        self._line.close()


def _chunk(pieces: Sequence[bytes], size: int, *, more: bool) -> Sequence[bytes]:
    """The pieces as a chunk, and the end of all chunks behind the last one."""
    framed = (b"%x\r\n" % size, *pieces, b"\r\n") if size else ()
    return framed if more else (*framed, _LAST_CHUNK)
