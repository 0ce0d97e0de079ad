"""What addresses a name has."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from time import monotonic
from typing import NamedTuple, Protocol

from torana.upstream.addresses import is_public

_REMEMBERED = 10.0
"""Seconds that addresses are remembered: so long at most a name is behind what it has become."""
_MOST_NAMES = 1024


class Address(NamedTuple):
    """Where to connect to: an IP address as text, and a port."""

    host: str
    port: int


class Resolver(Protocol):
    """Looks names up. It is not asked for hosts that are addresses, and whoever asks connects to what he is given."""

    async def resolve(self, host: str, port: int) -> Sequence[Address]:
        """The addresses of ``host``, those to try first first; OSError if there is none."""
        ...


class SystemResolver:
    """Asks the system, in a thread."""

    async def resolve(self, host: str, port: int) -> Sequence[Address]:
        """As the port says."""
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        # For IPv6 that is the scope too, of which only link-local addresses have one.
        return tuple(dict.fromkeys(Address(*socket.getnameinfo(where, _NUMERIC)[:1], port) for *_, where in found))


class RememberingResolver:
    """Remembers for ten seconds what another resolver found; ``ticks`` is a clock that only goes forward."""

    def __init__(self, resolver: Resolver, ticks: Callable[[], float] = monotonic) -> None:
        self._resolver = resolver
        self._ticks = ticks
        self._found: dict[tuple[str, int], tuple[float, Sequence[Address]]] = {}

    async def resolve(self, host: str, port: int) -> Sequence[Address]:
        """As the port says; that there is no address is not remembered."""
        known = self._found.get((host, port))
        if known is not None and self._ticks() < known[0]:
            return known[1]
        found = await self._resolver.resolve(host, port)
        if len(self._found) >= _MOST_NAMES:
            self._found.clear()
        self._found[host, port] = (self._ticks() + _REMEMBERED, found)
        return found


class PublicResolver:
    """Gives the public addresses alone.

    A name is looked up once for a connection, which goes to what was found, so a name that changes its mind afterwards
    changes nothing.
    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def resolve(self, host: str, port: int) -> Sequence[Address]:
        """The public addresses of ``host``; OSError if none is."""
        public = tuple(found for found in await self._resolver.resolve(host, port) if is_public(ip_address(found.host)))
        if not public:
            raise OSError(f"{host} has no public address")
        return public


_NUMERIC = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
