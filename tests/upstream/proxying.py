"""A forward proxy on the loopback: tunnels by CONNECT, and messages that it reads and hands on."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from torana.upstream.proxy import Proxy, proxy_at

REFUSED = b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n"
_PIECE = 65536


@dataclass
class Relay:
    """The proxy: where it is, whom it lets through, and the first lines and headers of what it was asked."""

    authorization: str | None
    scheme: str
    port: int = 0
    heads: list[str] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def proxy(self, credentials: bytes | None = None) -> Proxy:
        """As an account has it."""
        return proxy_at(f"{self.scheme}://127.0.0.1:{self.port}", credentials)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        self.tasks.append(asyncio.create_task(self._run(reader, writer)))

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._relay(reader, writer)
        writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await self._head(reader)
        if self.authorization is not None and f"proxy-authorization: {self.authorization}" not in _lines(head):
            writer.write(REFUSED)
            await writer.drain()
            return
        method, target, _ = head.split("\r\n")[0].split(" ")
        place = urlsplit(f"//{target}" if method == "CONNECT" else target)
        assert place.hostname is not None
        far_reader, far_writer = await asyncio.open_connection(place.hostname, place.port)
        try:
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                there = asyncio.create_task(_pipe(reader, far_writer))
            else:
                there = asyncio.create_task(self._hand_on(head, reader, far_writer))
            back = asyncio.create_task(_pipe(far_reader, writer))
            _, pending = await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
        finally:
            far_writer.transport.abort()

    async def _hand_on(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One message after the other, as the upstream would have had it without us."""
        while True:
            first, *headers = head.split("\r\n")
            method, target, version = first.split(" ")
            place = urlsplit(target)
            path = target.removeprefix(f"{place.scheme}://{place.netloc}") or "/"
            kept = [header for header in headers if not header.lower().startswith("proxy-")]
            writer.write("\r\n".join([f"{method} {path} {version}", *kept, "", ""]).encode("latin-1"))
            lengths = [int(line.partition(": ")[2]) for line in _lines(head) if line.startswith("content-length: ")]
            left = sum(lengths)
            while left:
                piece = await reader.read(min(left, _PIECE))
                if not piece:
                    return
                left -= len(piece)
                writer.write(piece)
                await writer.drain()
            head = await self._head(reader)

    async def _head(self, reader: asyncio.StreamReader) -> str:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").removesuffix("\r\n\r\n")
        self.heads.append(head)
        return head


def _lines(head: str) -> list[str]:
    """The headers, their names in lower case."""
    pairs = (line.partition(": ") for line in head.split("\r\n")[1:])
    return [f"{name.lower()}: {value}" for name, _, value in pairs]


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
    # All that came is to arrive before the connection is dropped.
    if writer.can_write_eof():
        writer.write_eof()


@asynccontextmanager
async def relay(*, authorization: str | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Relay]:
    """A proxy that lets through whoever sends ``authorization``, or everybody."""
    made = Relay(authorization, "https" if tls else "http")
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        for _ in range(2):
            await asyncio.sleep(0)
        server.close()
        for task in made.tasks:
            task.cancel()
        outcomes = await asyncio.gather(*made.tasks, return_exceptions=True)
        for writer in made.writers:
            writer.transport.abort()
        await server.wait_closed()
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
