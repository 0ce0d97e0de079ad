"""The client on connections of our own: they are kept and counted, every wait and every size is bounded."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import urlsplit

from torana.core.exchange import Message
from torana.upstream.client import Origin, Timeouts
from torana.upstream.http1.connection import ROOM, Connection
from torana.upstream.http1.dialling import Dialler
from torana.upstream.http1.exchange import Exchange, Site
from torana.upstream.http1.heads import DEFAULT_PORTS, Heads
from torana.upstream.http1.pool import Limits, Pool
from torana.upstream.resolving import RememberingResolver, Resolver, SystemResolver

_USUAL = Limits()
_SITES = 1024
"""Origins whose heads are remembered."""


class HttpClient:
    """Calls upstreams; made in a running event loop, ended with ``close``.

    ``per_host`` is how many exchanges with one scheme, host and port may be under way; more wait their turn, in the
    order in which they came. ``tls`` and ``resolver`` stand for the system's; ``socket`` gives the path of a socket in
    a file that stands for every address.
    """

    def __init__(
        self,
        *,
        per_host: int,
        limits: Limits = _USUAL,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
        socket: Callable[[], str] | None = None,
    ) -> None:
        self._places = per_host
        self._limits = limits
        room = memoryview(bytearray(ROOM))
        self._dialler = Dialler(
            resolver or RememberingResolver(SystemResolver()),
            tls,
            socket,
            lambda: Connection(asyncio.get_running_loop(), room),
        )
        self._sites: dict[Origin, Site] = {}
        self._pools: dict[tuple[str, str, int], Pool] = {}

    async def close(self) -> None:
        """Drop all connections."""
        for pool in tuple(self._pools.values()):
            pool.close()
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
    ) -> Exchange:
        """As the port says."""
        site = self._sites.get(origin)
        if site is None:
            site = self._site(origin)
        return Exchange(site, message, headers, timeouts, max_reply)

    def _site(self, origin: Origin) -> Site:
        parts = urlsplit(origin.base_url)
        assert parts.hostname is not None
        address = (parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS[parts.scheme])
        if len(self._sites) >= _SITES:
            self._sites.clear()
        # Other origins may share the connections.
        site = self._sites[origin] = Site(Heads(origin), partial(self._pool, address))
        return site

    def _pool(self, address: tuple[str, str, int]) -> Pool:
        """The connections to a scheme, host and port."""
        pool = self._pools.get(address)
        if pool is None:
            scheme, host, port = address

            def forget(pool: Pool) -> None:
                if self._pools.get(address) is pool:
                    del self._pools[address]

            pool = self._pools[address] = Pool(
                lambda within: self._dialler.dial(scheme, host, port, within=within), self._places, self._limits, forget
            )
        return pool
