"""One exchange: a message goes out, its reply comes in, and its stream is ended."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from math import inf
from types import TracebackType

from msgspec import structs

from torana.core.errors import UpstreamCut, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from torana.core.exchange import Message
from torana.upstream.client import Client, Headers, Origin, Response, Timeouts
from torana.upstream.http1.heads import Heads
from torana.upstream.http1.sending import AT_ONCE, in_memory, send_body
from torana.upstream.http2.connection import Connection
from torana.upstream.http2.pool import Pool
from torana.upstream.http2.stream import Stream

_CODING = b"content-encoding"


def _check_coding(coding: bytes | None) -> None:
    if coding is not None and coding.lower() != b"identity":
        raise UpstreamError("The upstream's reply is compressed, although none such was asked for.")


class Site:
    """What is known of an origin: how requests begin, where its connections are, and who speaks HTTP/1.1 with it."""

    __slots__ = ("heads", "old", "origin", "pool")

    def __init__(self, origin: Origin, pool: Pool, old: Client) -> None:
        self.origin = origin
        self.heads = Heads(origin)
        self.pool = pool
        self.old = old


class Exchange(Response):
    """The block in which a reply can be read, and the reply, straight from its connection; see the port.

    Where the upstream turns out not to speak HTTP/2, it is the other client's block.
    """

    __slots__ = (
        "_connection", "_has_place", "_headers", "_message", "_old", "_site", "_stream", "_timeouts", "_upload",
    )  # fmt: skip

    def __init__(
        self, site: Site, message: Message, headers: Sequence[tuple[str, str]], timeouts: Timeouts, max_reply: int
    ) -> None:
        self._site = site
        self._message = message
        self._headers = headers
        self._timeouts = timeouts
        self._max_reply = max_reply
        self._has_place = False
        self._connection: Connection | None = None
        self._stream: Stream | None = None
        self._upload: asyncio.Task[None] | None = None
        self._old: AbstractAsyncContextManager[Response] | None = None

    async def __aenter__(self) -> Response:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timeouts.total
        try:
            connection = await self._connected(end)
            if connection is None:
                self._leave()
                return await self._other(end - loop.time())
            try:
                stream = await self._asked(connection, loop, end)
            except UpstreamUnreachable as error:
                if isinstance(error, UpstreamCut):
                    raise
                # Who lets a connection go refuses what came too late for it, and has not begun with that.
                self._break_off()
                another = await self._connected(end)
                if another is None:
                    raise
                stream = await self._asked(another, loop, end)
            _check_coding(stream.heads.get(_CODING))
        except BaseException:
            self._leave()
            raise
        self.status = stream.status
        self.headers = Headers.of(stream.heads)
        return self

    async def _asked(self, connection: Connection, loop: asyncio.AbstractEventLoop, end: float) -> Stream:
        """The exchange on a connection, when the reply's head has come."""
        stream = self._stream = Stream(loop, connection, self._timeouts, end=end, most=self._max_reply)
        self._send(connection, stream)
        await stream.head()
        return stream

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if self._old is not None:
            return await self._old.__aexit__(kind, error, trace)
        self._leave()
        return None

    async def _connected(self, end: float) -> Connection | None:
        """A connection that has room, and the exchange's place; None where HTTP/2 is not spoken."""
        pool, total = self._site.pool, self._timeouts.total
        try:
            async with asyncio.timeout_at(end if end < inf else None):
                if not self._has_place:
                    await pool.places.take()
                    self._has_place = True
                return pool.free() or await pool.connection(self._timeouts.connect)
        except TimeoutError as error:
            raise UpstreamTimeout(f"The upstream did not answer in full within {total:g} s.") from error

    async def _other(self, left: float) -> Response:
        site = self._site
        self._old = site.old.send(
            self._message,
            site.origin,
            timeouts=structs.replace(self._timeouts, total=left),
            max_reply=self._max_reply,
            headers=self._headers,
        )
        return await self._old.__aenter__()

    def _send(self, connection: Connection, stream: Stream) -> None:
        """Hand the request over, whole or to be sent as the upstream takes it."""
        body = self._message.body
        ready, length = in_memory(body)
        fields = _fields(self._site.heads.head(self._message, self._headers, length))
        ends = not length
        stream.number = connection.begin(stream, fields, ends=ends)
        self._connection = connection
        stream.begun(ends=ends)
        if ends:
            connection.flush()
        elif ready is not None and length <= AT_ONCE:
            stream.finish(piece for piece in ready if piece)
        else:
            connection.flush()
            self._upload = asyncio.create_task(send_body(stream, body if ready is None else ready, length))

    def _leave(self) -> None:
        """The block has ended: what is left of the exchange is broken off, and the place is another's."""
        self._break_off()
        if self._has_place:
            self._has_place = False
            self._site.pool.places.give()

    def _break_off(self) -> None:
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.cancel()
        connection, self._connection = self._connection, None
        if connection is not None and self._stream is not None:
            self._stream.close()
            connection.leave(self._stream.number, is_over=self._stream.is_over)

    def chunks(self) -> AsyncIterator[bytes]:
        """As the port says."""
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._open().more()
        if not piece:
            raise StopAsyncIteration
        return piece

    async def pieces(self) -> list[bytes]:
        """As the port says."""
        more = self._open().more
        pieces: list[bytes] = []
        while piece := await more():
            pieces.append(piece)
        return pieces

    def _open(self) -> Stream:
        if self._connection is None or self._stream is None:
            raise RuntimeError("the reply's block has ended")
        return self._stream


def _fields(head: bytes) -> list[tuple[bytes, bytes]]:
    """A head as HTTP/2 has it, from the same head in HTTP/1.1, which is well formed."""
    first, host, *lines = head[:-4].split(b"\r\n")
    method, target, _ = first.split(b" ")
    fields = [
        (b":method", method),
        (b":scheme", b"https"),
        (b":authority", host.partition(b": ")[2]),
        (b":path", target),
    ]
    for line in lines:
        name, _, value = line.partition(b": ")
        fields.append((name.lower(), value))
    return fields
