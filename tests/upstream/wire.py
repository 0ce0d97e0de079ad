"""An upstream that a test scripts byte by byte, on real sockets of the loopback."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from torana.upstream.client import Origin

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


@dataclass(frozen=True)
class Request:
    """What the client sent, as it stood on the wire."""

    head: str
    body: bytes

    @property
    def line(self) -> str:
        return self.head.split("\r\n")[0]

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [(name.lower(), value) for name, value in (line.split(": ", 1) for line in self.head.split("\r\n")[1:])]


@dataclass
class Wire:
    """One connection, seen from the upstream."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def head(self) -> str:
        return (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").removesuffix("\r\n\r\n")

    async def request(self) -> Request:
        request = Request(await self.head(), b"")
        length = int(dict(request.headers).get("content-length", "0"))
        return Request(request.head, await self.reader.readexactly(length))

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hang_up(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    @property
    def sock(self) -> socket.socket:
        """What is done to it reaches the client's kernel at once, and the client's event loop only when that turns."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        return sock

    async def gone(self) -> bool:
        """Wait until the client has dropped the connection."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass
        return True


Script = Callable[[Wire], Awaitable[None]]


@dataclass
class Upstream:
    """The server: where it is, and the connections it took."""

    script: Script
    address: str = "127.0.0.1"
    port: int = 0
    scheme: str = "http"
    wires: list[Wire] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def connections(self) -> int:
        return len(self.wires)

    @property
    def host(self) -> str:
        return f"{self.address}:{self.port}"

    @property
    def origin(self) -> Origin:
        return Origin(f"{self.scheme}://{self.host}/v1")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.wires.append(Wire(reader, writer))
        self.tasks.append(asyncio.create_task(self._run(self.wires[-1])))

    async def _run(self, wire: Wire) -> None:
        try:
            # A client may go when it has had its reply, or while the rest of one is on its way to it.
            with suppress(asyncio.IncompleteReadError, ConnectionResetError):
                await self.script(wire)
        finally:
            wire.writer.transport.abort()


@asynccontextmanager
async def upstream(
    script: Script, *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1"
) -> AsyncIterator[Upstream]:
    """Serve ``script`` on every connection; what it failed with fails the test."""
    up = Upstream(script, address, scheme="https" if tls else "http")
    server = await asyncio.start_server(up.serve, address, 0, ssl=tls)
    up.port = server.sockets[0].getsockname()[1]
    try:
        yield up
    finally:
        # A connection that is accepted in the turn in which the server closes would be left open by asyncio.
        for _ in range(2):
            await asyncio.sleep(0)
        server.close()
        for task in up.tasks:
            task.cancel()
        outcomes = await asyncio.gather(*up.tasks, return_exceptions=True)
        await server.wait_closed()
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


def answering(*replies: bytes) -> Script:
    """Answer requests on one connection, one reply each, then wait for the client to go."""

    async def script(wire: Wire) -> None:
        for reply in replies:
            await wire.request()
            await wire.say(reply)
        await wire.gone()

    return script
