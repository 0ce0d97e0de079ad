"""Making connections on which HTTP/2 may be spoken, straight or through a proxy's tunnel."""

import asyncio
import ssl
from dataclasses import dataclass, field
from math import inf
from typing import cast
from urllib.parse import urlsplit

from torana.core.errors import UpstreamUnreachable
from torana.upstream.http1.dialling import Dialler, usual_tls
from torana.upstream.http1.heads import DEFAULT_PORTS
from torana.upstream.http2.connection import Connection
from torana.upstream.proxy import Proxy

OFFERED = ("h2", "http/1.1")
"""What we speak, by its names in TLS, the better first."""

_HEAD = 16 * 1024
"""Bytes of a proxy's answer at most."""
_OPENED = 200


class Opening(asyncio.Protocol):
    """What is said with a proxy until it has opened a tunnel."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._come = b""
        self._answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        # uvloop's are no subclass of it.
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Bytes have come, of an answer that has a head and nothing else, for TLS begins with us."""
        self._come += data
        if self._answer.done():
            return
        head, is_whole, _ = self._come.partition(b"\r\n\r\n")
        first = head.split(b"\r\n")[0].split(b" ")
        if is_whole and first[0] in {b"HTTP/1.0", b"HTTP/1.1"} and len(first) > 1 and first[1].isdigit():
            self._answer.set_result(int(first[1]))
        elif is_whole or len(self._come) > _HEAD:
            self._lose()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the port's
        """It is gone."""
        if not self._answer.done():
            self._lose()

    def _lose(self) -> None:
        self._answer.set_exception(ConnectionResetError("no proxy's answer"))
        # Whoever waited for it may be gone.
        self._answer.exception()

    async def open(self, place: str, authorization: str | None) -> asyncio.Transport:
        """Have a tunnel opened to a host and port; UpstreamUnreachable where the proxy refuses, OSError."""
        transport = self.transport
        assert transport is not None
        shown = "" if authorization is None else f"proxy-authorization: {authorization}\r\n"
        transport.write(f"CONNECT {place} HTTP/1.1\r\nhost: {place}\r\n{shown}\r\n".encode())
        status = await self._answer
        if status != _OPENED:
            raise UpstreamUnreachable(
                f"The proxy did not let us through to the upstream: it answered with status {status}."
            )
        return transport


@dataclass(frozen=True)
class Straight(Dialler[Connection]):
    """Connects to the upstream itself."""

    async def reach(self, scheme: str, host: str, port: int) -> Connection:
        """A connection that may be used, or speaks another protocol."""
        return await _greeted(await super().reach(scheme, host, port))


@dataclass(frozen=True)
class Tunnelling(Dialler[Connection]):
    """Connects by a tunnel through ``proxy``, to which ``way`` leads."""

    proxy: Proxy
    way: Dialler[Opening] = field(repr=False)

    async def reach(self, scheme: str, host: str, port: int) -> Connection:  # noqa: ARG002 - it is TLS in any case
        """A connection that may be used, or speaks another protocol."""
        parts = urlsplit(self.proxy.url)
        assert parts.hostname is not None
        assert self.tls is not None
        way = await self.way.dial(parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS[parts.scheme], within=inf)
        assert way.transport is not None
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        made = self.make()
        try:
            transport = await way.open(place, self.proxy.authorization)
            sealed = await asyncio.get_running_loop().start_tls(transport, made, self.tls, server_hostname=host)
            assert sealed is not None
        except BaseException:
            way.transport.abort()
            raise
        made.connection_made(sealed)
        return await _greeted(made)


async def _greeted(made: Connection) -> Connection:
    try:
        await made.ready()
    except BaseException:
        made.drop()
        raise
    return made


def sealing(tls: ssl.SSLContext | None) -> ssl.SSLContext:
    """What TLS with upstreams is to be: as the system has it, or ``tls``, which is made to offer HTTP/2."""
    if tls is None:
        return usual_tls(*OFFERED)
    tls.set_alpn_protocols(OFFERED)
    return tls
