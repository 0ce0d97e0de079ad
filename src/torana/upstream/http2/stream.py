"""One exchange on a connection that others share: its body as the upstream takes it, its reply as it comes."""

import asyncio
from collections import deque
from collections.abc import Iterable
from math import inf
from typing import Protocol

from torana.core.errors import UpstreamError, UpstreamTimeout
from torana.upstream.client import Timeouts, too_long


class Carrier(Protocol):
    """The connection, as an exchange needs it."""

    def room(self, number: int) -> int:
        """Bytes of an exchange's body that the upstream takes now in one frame."""
        ...

    def send(self, number: int, data: bytes | memoryview, *, ends: bool) -> None:
        """Send so much of a body as there is ``room`` for."""
        ...

    def took(self, number: int, size: int) -> None:
        """``size`` bytes are taken of what came, as flow control counts them."""
        ...

    def flush(self) -> None:
        """Hand over what is to be sent."""
        ...


class Stream:
    """An exchange, all of which is to be over at ``end`` on the loop's clock, of whose reply ``most`` bytes are read.

    ``is_over`` is whether neither side may say more. It is to have a ``number`` before anything happens.
    """

    __slots__ = (
        "_awaits", "_carrier", "_chunks", "_complete", "_due", "_end", "_ends", "_flow", "_heard", "_is_sent", "_loop",
        "_most", "_outbox", "_room", "_size", "_timeouts", "_timer", "_trouble", "_waiter", "heads", "is_over",
        "number", "status",
    )  # fmt: skip

    def __init__(
        self, loop: asyncio.AbstractEventLoop, carrier: Carrier, timeouts: Timeouts, *, end: float, most: int
    ) -> None:
        self._loop = loop
        self._carrier = carrier
        self._timeouts = timeouts
        self._end = end
        self._most = most
        self.number = self.status = 0
        self.heads: dict[bytes, bytes] = {}
        self.is_over = False
        self._outbox: deque[bytes | memoryview] = deque()
        self._ends = self._is_sent = self._complete = False
        self._chunks: list[bytes] = []
        self._flow = self._size = 0
        self._trouble: UpstreamError | None = None
        self._room: asyncio.Future[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = inf
        self._heard = loop.time()

    # What the connection tells

    def heard(self) -> None:
        """The upstream gave a sign of life."""
        self._heard = self._loop.time()

    def came_head(self, heads: Iterable[tuple[bytes, bytes]]) -> None:
        """The reply's head is there."""
        self.heard()
        for name, value in heads:
            if name == b":status":
                self.status = int(value)
            else:
                self.heads[name] = self.heads[name] + b", " + value if name in self.heads else value
        self._wake()

    def came(self, data: bytes, flow: int) -> None:
        """Bytes of the body are there, of so many that flow control counts."""
        self.heard()
        self._flow += flow
        if data:
            self._chunks.append(data)
            self._size += len(data)
            self._wake()

    def ended(self) -> None:
        """The reply is whole."""
        self._complete = True
        self.is_over = self.is_over or self._is_sent
        self._wake()

    def fail(self, error: UpstreamError, cause: BaseException | None) -> None:
        """The exchange is lost, unless its reply is whole; whoever waits is told why."""
        if self._trouble is None and not self._complete:
            error.__cause__ = cause
            self._trouble = error
        self._outbox.clear()
        self._freed()
        self._wake()

    @property
    def broken(self) -> str:
        """What to say where the connection broke now."""
        return "The upstream broke off its reply." if self.status else "The connection to the upstream broke."

    def push(self) -> None:
        """Send what there is of the body, as far as the upstream takes it."""
        carrier, outbox = self._carrier, self._outbox
        while outbox and not self.is_over:
            room = carrier.room(self.number)
            if room <= 0:
                return
            piece = outbox[0]
            if len(piece) > room:
                view = memoryview(piece)
                carrier.send(self.number, view[:room], ends=False)
                outbox[0] = view[room:]
            else:
                outbox.popleft()
                is_last = self._ends and not outbox
                carrier.send(self.number, piece, ends=is_last)
                if is_last:
                    self._ended_sending()
        self._freed()

    # What goes out

    def finish(self, pieces: Iterable[bytes]) -> None:
        """Send a whole body, now and as the upstream takes it."""
        self._outbox.extend(pieces)
        self._ends = True
        self.push()
        self._carrier.flush()

    def begun(self, *, ends: bool) -> None:
        """The request's head is sent, which was all of it where it ``ends``."""
        if ends:
            self._ended_sending()

    def write(self, data: bytes | memoryview) -> None:
        """Send bytes of the body, or keep them until they can be sent."""
        self.writelines((data,))

    def writelines(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Send pieces of the body, or keep them until they can be sent."""
        self._outbox.extend(pieces)
        self.push()
        self._carrier.flush()

    async def drained(self) -> None:
        """Wait until the upstream takes more; ConnectionError when it takes nothing any more."""
        while self._outbox and not self.is_over:
            self._room = self._loop.create_future()
            await self._room
        if self.is_over or self._trouble is not None:
            raise ConnectionResetError

    def sent(self) -> None:
        """All of the body is written."""
        if not self._is_sent and not self.is_over and self._trouble is None:
            self._carrier.send(self.number, b"", ends=True)
            self._carrier.flush()
            self._ended_sending()

    def _ended_sending(self) -> None:
        self._is_sent = True
        self.is_over = self._complete
        self.heard()
        if self._waiter is not None:
            self._arm()

    def _freed(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    # What comes in

    async def head(self) -> None:
        """Wait for the reply's head; UpstreamError."""
        while not self.status:
            await self._wait()

    async def more(self) -> bytes:
        """What has come of the body since, or comes next; nothing at its end. UpstreamError."""
        while not self._chunks:
            if self._complete:
                return b""
            await self._wait()
        if self._size > self._most:
            raise too_long(self._most)
        chunks, self._chunks = self._chunks, []
        self._give_room()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _give_room(self) -> None:
        flow, self._flow = self._flow, 0
        self._carrier.took(self.number, flow)

    async def _wait(self) -> None:
        if self._trouble is not None:
            raise self._told()
        waiter = self._waiter = self._loop.create_future()
        if self._timer is None:
            self._arm()
        try:
            await waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _told(self) -> UpstreamError:
        """What went wrong, as an error that holds on to nobody it is raised to."""
        trouble = self._trouble
        assert trouble is not None
        told = type(trouble)(trouble.message)
        told.__cause__ = trouble.__cause__
        return told

    # Time

    def _arm(self) -> None:
        """Have the timer fire by the time that bounds what is waited for now."""
        due = min(self._end, self._heard + self._timeouts.first_byte) if self._is_sent else self._end
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
            self._timer = None
        if due < inf:
            self._due = due
            self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        now, timeouts = self._loop.time(), self._timeouts
        if now >= self._end:
            self.fail(UpstreamTimeout(f"The upstream did not answer in full within {timeouts.total:g} s."), None)
        elif self._is_sent and now >= self._heard + timeouts.first_byte:
            self.fail(UpstreamTimeout(f"The upstream was silent for {timeouts.first_byte:g} s."), None)
        else:
            self._arm()

    def close(self) -> None:
        """Nobody waits any more, and nothing more is taken."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._outbox.clear()
        self._give_room()
