"""Making connections: names are looked up, addresses tried, TLS agreed on."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import inf
from typing import Generic, TypeVar

from torana.core.errors import UpstreamUnreachable
from torana.upstream.addresses import literal
from torana.upstream.resolving import Address, Resolver

_STAGGER = 0.25
"""Seconds after which the next address is tried too, as RFC 8305 has it."""


@cache
def usual_tls(*offered: str) -> ssl.SSLContext:
    """What the system trusts, and the protocols that are ``offered``, HTTP/1.1 where none is named.

    Each is made once, for it takes long and much memory.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(offered or ("http/1.1",))
    return context


_Made = TypeVar("_Made", bound=asyncio.BaseProtocol)


@dataclass(frozen=True, slots=True)
class Dialler(Generic[_Made]):
    """How to connect, wherever to; ``make`` makes what speaks on a connection, an event loop's protocol."""

    resolver: Resolver = field(repr=False)
    tls: ssl.SSLContext | None = field(repr=False)
    """None is what the system trusts."""
    socket: Callable[[], str] | None
    """Gives the path of a socket in a file that stands for all addresses."""
    make: Callable[[], _Made] = field(repr=False)

    async def dial(self, scheme: str, host: str, port: int, *, within: float) -> _Made:
        """A new connection; UpstreamUnreachable, also after ``within`` seconds. Its message names no address."""
        try:
            async with asyncio.timeout(within if within < inf else None):
                return await self.reach(scheme, host, port)
        except TimeoutError as error:
            raise UpstreamUnreachable(f"No connection to the upstream within {within:g} s.") from error
        except (ssl.SSLError, ssl.CertificateError) as error:
            raise UpstreamUnreachable("No secure connection to the upstream could be made.") from error
        except OSError as error:
            cause = OSError(error.errno, f"no connection to {host}:{port}: {error.strerror or error}")
            cause.__cause__ = error
            raise UpstreamUnreachable("The upstream could not be reached.") from cause

    async def reach(self, scheme: str, host: str, port: int) -> _Made:
        """A new connection, in any time; OSError, which TLS's errors are too, and ssl.CertificateError."""
        loop = asyncio.get_running_loop()
        if self.socket is not None:
            _, made = await loop.create_unix_connection(self.make, self.socket())
            return made
        tls = (self.tls or usual_tls()) if scheme == "https" else None
        if literal(host) is None:
            addresses = await self.resolver.resolve(host, port)
        else:
            addresses = (Address(host, port),)
        if len(addresses) == 1:
            _, made = await self._connect(addresses[0], tls, host)
        else:
            _, made = await self._first(addresses, tls, host)
        return made

    async def _connect(
        self, address: Address, tls: ssl.SSLContext | None, name: str
    ) -> tuple[asyncio.Transport, _Made]:
        loop = asyncio.get_running_loop()
        return await loop.create_connection(
            self.make, address.host, address.port, ssl=tls, server_hostname=name if tls is not None else None
        )

    async def _first(
        self, addresses: Sequence[Address], tls: ssl.SSLContext | None, name: str
    ) -> tuple[asyncio.Transport, _Made]:
        """The connection that is made first of several that are tried one after the other, none for long alone."""
        left = list(addresses)
        trying: set[asyncio.Task[tuple[asyncio.Transport, _Made]]] = set()
        failed: BaseException = OSError("the name has no address")
        try:
            while left or trying:
                if left:
                    trying.add(asyncio.create_task(self._connect(left.pop(0), tls, name)))
                done, trying = await asyncio.wait(
                    trying, timeout=_STAGGER if left else None, return_when=asyncio.FIRST_COMPLETED
                )
                made = [task for task in done if task.exception() is None]
                trying |= set(made[1:])
                if made:
                    return made[0].result()
                failed = next((error for task in done if (error := task.exception()) is not None), failed)
            raise failed
        finally:
            for task in trying:
                task.cancel()
                task.add_done_callback(_unwanted)


def _unwanted(task: "asyncio.Task[tuple[asyncio.Transport, _Made]]") -> None:
    if not task.cancelled() and task.exception() is None:
        with contextlib.suppress(OSError):
            task.result()[0].abort()
