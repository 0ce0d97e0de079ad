"""One connection: requests leave it as they are given, replies are read by a strict parser, one at a time."""

import asyncio
import select
from math import inf
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade

from torana.core.errors import UpstreamCut, UpstreamError, UpstreamTimeout
from torana.upstream.client import Timeouts, too_long
from torana.upstream.http1.parsing import Parsing

ROOM = 256 * 1024
"""Bytes that are read from a socket at once."""

_HEAD = 64 * 1024
"""Bytes of a reply's head at most, with those of all that inform of it."""
_FRAMING = 128 * 1024
"""Bytes of a reply at most beside so many for each of its body, which may come in chunks of one byte each."""
_OF_A_BYTE = 9
_HELD = 256 * 1024
"""Bytes of a body that wait to be taken, beyond which no more are read."""

_NOT_HTTP = "The upstream's answer is not HTTP."
_NO_BODY = -1
_UNTIMED = Timeouts(inf, inf, inf)


class Connection(Parsing):
    """A connection to an upstream; ``room`` is where bytes are read to, and is shared by all of one event loop.

    ``begin`` starts an exchange, which ``reusable`` or the connection's end ends. One timer bounds it: it is left to
    run when the exchange has ended well, and looks when it fires what it is to wait for then.
    """

    __slots__ = (
        "_awaits", "_chunks", "_come", "_drained", "_due", "_end", "_heard", "_loop", "_most", "_paused", "_poll",
        "_reading", "_room", "_size", "_taken", "_timeouts", "_timer", "_trouble", "_waiter", "idle_since", "sending",
        "transport",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, room: memoryview) -> None:
        super().__init__()
        self._loop = loop
        self._room = room
        self.transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self._poll = select.poll()
        self._timer: asyncio.TimerHandle | None = None
        self._due = inf
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._trouble: UpstreamError | None = None
        self._awaits: int | None = None
        """Bytes of the body beyond which there is what somebody waits for, once the head is there; None for nobody."""
        self._reading = True
        self._paused = self.sending = False
        self._timeouts = _UNTIMED
        self._end = self._heard = self.idle_since = 0.0
        self._most = 0
        self._size = self._taken = self._come = 0

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
        was_complete = self.complete
        if was_complete:
            self._sound = False
            return
        come = self._come + nbytes
        try:
            if self.has_head or come < _HEAD:
                self._parser.feed_data(self._room[:nbytes])
            else:
                self._feed_end_of_head(nbytes)
        except (HttpParserError, HttpParserUpgrade) as error:
            # What follows a whole reply harms nobody but the connection.
            self._refuse(error)
        self._come = come
        fresh = self._fresh
        if fresh:
            if self._wants_body:
                self._size += sum(map(len, fresh))
                self._chunks += fresh
            fresh.clear()
        size = self._size
        if come > _FRAMING + _OF_A_BYTE * size:
            self._refuse(None)
        awaits = self._awaits
        if awaits is not None and self.has_head and (size > awaits or self.complete):
            self._wake()
        # Also while somebody is woken who has not begun to take: many reads come in one turn of the loop.
        if size - self._taken > _HELD and (awaits is None or size > awaits):
            self._hold()

    def _feed_end_of_head(self, nbytes: int) -> None:
        """Bytes that are more than a head may have left: it must end within what it may."""
        left = _HEAD - self._come
        self._parser.feed_data(self._room[:left])
        if not self.has_head:
            raise HttpParserError("too long a head")
        if left < nbytes:
            self._parser.feed_data(self._room[left:nbytes])

    def _refuse(self, why: Exception | None) -> None:
        self._sound = False
        if not self.complete:
            self.fail(UpstreamError(_NOT_HTTP), why)

    def _hold(self) -> None:
        """Let the upstream wait until somebody takes what there is."""
        if self._reading and not self.complete and self.transport is not None:
            self._reading = False
            self.transport.pause_reading()

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
        if self._awaits is not None and not self.sending:
            self._arm()

    # What an exchange does

    def begin(self, method: str, timeouts: Timeouts, *, end: float, most: int, sending: bool = False) -> None:
        """A request is about to leave, and all is to be over at ``end`` on the loop's clock.

        ``most`` is how many bytes of a body are read that is asked for as a whole. ``sending`` is whether parts of the
        request leave later, after which there is ``sent``.
        """
        self.expect(wants_body=method != "HEAD")
        # Nobody may have read the reply before this one.
        self._chunks.clear()
        self._size = self._taken = self._come = 0
        self._most = most
        self._end = end
        self._timeouts = timeouts
        self.sending = sending
        self._heard = heard = self._loop.time()
        if self._due > end or self._due > heard + timeouts.first_byte:
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
        if self._awaits is not None:
            self._arm()

    async def head(self) -> None:
        """Wait for the reply's head; UpstreamError."""
        while not self.has_head:
            if self._trouble is not None:
                raise self._told()
            await self._wait(_NO_BODY)

    async def more(self) -> bytes:
        """What has come of the body since, or comes next; StopAsyncIteration at its end, UpstreamError."""
        chunks = self._chunks
        while not chunks:
            if self.complete:
                raise StopAsyncIteration
            if self._trouble is not None:
                raise self._told()
            await self._wait(self._size)
        self._taken = self._size
        if self._size > self._most:
            raise too_long(self._most)
        piece = b"".join(chunks)
        chunks.clear()
        return piece

    async def rest(self) -> list[bytes]:
        """All that is left of the body, in pieces; UpstreamError."""
        while not self.complete and self._size <= self._most:
            if self._trouble is not None:
                raise self._told()
            await self._wait(self._most)
        self._taken = self._size
        if self._size > self._most:
            raise too_long(self._most)
        chunks = self._chunks.copy()
        self._chunks.clear()
        return chunks

    async def _wait(self, awaits: int) -> None:
        if not self._reading and self.transport is not None:
            self._reading = True
            # The silence was ours.
            self._heard = self._loop.time()
            self.transport.resume_reading()
        self._awaits = awaits
        if self._timer is None:
            self._arm()
        waiter = self._waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            self._awaits = None
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _told(self) -> UpstreamError:
        """What went wrong, once: kept, it would hold on to whoever it is raised to, and he to it."""
        trouble, self._trouble = self._trouble, UpstreamCut("The upstream broke off its reply.")
        assert trouble is not None
        return trouble

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
        due = self._end if self.sending or self._paused else min(self._end, self._heard + self._timeouts.first_byte)
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
            self._timer = None
        if due < inf and self.transport is not None:
            self._due = due
            self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer, self._due = None, inf
        if self._awaits is None:
            return
        now, timeouts = self._loop.time(), self._timeouts
        if now >= self._end:
            self.fail(UpstreamTimeout(f"The upstream did not answer in full within {timeouts.total:g} s."), None)
        elif not self.sending and not self._paused and now >= self._heard + timeouts.first_byte:
            self.fail(UpstreamTimeout(f"The upstream was silent for {timeouts.first_byte:g} s."), None)
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
        return not self._come

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
