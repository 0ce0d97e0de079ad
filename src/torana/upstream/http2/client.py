"""The client of upstreams that speak HTTP/2: many exchanges share a connection."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from urllib.parse import urlsplit

from torana.core.exchange import Message
from torana.upstream.client import Client, Origin, Response, Timeouts
from torana.upstream.http1.dialling import Dialler
from torana.upstream.http1.heads import DEFAULT_PORTS
from torana.upstream.http1.places import Places
from torana.upstream.http2.connection import Connection
from torana.upstream.http2.dialling import Opening, Straight, Tunnelling, sealing
from torana.upstream.http2.exchange import Exchange, Site
from torana.upstream.http2.pool import Pool
from torana.upstream.proxy import Proxy
from torana.upstream.resolving import RememberingResolver, Resolver, SystemResolver

_SITES = 1024
"""Origins, and addresses, that are remembered."""


class Other(Client, Protocol):
    """A client of HTTP/1.1, which is closed with the one that it stands beside."""

    async def close(self) -> None:
        """Drop all connections."""
        ...


def _connection() -> Connection:
    return Connection(asyncio.get_running_loop())


class Http2Client:
    """Calls upstreams; made in a running event loop, ended with ``close``, which ends ``old`` too.

    HTTP/2 is spoken where TLS agrees on it; with all others ``old`` speaks. ``per_host`` is how many exchanges with one
    host and port may be under way, on as few connections as the upstream allows; more wait their turn, as many as
    ``waiting`` at most. They go through ``proxy`` where there is one, which then looks up the upstream's name. ``tls``
    and ``resolver`` stand for the system's; the former is made to offer HTTP/2.
    """

    def __init__(
        self,
        old: Other,
        *,
        per_host: int,
        waiting: int = 1000,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
        proxy: Proxy | None = None,
    ) -> None:
        self._old = old
        self._per_host = per_host
        self._waiting = waiting
        resolver = resolver or RememberingResolver(SystemResolver())
        self._dialler: Dialler[Connection]
        if proxy is None:
            self._dialler = Straight(resolver, sealing(tls), None, _connection)
        else:
            way = Dialler(resolver, None, None, Opening)
            self._dialler = Tunnelling(resolver, sealing(tls), None, _connection, proxy, way)
        self._sites: dict[Origin, Site] = {}
        self._pools: dict[tuple[str, int], Pool] = {}

    async def close(self) -> None:
        """Drop all connections."""
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()
        self._sites.clear()
        await self._old.close()
        # The event loop tells of their end in its next turn, and closes their sockets at the end of that.
        for _ in range(2):
            await asyncio.sleep(0)

    def send(
        self,
        message: Message,
        origin: Origin,
        *,
        timeouts: Timeouts,
        max_reply: int,
        headers: Sequence[tuple[str, str]] = (),
    ) -> AbstractAsyncContextManager[Response]:
        """As the port says."""
        site = self._sites.get(origin)
        if site is None and origin.base_url.startswith("https:"):
            site = self._site(origin)
        if site is None or site.pool.is_of_old:
            return self._old.send(message, origin, timeouts=timeouts, max_reply=max_reply, headers=headers)
        return Exchange(site, message, headers, timeouts, max_reply)

    def _site(self, origin: Origin) -> Site:
        parts = urlsplit(origin.base_url)
        assert parts.hostname is not None
        address = (parts.hostname, parts.port or DEFAULT_PORTS["https"])
        if len(self._sites) >= _SITES:
            self._sites.clear()
        pool = self._pools.get(address)
        if pool is None:
            pool = self._pools[address] = self._pool(*address)
        site = self._sites[origin] = Site(origin, pool, self._old)
        return site

    def _pool(self, host: str, port: int) -> Pool:
        """The connections to a host and port."""
        if len(self._pools) >= _SITES:
            for unused in [known for known, pool in self._pools.items() if not pool.places.users]:
                self._pools.pop(unused).close()
        return Pool(
            lambda within: self._dialler.dial("https", host, port, within=within),
            Places(self._per_host, self._waiting),
        )
