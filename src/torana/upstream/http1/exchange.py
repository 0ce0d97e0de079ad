"""One exchange: a message goes out, its reply comes in, and its connection is kept or dropped."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType

from torana.core.errors import UpstreamCut, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from torana.core.exchange import Message
from torana.upstream.client import Headers, Response, Timeouts, too_long
from torana.upstream.http1.connection import Connection
from torana.upstream.http1.heads import Heads
from torana.upstream.http1.pool import Pool
from torana.upstream.http1.sending import AT_ONCE, in_memory, send_body

_COPIED = 64 * 1024
"""Bytes up to which head and body are copied together, which is cheaper than to hand them over one by one."""
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})


class Request:
    """What is to be sent, and where."""

    __slots__ = ("headers", "heads", "message", "pool")

    def __init__(
        self, message: Message, headers: Sequence[tuple[str, str]], heads: Heads, pool: Callable[[], Pool]
    ) -> None:
        self.message = message
        self.headers = headers
        self.heads = heads
        self.pool = pool


class Exchange:
    """The block in which a reply can be read; see the port."""

    __slots__ = ("_connection", "_max_reply", "_pool", "_reply", "_request", "_timeouts", "_upload")

    def __init__(self, request: Request, timeouts: Timeouts, max_reply: int) -> None:
        self._request = request
        self._timeouts = timeouts
        self._max_reply = max_reply
        self._pool: Pool | None = None
        self._connection: Connection | None = None
        self._upload: asyncio.Task[None] | None = None
        self._reply: _Reply | None = None

    async def __aenter__(self) -> Response:
        pool = self._request.pool()
        end = pool.now() + self._timeouts.total
        if not pool.enter():
            await pool.wait(end, self._timeouts.total)
        self._pool = pool
        try:
            connection = await self._asked(pool, end)
        except BaseException:
            self._leave(is_well=False)
            raise
        reply = self._reply = _Reply(connection, self._max_reply)
        return reply

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(is_well=kind is None)

    async def _asked(self, pool: Pool, end: float) -> Connection:
        """The connection on which the reply's head has come."""
        connection = pool.kept() or await self._made(pool, end)
        try:
            return await self._ask(connection, end)
        except UpstreamCut:
            if not connection.is_unheard or self._request.message.method not in _IDEMPOTENT:
                raise
        self._hand_back(is_well=False)
        return await self._ask(await self._made(pool, end), end)

    async def _ask(self, connection: Connection, end: float) -> Connection:
        self._connection = connection
        self._send(connection, end)
        await connection.head()
        if connection.heads.get(b"content-encoding", b"identity").lower() != b"identity":
            raise UpstreamError("The upstream's reply is compressed, although none such was asked for.")
        return connection

    async def _made(self, pool: Pool, end: float) -> Connection:
        """A new connection that is still there. Nothing was sent yet, so losing one is no harm."""
        for _ in range(2):
            left = end - pool.now()
            if left < self._timeouts.connect:
                connection = await self._made_in_time(pool, left)
            else:
                connection = await pool.made(self._timeouts.connect)
            if connection.is_open:
                return connection
            pool.give(connection)
        raise UpstreamUnreachable("The upstream could not be reached.")

    async def _made_in_time(self, pool: Pool, left: float) -> Connection:
        try:
            async with asyncio.timeout(left):
                return await pool.made(self._timeouts.connect)
        except TimeoutError as error:
            total = self._timeouts.total
            raise UpstreamTimeout(f"The upstream did not answer in full within {total:g} s.") from error

    def _send(self, connection: Connection, end: float) -> None:
        """Hand the request over, whole or to be sent as the upstream takes it."""
        message = self._request.message
        body = message.body
        ready, length = in_memory(body)
        head = self._request.heads.head(message, self._request.headers, length)
        is_later = ready is None or length > AT_ONCE
        connection.begin(message.method, self._timeouts, end=end, most=self._max_reply, sending=is_later)
        if is_later:
            connection.write(head)
            self._upload = asyncio.create_task(send_body(connection, body if ready is None else ready, length))
        elif not ready:
            connection.write(head)
        elif length <= _COPIED:
            connection.write(b"".join((head, *ready)))
        else:
            connection.writelines([head, *ready])

    def _leave(self, *, is_well: bool) -> None:
        if self._reply is not None:
            self._reply.close()
            self._reply = None
        self._hand_back(is_well=is_well)
        if self._pool is not None:
            self._pool.leave()
            self._pool = None

    def _hand_back(self, *, is_well: bool) -> None:
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.cancel()
        connection, self._connection = self._connection, None
        if connection is not None and self._pool is not None:
            if not is_well:
                connection.drop()
            self._pool.give(connection)


class _Reply(Response):
    """A reply that is read straight from its connection."""

    __slots__ = ("_source",)

    def __init__(self, connection: Connection, max_reply: int) -> None:
        self.status = connection.status
        self.headers = Headers.of(connection.heads)
        self._max_reply = max_reply
        self._source: Connection | None = connection

    def close(self) -> None:
        """The block has ended: the connection is another's now."""
        self._source = None

    def chunks(self) -> AsyncIterator[bytes]:
        """As the port says."""
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        source = self._open()
        chunk = await source.more()
        if source.taken > self._max_reply:
            raise too_long(self._max_reply)
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def pieces(self) -> list[bytes]:
        """As the port says."""
        source = self._open()
        pieces = await source.rest()
        if source.taken > self._max_reply:
            raise too_long(self._max_reply)
        return pieces

    def _open(self) -> Connection:
        if self._source is None:
            raise RuntimeError("the reply's block has ended")
        return self._source
