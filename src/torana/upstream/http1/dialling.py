"""Making connections: names are looked up, addresses tried, TLS agreed on."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import inf

from torana.core.errors import UpstreamUnreachable
from torana.upstream.addresses import literal
from torana.upstream.http1.connection import Connection
from torana.upstream.resolving import Address, Resolver

_STAGGER = 0.25
"""Seconds after which the next address is tried too, as RFC 8305 has it."""


@cache
def usual_tls() -> ssl.SSLContext:
    """What the system trusts; made once, for it takes long and much memory."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


@dataclass(frozen=True, slots=True)
class Dialler:
    """How to connect, wherever to."""

    resolver: Resolver = field(repr=False)
    tls: ssl.SSLContext | None = field(repr=False)
    """None is what the system trusts."""
    socket: Callable[[], str] | None
    """Gives the path of a socket in a file that stands for all addresses."""
    room: memoryview = field(repr=False)

    async def dial(self, scheme: str, host: str, port: int, *, within: float) -> Connection:
        """A new connection; UpstreamUnreachable, also after ``within`` seconds. Its message names no address."""
        try:
            async with asyncio.timeout(within if within < inf else None):
                return await self._dial(scheme, host, port)
        except TimeoutError as error:
            raise UpstreamUnreachable(f"No connection to the upstream within {within:g} s.") from error
        except (ssl.SSLError, ssl.CertificateError) as error:
            raise UpstreamUnreachable("No secure connection to the upstream could be made.") from error
        except OSError as error:
            cause = OSError(error.errno, f"no connection to {host}:{port}: {error.strerror or error}")
            cause.__cause__ = error
            raise UpstreamUnreachable("The upstream could not be reached.") from cause

    async def _dial(self, scheme: str, host: str, port: int) -> Connection:
        loop = asyncio.get_running_loop()
        if self.socket is not None:
            _, connection = await loop.create_unix_connection(lambda: Connection(loop, self.room), self.socket())
            return connection
        tls = (self.tls or usual_tls()) if scheme == "https" else None
        if literal(host) is None:
            addresses = await self.resolver.resolve(host, port)
        else:
            addresses = (Address(host, port),)
        if len(addresses) == 1:
            return await self._connect(addresses[0], tls, host)
        return await self._first(addresses, tls, host)

    async def _connect(self, address: Address, tls: ssl.SSLContext | None, name: str) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: Connection(loop, self.room),
            address.host,
            address.port,
            ssl=tls,
            server_hostname=name if tls is not None else None,
        )
        return connection

    async def _first(self, addresses: Sequence[Address], tls: ssl.SSLContext | None, name: str) -> Connection:
        """The connection that is made first of several that are tried one after the other, none for long alone."""
        left = list(addresses)
        trying: set[asyncio.Task[Connection]] = set()
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


def _unwanted(task: "asyncio.Task[Connection]") -> None:
    if not task.cancelled() and task.exception() is None:
        with contextlib.suppress(OSError):
            task.result().drop()
