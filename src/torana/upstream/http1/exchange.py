"""One exchange: a message goes out, its reply comes in, and its connection is kept or dropped."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any

from torana.core.content import File
from torana.core.errors import UpstreamCut, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from torana.core.exchange import Message
from torana.upstream.client import Headers, Response, Timeouts
from torana.upstream.http1.connection import Connection
from torana.upstream.http1.heads import Heads
from torana.upstream.http1.pool import Pool
from torana.upstream.http1.sending import AT_ONCE, in_memory, send_body

_COPIED = 64 * 1024
"""Bytes up to which head and body are copied together, which is cheaper than to hand them over one by one."""
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_CODING = b"content-encoding"


def _check_coding(coding: bytes) -> None:
    if coding.lower() != b"identity":
        raise UpstreamError("The upstream's reply is compressed, although none such was asked for.")


class Site:
    """What is known of an origin: how its requests' heads begin, and where its connections are now."""

    __slots__ = ("heads", "pool")

    def __init__(self, heads: Heads, pool: Callable[[], Pool]) -> None:
        self.heads = heads
        self.pool = pool


class Exchange(Response):
    """The block in which a reply can be read, and the reply, straight from its connection; see the port."""

    __slots__ = ("_headers", "_message", "_pool", "_site", "_source", "_timeouts", "_upload")

    def __init__(
        self, site: Site, message: Message, headers: Sequence[tuple[str, str]], timeouts: Timeouts, max_reply: int
    ) -> None:
        self._site = site
        self._message = message
        self._headers = headers
        self._timeouts = timeouts
        self._max_reply = max_reply
        self._pool: Pool | None = None
        self._source: Connection | None = None
        self._upload: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Response:
        pool = self._site.pool()
        total = self._timeouts.total
        end = pool.now() + total
        if not pool.enter():
            await pool.wait(end, total)
        self._pool = pool
        try:
            connection = self._send(pool.kept() or await self._made(pool, end), end)
            try:
                await connection.head()
            except UpstreamCut:
                if not connection.is_unheard or self._message.method not in _IDEMPOTENT:
                    raise
                connection = await self._sent_again(connection, pool, end)
            heads = connection.heads
            if _CODING in heads:
                _check_coding(heads[_CODING])
        except BaseException:
            self._leave(is_well=False)
            raise
        self.status = connection.status
        self.headers = Headers.of(heads)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(is_well=kind is None)

    async def _sent_again(self, lost: Connection, pool: Pool, end: float) -> Connection:
        """Another connection, on which the reply's head has come."""
        self._source = None
        self._stop_upload()
        pool.give(lost, is_well=False)
        connection = self._send(await self._made(pool, end), end)
        await connection.head()
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
            pool.give(connection, is_well=False)
        raise UpstreamUnreachable("The upstream could not be reached.")

    async def _made_in_time(self, pool: Pool, left: float) -> Connection:
        try:
            async with asyncio.timeout(left):
                return await pool.made(self._timeouts.connect)
        except TimeoutError as error:
            total = self._timeouts.total
            raise UpstreamTimeout(f"The upstream did not answer in full within {total:g} s.") from error

    def _send(self, connection: Connection, end: float) -> Connection:
        """Hand the request over, whole or to be sent as the upstream takes it; gives the connection."""
        self._source = connection
        message = self._message
        body = message.body
        only = body[0] if len(body) == 1 else None
        if isinstance(only, bytes) and len(only) <= _COPIED:
            # As nearly all are.
            head = self._site.heads.head(message, self._headers, len(only))
            connection.begin(message.method, self._timeouts, end=end, most=self._max_reply)
            connection.write(head + only)
        else:
            self._send_parts(connection, body, end)
        return connection

    def _send_parts(self, connection: Connection, body: Sequence[bytes | File], end: float) -> None:
        message = self._message
        ready, length = in_memory(body)
        head = self._site.heads.head(message, self._headers, length)
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
        """The block has ended: the connection is another's now, and the place too."""
        source, self._source = self._source, None
        pool, self._pool = self._pool, None
        if self._upload is not None:
            self._stop_upload()
        if pool is not None:
            if source is not None:
                pool.give(source, is_well=is_well)
            pool.leave()

    def _stop_upload(self) -> None:
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.cancel()

    def chunks(self) -> AsyncIterator[bytes]:
        """As the port says."""
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    def __anext__(self) -> Coroutine[Any, Any, bytes]:
        return self._open().more()

    def pieces(self) -> Coroutine[Any, Any, list[bytes]]:
        """As the port says."""
        return self._open().rest()

    async def read(self) -> bytes:
        """As the port says."""
        return b"".join(await self._open().rest())

    def _open(self) -> Connection:
        if self._source is None:
            raise RuntimeError("the reply's block has ended")
        return self._source
