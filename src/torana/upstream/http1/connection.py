"""One connection: requests leave it as they are given, replies are read by a strict parser, one at a time."""

import asyncio
import select
from collections.abc import Callable
from math import inf
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from torana.core.errors import UpstreamCut, UpstreamError, UpstreamTimeout
from torana.upstream.client import Timeouts

ROOM = 256 * 1024
"""Bytes that are read from a socket at once."""

_HEAD = 64 * 1024
"""Bytes of a reply's head at most, with those of all that inform of it."""
_FIELDS = 128
"""Header fields of a reply at most, trailers included."""
_FRAMING = 128 * 1024
"""Bytes beside the body's own at most (chunk sizes, extensions, trailers), and 8 more for each byte of the body."""
_HELD = 256 * 1024
"""Bytes of a body that wait to be taken, beyond which no more are read."""

_FIRST, _SWITCHING, _FINAL = 100, 101, 200
_NOT_HTTP = "The upstream's answer is not HTTP."
_NOTHING, _HEAD_WANTED, _SOME, _ALL = range(4)


class _Refused(Exception):
    """A reply that the parser would take and we do not."""


class Connection(asyncio.BufferedProtocol):
    """A connection to an upstream; ``room`` is where bytes are read to, and is shared by all of one event loop.

    ``begin`` starts an exchange, which ``reusable`` or the connection's end ends. One timer bounds it: it is left to
    run when the exchange has ended well, and looks when it fires what it is to wait for then.
    """

    __slots__ = (
        "_awaits", "_chunks", "_counted", "_drained", "_due", "_end", "_fields", "_framed", "_heard", "_keeps", "_left",
        "_loop", "_most", "_parser", "_paused", "_poll", "_reading", "_room", "_silence", "_size", "_sound", "_spare",
        "_timer", "_total", "_trouble", "_waiter", "_wants_body", "complete", "has_head", "heads", "idle_since",
        "on_body", "sending", "status", "taken", "transport",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, room: memoryview) -> None:
        self._loop = loop
        self._room = room
        self.transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        # What the parser tells most often, piece by piece of a body: it goes straight to where they wait.
        self.on_body: Callable[[bytes], None] = self._chunks.append
        self._parser = HttpResponseParser(self)
        self._poll = select.poll()
        self._timer: asyncio.TimerHandle | None = None
        self._due = inf
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._trouble: UpstreamError | None = None
        self._awaits = _NOTHING
        self._sound = self._reading = True
        self._paused = self._framed = self._keeps = self.sending = self._wants_body = False
        self._end = self._silence = self._heard = self._total = self.idle_since = 0.0
        self._most = 0
        # Between exchanges everything is as after a complete reply: whatever comes then is nobody's.
        self.complete = self.has_head = True
        self._counted = self.status = self._size = self.taken = self._spare = self._fields = self._left = 0
        self.heads: dict[bytes, bytes] = {}

    # What the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        # uvloop's are no subclass of it.
        self.transport = cast(asyncio.Transport, transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the port's
        """Where to read to; it is used up before anyone else reads."""
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have come."""
        self._heard = self._loop.time()
        if self.complete:
            self._sound = False
            return
        try:
            self._feed(nbytes)
        except (HttpParserError, HttpParserUpgrade) as error:
            # What follows a whole reply harms nobody but the connection.
            self._refuse(error)
        self._spare += nbytes
        if len(self._chunks) > self._counted:
            self._count()
        if self._spare > _FRAMING + 8 * self._size:
            self._refuse(None)
        if self._awaits and self._is_there():
            self._wake()
        # Also while somebody is woken who has not begun to take: many reads come in one turn of the loop.
        if self._awaits != _ALL and self._size - self.taken > _HELD:
            self._hold()

    def _count(self) -> None:
        """Pieces of the body have come."""
        if not self._wants_body:
            self._chunks.clear()
            return
        size = sum(map(len, self._chunks[self._counted :]))
        self._counted = len(self._chunks)
        self._size += size
        self._spare -= size

    def _feed(self, nbytes: int) -> None:
        parser = self._parser
        start = nbytes if self.has_head or nbytes <= self._left else self._left
        parser.feed_data(self._room[:start])
        if self.has_head:
            if start < nbytes:
                parser.feed_data(self._room[start:nbytes])
            return
        self._left -= start
        if not self._left:
            raise HttpParserError("too long a head")

    def _refuse(self, why: Exception | None) -> None:
        self._sound = False
        if not self.complete:
            self.fail(UpstreamError(_NOT_HTTP), why)

    def _hold(self) -> None:
        """Let the upstream wait until somebody takes what there is."""
        if self._reading and not self.complete and self.transport is not None:
            self._reading = False
            self.transport.pause_reading()

    def _is_there(self) -> bool:
        """Whether what is waited for has come."""
        if self.complete or self._trouble is not None:
            return True
        if self._awaits == _HEAD_WANTED:
            return self.has_head
        return self._size > (self.taken if self._awaits == _SOME else self._most)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone, in good order or not."""
        self.transport = None
        del self._parser
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._sound = self._keeps = self._paused = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        if self.complete or self._trouble is not None:
            self._wake()
        elif exc is None and self.has_head and not self._framed:
            self.complete = True
            self._wake()
        else:
            broken = "The upstream broke off its reply." if self.has_head else "The connection to the upstream broke."
            self.fail(UpstreamCut(broken), exc)

    def pause_writing(self) -> None:
        """The upstream takes no more for now."""
        self._paused = True

    def resume_writing(self) -> None:
        """It takes more."""
        self._paused = False
        self._heard = self._loop.time()
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        if self._awaits and not self.sending:
            self._arm()

    # What the parser tells

    def on_message_begin(self) -> None:
        """A reply begins, or one that informs of it; a second one is nobody's."""
        if self.complete:
            raise _Refused

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or a trailer, of which nobody wants to know."""
        self._fields += 1
        if self._fields > _FIELDS:
            raise _Refused
        if not self.has_head:
            name = name.lower()
            heads = self.heads
            heads[name] = heads[name] + b", " + value if name in heads else value

    def on_headers_complete(self) -> None:
        """A head is whole."""
        parser = self._parser
        status = parser.get_status_code()
        if status < _FINAL and status != _SWITCHING:
            if status < _FIRST:
                raise _Refused
            self.heads = {}
            return
        version, coding = parser.get_http_version(), self.heads.get(b"transfer-encoding")
        # The parser knows that a length and a coding exclude each other, and that there is one length.
        is_known = version == "1.1" or (version == "1.0" and coding is None)
        if not is_known or (coding is not None and coding.lower() != b"chunked"):
            raise _Refused
        self._framed = coding is not None or b"content-length" in self.heads
        self.status = status
        self.has_head = True
        if not self._wants_body:
            self.complete = True
            self._sound = False

    def on_message_complete(self) -> None:
        """The reply is whole, unless it only informs."""
        if self.has_head and not self.complete:
            self.complete = True
            self._keeps = self._parser.should_keep_alive()

    # What an exchange does

    def begin(self, method: str, timeouts: Timeouts, *, end: float, most: int, sending: bool) -> None:
        """A request is about to leave, and all is to be over at ``end`` on the loop's clock.

        ``most`` is how many bytes of a body are read that is asked for as a whole. ``sending`` is whether parts of the
        request leave later, after which there is ``sent``.
        """
        self._total = timeouts.total
        self.complete = self.has_head = self._framed = self._keeps = False
        self.heads = {}
        # Nobody may have read the reply before this one.
        self._chunks.clear()
        self._counted = self.status = self._size = self.taken = self._spare = self._fields = 0
        self._left = _HEAD
        self._most = most
        self._end = end
        self._silence = timeouts.first_byte
        self._wants_body = method != "HEAD"
        self.sending = sending
        self._heard = self._loop.time()
        if self._timer is None or self._due > min(end, self._heard + self._silence):
            self._arm()

    def write(self, data: bytes | memoryview) -> None:
        """Send bytes, or keep them until they can be sent."""
        if self.transport is not None:
            self.transport.write(data)

    def writelines(self, pieces: list[bytes]) -> None:
        """Send bytes without copying them together."""
        if self.transport is not None:
            self.transport.writelines(pieces)

    async def drained(self) -> None:
        """Wait until the upstream takes more; ConnectionError when it takes nothing any more."""
        if self._paused:
            self._drained = self._loop.create_future()
            await self._drained
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError

    def sent(self) -> None:
        """The request's last byte is written."""
        self.sending = False
        self._heard = self._loop.time()
        if self._awaits:
            self._arm()

    async def head(self) -> None:
        """Wait for the reply's head; UpstreamError."""
        while not self.has_head:
            self._check()
            await self._wait(_HEAD_WANTED)

    async def more(self) -> bytes:
        """What has come of the body since, or comes next; nothing at its end. UpstreamError."""
        while not self._chunks:
            if self.complete:
                return b""
            self._check()
            await self._wait(_SOME)
        return b"".join(self._take())

    async def rest(self) -> list[bytes]:
        """All that is left of the body, or as much of it as exceeds the most; UpstreamError."""
        while not self.complete and self._size <= self._most:
            self._check()
            await self._wait(_ALL)
        return self._take()

    def _take(self) -> list[bytes]:
        chunks = self._chunks.copy()
        self._chunks.clear()
        self._counted = 0
        self.taken = self._size
        return chunks

    async def _wait(self, awaited: int) -> None:
        if not self._reading and self.transport is not None:
            self._reading = True
            # The silence was ours.
            self._heard = self._loop.time()
            self.transport.resume_reading()
        self._awaits = awaited
        if self._timer is None:
            self._arm()
        waiter = self._waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            self._awaits = _NOTHING
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _check(self) -> None:
        if self._trouble is not None:
            # It is raised once: kept, it would hold on to whoever it was raised to, and he to it.
            trouble, self._trouble = self._trouble, UpstreamCut("The upstream broke off its reply.")
            raise trouble

    def fail(self, error: UpstreamError, cause: BaseException | None) -> None:
        """The exchange is lost, and the connection with it; whoever waits is told why."""
        if self._trouble is None and not self.complete:
            error.__cause__ = cause
            self._trouble = error
        self.drop()
        self._wake()

    # Time

    def _arm(self) -> None:
        """Have the timer fire by the time that bounds what is waited for now."""
        due = self._end if self.sending or self._paused else min(self._end, self._heard + self._silence)
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
            self._timer = None
        if due < inf and self.transport is not None:
            self._due = due
            self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if not self._awaits:
            return
        now = self._loop.time()
        if now >= self._end:
            self.fail(UpstreamTimeout(f"The upstream did not answer in full within {self._total:g} s."), None)
        elif not self.sending and not self._paused and now >= self._heard + self._silence:
            self.fail(UpstreamTimeout(f"The upstream was silent for {self._silence:g} s."), None)
        else:
            self._arm()

    # Its end

    def reusable(self) -> bool:
        """Whether another exchange may follow the one that ends here."""
        transport = self.transport
        return (
            self.complete
            and self._keeps
            and self._sound
            and not self.sending
            and transport is not None
            and not transport.is_closing()
            and not transport.get_write_buffer_size()
        )

    @property
    def is_open(self) -> bool:
        """Whether bytes can be sent, for all that is known."""
        return self.transport is not None and not self.transport.is_closing()

    @property
    def is_unheard(self) -> bool:
        """Whether no byte of the reply has come; while its head has not."""
        return self._left == _HEAD

    def is_silent(self) -> bool:
        """Whether it is open and nothing waits to be read, neither here nor in the kernel.

        That something is the upstream hanging up, or a reply that nobody asked for and that would pass for the next
        one's. A request must not meet either: once its bytes have left, nobody can say whether the work was done.
        """
        transport = self.transport
        return transport is not None and self._sound and not transport.is_closing() and not self._poll.poll(0)

    def drop(self) -> None:
        """Close it at once."""
        self._sound = False
        if self.transport is not None:
            self.transport.abort()
