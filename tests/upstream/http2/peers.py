"""An upstream of HTTP/2 that a test scripts event by event, on real sockets of the loopback."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, StreamEnded
from h2.settings import SettingCodes

from torana.upstream.client import Origin

_CONFIG = H2Configuration(client_side=False, header_encoding="latin-1")
SomeEvent = TypeVar("SomeEvent", bound=Event)


@dataclass
class Peer:
    """One connection, seen from the upstream."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    takes: bool = True
    """Whether what comes of bodies is acknowledged."""
    frames: H2Connection = field(default_factory=lambda: H2Connection(_CONFIG))
    came: list[Event] = field(default_factory=list)
    bodies: dict[int, bytes] = field(default_factory=dict)

    async def greet(self, **settings: int) -> None:
        self.frames.initiate_connection()
        self.frames.update_settings({SettingCodes[name.upper()]: value for name, value in settings.items()})
        await self.flush()

    async def flush(self) -> None:
        self.writer.write(self.frames.data_to_send())
        await self.writer.drain()

    async def events(self) -> list[Event]:
        """What comes next, at least one."""
        while True:
            data = await self.reader.read(65536)
            if not data:
                raise asyncio.IncompleteReadError(b"", None)
            came = self.frames.receive_data(data)
            for event in came:
                if isinstance(event, DataReceived):
                    self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
                    if self.takes:
                        self.frames.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            await self.flush()
            if came:
                return came

    async def until(self, kind: type[SomeEvent]) -> SomeEvent:
        """The next event of a kind; those before it are passed over."""
        while True:
            while self.came:
                event = self.came.pop(0)
                if isinstance(event, kind):
                    return event
            self.came = await self.events()

    async def request(self) -> int:
        """The number of the next exchange whose request is whole."""
        return (await self.until(StreamEnded)).stream_id or 0

    async def head(self) -> RequestReceived:
        return await self.until(RequestReceived)

    async def answer(
        self, number: int, body: bytes = b"hi", status: int = 200, *, ends: bool = True, **heads: str
    ) -> None:
        pairs = [(":status", str(status)), *((name.replace("_", "-"), value) for name, value in heads.items())]
        self.frames.send_headers(number, pairs, end_stream=ends and not body)
        if body:
            self.frames.send_data(number, body, end_stream=ends)
        await self.flush()

    async def more(self, number: int, data: bytes, *, ends: bool = False) -> None:
        self.frames.send_data(number, data, end_stream=ends)
        await self.flush()

    async def reset(self, number: int, code: ErrorCodes) -> None:
        self.frames.reset_stream(number, code)
        await self.flush()

    async def farewell(self, last: int) -> None:
        """GOAWAY, which h2 would take for the end of all."""
        self.writer.write(b"\0\0\x08\x07\0" + bytes(4) + last.to_bytes(4) + bytes(4))
        await self.writer.drain()

    async def gone(self) -> None:
        """Wait until the client has dropped the connection."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


Script = Callable[[Peer], Awaitable[None]]


@dataclass
class Upstream:
    """The server: where it is, and the connections it took."""

    script: Script
    port: int = 0
    peers: list[Peer] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def origin(self) -> Origin:
        return Origin(f"https://127.0.0.1:{self.port}/v1")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peers.append(Peer(reader, writer))
        self.tasks.append(asyncio.create_task(self._run(self.peers[-1])))

    async def _run(self, peer: Peer) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionResetError):
                await self.script(peer)
        finally:
            peer.writer.transport.abort()


@asynccontextmanager
async def upstream(script: Script, tls: ssl.SSLContext) -> AsyncIterator[Upstream]:
    """Serve ``script`` on every connection; what it failed with fails the test."""
    tls.set_alpn_protocols(["h2"])
    up = Upstream(script)
    server = await asyncio.start_server(up.serve, "127.0.0.1", 0, ssl=tls)
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
        for peer in up.peers:
            peer.writer.transport.abort()
        await server.wait_closed()
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


async def answering(peer: Peer) -> None:
    """Answer every request as soon as it is whole."""
    await peer.greet()
    while True:
        await peer.answer(await peer.request())
