"""The ready-made client, on aiohttp, for upstreams behind a proxy, and what ours is measured by.

It is imported only where an account names a proxy: see ``assembly/lending``.
"""

import asyncio
import select
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from socket import AF_INET, AddressFamily
from weakref import WeakSet

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from torana.core.content import File
from torana.core.errors import UpstreamCut, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from torana.core.exchange import Message
from torana.upstream.client import Headers, Origin, Response, Timeouts
from torana.upstream.http1.places import Places
from torana.upstream.proxy import Proxy
from torana.upstream.resolving import Resolver

KEEP_ALIVE = 15.0
"""Seconds that an idle connection is kept: less than most servers keep it, and than firewalls remember it."""

_PIECE = 256 * 1024
_ASKS_FOR_CREDENTIALS = 407
_SHUT = "The proxy did not let us through to the upstream: it answered with status {1.status}."


class _Unconnected(aiohttp.ClientError):
    """What broke while a connection was made, so that nothing of the message can have left."""


_TRANSLATION: tuple[tuple[type[Exception], type[UpstreamError], str], ...] = (
    (aiohttp.ConnectionTimeoutError, UpstreamUnreachable, "No connection to the upstream within {0.connect:g} s."),
    (aiohttp.SocketTimeoutError, UpstreamTimeout, "The upstream was silent for {0.first_byte:g} s."),
    (TimeoutError, UpstreamTimeout, "The upstream did not answer in full within {0.total:g} s."),
    (aiohttp.ClientSSLError, UpstreamUnreachable, "No secure connection to the upstream could be made."),
    (aiohttp.ClientConnectorError, UpstreamUnreachable, "The upstream could not be reached."),
    (aiohttp.ClientHttpProxyError, UpstreamUnreachable, _SHUT),
    (_Unconnected, UpstreamUnreachable, "The upstream could not be reached."),
    (aiohttp.ClientPayloadError, UpstreamCut, "The upstream broke off its reply."),
    (aiohttp.ClientResponseError, UpstreamError, "The upstream's answer is not HTTP."),
    (aiohttp.ClientError, UpstreamCut, "The connection to the upstream broke."),
)
"""Foreign errors, ours, and what we say; the first that fits, so the particular stands before the general.

The connector's errors come before anything was sent; after any other, nobody can say what the upstream did.
"""


@contextmanager
def _translated(timeouts: Timeouts) -> Iterator[None]:
    """Foreign errors leave as ours."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError) as error:
        ours, message = next((ours, message) for foreign, ours, message in _TRANSLATION if isinstance(error, foreign))
        # aiohttp's errors quote whole URLs, and one of them the headers with our credentials. Those of its connector
        # name a host and no more; of the others only their own cause is chained.
        is_quoting = isinstance(error, aiohttp.ClientError) and not isinstance(error, aiohttp.ClientConnectorError)
        cause = error.__cause__ if is_quoting else error
        raise ours(message.format(timeouts, error)) from cause


class _Connector(aiohttp.TCPConnector):
    """A pool that gives out no kept connection on which something waits to be read.

    That something is the server hanging up, or a reply that nobody asked for and that would pass for the next one's.
    A request must not meet either: once its bytes have left, nobody can say whether the upstream did the work, so a
    POST is never repeated here.
    """

    def __init__(self, tls: ssl.SSLContext | None, resolver: AbstractResolver | None) -> None:
        # The limits are none because a wait for a place in this pool would count as time to connect.
        super().__init__(limit=0, keepalive_timeout=KEEP_ALIVE, ssl=tls or True, resolver=resolver)
        self._used: WeakSet[asyncio.Protocol] = WeakSet()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 the name is aiohttp's
    ) -> Connection:
        """A connection: kept and silent, or new."""
        while True:
            try:
                connection = await super().connect(req, traces, timeout)
            except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError):
                raise
            except aiohttp.ClientError as error:
                # A proxy hangs up, or speaks something else. The error may quote its credentials; its cause does not.
                raise _Unconnected from error.__cause__
            assert connection.protocol is not None
            if connection.protocol not in self._used:
                self._used.add(connection.protocol)
                return connection
            if _is_silent(connection):
                return connection
            connection.close()


def _is_silent(connection: Connection) -> bool:
    """Whether nothing waits to be read, neither in aiohttp's hands nor still in the socket's."""
    assert connection.protocol is not None
    assert connection.transport is not None
    poll = select.poll()
    poll.register(connection.transport.get_extra_info("socket"), select.POLLIN)
    return not connection.protocol.should_close and not poll.poll(0)


class _Names(AbstractResolver):
    """Our resolvers as aiohttp's."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def resolve(self, host: str, port: int = 0, family: AddressFamily = AF_INET) -> list[ResolveResult]:
        """As aiohttp has it."""
        found = await self._resolver.resolve(host, port)
        return [
            ResolveResult(hostname=host, host=each.host, port=each.port, family=family, proto=0, flags=0)
            for each in found
        ]

    async def close(self) -> None:
        """Nothing to release."""


class AiohttpClient:
    """Calls upstreams with aiohttp; made in a running event loop, ended with ``close``.

    ``per_host`` is how many exchanges with one scheme, host and port may be under way; more wait their turn, as many as
    ``waiting`` at most. They go through ``proxy`` where there is one, which then looks up the upstream's name. ``tls``
    and ``resolver`` stand for the system's.
    """

    def __init__(
        self,
        *,
        per_host: int,
        waiting: int = 1000,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
        proxy: Proxy | None = None,
    ) -> None:
        self._per_host = per_host
        self._waiting = waiting
        self._proxy = proxy
        authorization = None if proxy is None else proxy.authorization
        self._shown = () if authorization is None else (("Proxy-Authorization", authorization),)
        self._places: dict[URL, Places] = {}
        self._session = aiohttp.ClientSession(
            connector=_Connector(tls, _Names(resolver) if resolver is not None else None),
            cookie_jar=aiohttp.DummyCookieJar(),
            # A compressed reply could unfold to any size; we ask for none and take none.
            auto_decompress=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "torana"},
            skip_auto_headers=("Content-Type",),
        )

    async def close(self) -> None:
        """Drop all connections."""
        await self._session.close()

    @asynccontextmanager
    async def send(
        self,
        message: Message,
        origin: Origin,
        *,
        timeouts: Timeouts,
        max_reply: int,
        headers: Sequence[tuple[str, str]] = (),
    ) -> AsyncIterator[Response]:
        """As the port says."""
        url = URL(origin.url(message.path), encoded=True)
        async with AsyncExitStack() as stack:
            with _translated(timeouts):
                async with asyncio.timeout(timeouts.total) as total:
                    await stack.enter_async_context(self._place(url.origin()))
                    reply = await self._open(message, url, timeouts, (*message.headers, *origin.headers, *headers))
                    stack.callback(reply.close)
            if reply.status == _ASKS_FOR_CREDENTIALS and self._proxy is not None and url.scheme == "http":
                # Without TLS to the upstream a proxy answers in its stead.
                raise UpstreamUnreachable(_SHUT.format(timeouts, reply))
            if reply.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise UpstreamError("The upstream's reply is compressed, although none such was asked for.")
            body = _chunks(reply, timeouts, total.when())
            yield Response(reply.status, Headers(reply.headers.items()), body, max_reply)

    @asynccontextmanager
    async def _place(self, origin: URL) -> AsyncIterator[None]:
        """One of the places for an origin's exchanges, given in the order of asking."""
        places = self._places.get(origin)
        if places is None:
            places = self._places[origin] = Places(self._per_host, self._waiting)
        try:
            await places.take()
            try:
                yield
            finally:
                places.give()
        finally:
            if not places.users:
                del self._places[origin]

    async def _open(
        self, message: Message, url: URL, timeouts: Timeouts, headers: Sequence[tuple[str, str]]
    ) -> aiohttp.ClientResponse:
        """Send, and wait for the reply's head."""
        body = _pieces(message.body) if message.body else None
        length = [("Content-Length", str(message.length))] if message.body else []
        limits = aiohttp.ClientTimeout(total=None, connect=timeouts.connect, sock_read=timeouts.first_byte)
        proxy, shown = self._proxy, self._shown
        if url.scheme == "http":
            # The proxy reads the message itself; into a tunnel it is let by what stands before the message.
            headers = (*headers, *shown)
        return await self._session.request(
            message.method,
            url,
            headers=[*headers, *length],
            data=body,
            timeout=limits,
            allow_redirects=False,
            proxy=None if proxy is None else proxy.url,
            proxy_headers=shown,
        )


async def _pieces(body: Sequence[bytes | File]) -> AsyncIterator[bytes | memoryview]:
    """A message's body, no piece so large that copying it would hold up the event loop."""
    for part in body:
        if isinstance(part, bytes):
            view = memoryview(part)
            for start in range(0, len(view), _PIECE):
                yield view[start : start + _PIECE]
        else:
            async for piece in part.chunks():
                yield piece


async def _chunks(reply: aiohttp.ClientResponse, timeouts: Timeouts, end: float | None) -> AsyncIterator[bytes]:
    """A reply's body as it comes in, until ``end`` on the loop's clock."""
    while True:
        with _translated(timeouts):
            async with asyncio.timeout_at(end):
                chunk = await reply.content.readany()
        if not chunk:
            return
        yield chunk
