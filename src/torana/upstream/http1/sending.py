"""Bodies on their way out: small ones at once, larger ones as fast as the upstream takes them."""

from collections.abc import Sequence
from typing import Protocol

from torana.core.content import File
from torana.core.errors import UpstreamCut, UpstreamError

AT_ONCE = 256 * 1024
"""Bytes that are handed over without waiting. More at a time would hold up the event loop where they are encrypted."""
_ENOUGH = 64 * 1024
"""Bytes of pieces that are worth a write."""


class Taker(Protocol):
    """What takes a body: a connection, or an exchange's part in one."""

    def write(self, data: bytes | memoryview) -> None:
        """Send bytes, or keep them until they can be sent."""
        ...

    def writelines(self, pieces: list[bytes]) -> None:
        """Send pieces, or keep them until they can be sent."""
        ...

    async def drained(self) -> None:
        """Wait until the upstream takes more; ConnectionError when it takes nothing any more."""
        ...

    def sent(self) -> None:
        """The body's last byte is written."""
        ...

    def fail(self, error: UpstreamError, cause: BaseException | None) -> None:
        """The exchange is lost; whoever waits for its reply is told why."""
        ...


def in_memory(body: Sequence[bytes | File]) -> tuple[Sequence[bytes] | None, int]:
    """A body's pieces, where all of them are in memory, else None; and its length."""
    length, is_ready = 0, True
    ready: list[bytes] = []
    for part in body:
        if isinstance(part, bytes):
            length += len(part)
            ready.append(part)
            continue
        length += part.size
        held = part.at_hand()
        if held is None:
            is_ready = False
        else:
            ready.extend(held)
    return ready if is_ready else None, length


async def send_body(connection: Taker, body: Sequence[bytes | File], length: int) -> None:
    """Send a body of ``length`` bytes piece by piece. What goes wrong with it breaks the connection."""
    left, batch = length, _Batch()
    try:
        for part in body:
            if not isinstance(part, bytes):
                left = await _send_file(connection, part, batch, left)
            elif batch.add(part):
                left = await _send(connection, batch, left)
        left = await _send(connection, batch, left)
        if left:
            connection.fail(UpstreamCut("The connection to the upstream broke."), None)
        connection.sent()
    except Exception as error:  # noqa: BLE001 - whatever a file fails with, whoever waits for the reply must learn of it
        connection.fail(UpstreamCut("The connection to the upstream broke."), error)


class _Batch:
    """Pieces that leave together."""

    __slots__ = ("pieces", "size")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0

    def add(self, piece: bytes) -> bool:
        """One more; whether they are enough."""
        self.pieces.append(piece)
        self.size += len(piece)
        return self.size >= _ENOUGH


async def _send_file(connection: Taker, file: File, batch: _Batch, left: int) -> int:
    async for piece in file.chunks():
        if batch.add(piece):
            left = await _send(connection, batch, left)
    return left


async def _send(connection: Taker, batch: _Batch, left: int) -> int:
    """Send pieces, of which no byte may be beyond what the head says; the bytes that are left to be sent."""
    left -= batch.size
    if left < 0:
        raise ValueError("a file that is longer than it says")
    pieces, batch.pieces, batch.size = batch.pieces, [], 0
    last = pieces.pop() if pieces and len(pieces[-1]) > AT_ONCE else b""
    if pieces:
        connection.writelines(pieces)
        await connection.drained()
    view = memoryview(last)
    for start in range(0, len(view), AT_ONCE):
        connection.write(view[start : start + AT_ONCE])
        await connection.drained()
    return left
