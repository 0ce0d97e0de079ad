"""A server of HTTP/2 that hands each exchange on to an upstream of HTTP/1.1, and says in its words what comes back."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import h11
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, StreamEnded, StreamReset

from torana.core.exchange import Message
from torana.upstream.client import Origin, Response
from torana.upstream.http2.client import Http2Client
from torana.upstream.resolving import Address

NAME = "pictures.example"
_CONFIG = H2Configuration(client_side=False)
_PIECE = 65536
_OF_CONNECTIONS = {b"connection", b"transfer-encoding", b"keep-alive"}


@dataclass
class Far:
    """A connection to the upstream behind."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    words: h11.Connection = field(default_factory=lambda: h11.Connection(our_role=h11.CLIENT))

    async def say(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        self.writer.write(self.words.send(event) or b"")
        await self.writer.drain()

    async def hear(self) -> Any:
        while (event := self.words.next_event()) is h11.NEED_DATA:
            self.words.receive_data(await self.reader.read(_PIECE))
        return event

    def rest(self) -> bool:
        """Make ready for another exchange, if there may be one."""
        is_done = self.words.our_state is self.words.their_state is h11.DONE and not self.words.trailing_data[0]
        if is_done:
            self.words.start_next_cycle()
        return is_done


@dataclass
class Call:
    """One exchange, and what has come of its body."""

    number: int
    pieces: "asyncio.Queue[DataReceived | None]" = field(default_factory=asyncio.Queue)
    task: asyncio.Task[None] | None = None


class Near:
    """A connection of the client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.frames = H2Connection(_CONFIG)
        self.calls: dict[int, Call] = {}
        self.kept: list[Far] = []
        self.turn = asyncio.Event()

    async def run(self) -> None:
        self.frames.initiate_connection()
        self.flush()
        try:
            while data := await self.reader.read(_PIECE):
                for event in self.frames.receive_data(data):
                    self.take(event)
                self.flush()
                self.turn.set()
                self.turn = asyncio.Event()
        finally:
            tasks = [call.task for call in self.calls.values() if call.task]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for far in self.kept:
                far.writer.transport.abort()

    def flush(self) -> None:
        self.writer.write(self.frames.data_to_send())

    def take(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            call = self.calls[event.stream_id] = Call(event.stream_id)
            call.task = asyncio.create_task(self.hand_on(call, event.headers))
        elif isinstance(event, DataReceived):
            self.calls[event.stream_id].pieces.put_nowait(event)
        elif isinstance(event, StreamEnded):
            self.calls[event.stream_id].pieces.put_nowait(None)
        elif isinstance(event, StreamReset) and (task := self.calls[event.stream_id].task):
            task.cancel()

    async def hand_on(self, call: Call, fields: list[Any]) -> None:
        heads = dict(fields)
        port = heads[b":authority"].rpartition(b":")[2]
        own = [(name, value) for name, value in fields if not name.startswith(b":")]
        far = self.kept.pop() if self.kept else Far(*await asyncio.open_connection("127.0.0.1", int(port)))
        request = h11.Request(
            method=heads[b":method"], target=heads[b":path"], headers=[("host", b"127.0.0.1:" + port), *own]
        )
        upload = asyncio.create_task(self.upload(call, far, request))
        try:
            await self.answer(call, far)
            if far.rest():
                self.kept.append(far)
                return
        except h11.RemoteProtocolError:
            if far.words.their_state is h11.ERROR and not far.writer.transport.is_closing():
                self.frames.reset_stream(call.number, ErrorCodes.INTERNAL_ERROR)
                self.flush()
        except ConnectionError:
            self.frames.reset_stream(call.number, ErrorCodes.INTERNAL_ERROR)
            self.flush()
        finally:
            upload.cancel()
            if far not in self.kept:
                far.writer.transport.abort()

    async def upload(self, call: Call, far: Far, request: h11.Request) -> None:
        with suppress(ConnectionError):
            await far.say(request)
            while (piece := await call.pieces.get()) is not None:
                await far.say(h11.Data(piece.data))
                self.frames.acknowledge_received_data(piece.flow_controlled_length, call.number)
                self.flush()
            await far.say(h11.EndOfMessage())

    async def answer(self, call: Call, far: Far) -> None:
        while not isinstance(event := await far.hear(), h11.EndOfMessage | h11.ConnectionClosed):
            if isinstance(event, h11.Data):
                await self.tell(call, bytes(event.data))
                continue
            heads = [(name, value) for name, value in event.headers if name not in _OF_CONNECTIONS]
            self.frames.send_headers(call.number, [(b":status", b"%d" % event.status_code), *heads])
            self.flush()
        self.frames.end_stream(call.number)
        self.flush()

    async def tell(self, call: Call, data: bytes) -> None:
        while data:
            room = min(self.frames.local_flow_control_window(call.number), self.frames.max_outbound_frame_size)
            if not room:
                await self.turn.wait()
                continue
            self.frames.send_data(call.number, data[:room])
            self.flush()
            data = data[room:]


class Fronted:
    """Sends what is for a plain upstream to the server before it."""

    def __init__(self, client: Http2Client) -> None:
        self.client = client

    def send(self, message: Message, origin: Origin, **settings: Any) -> AbstractAsyncContextManager[Response]:
        there = Origin(origin.base_url.replace("http://127.0.0.1", f"https://{NAME}"), origin.headers)
        return self.client.send(message, there, **settings)

    async def close(self) -> None:
        await self.client.close()


@dataclass(frozen=True)
class Leading:
    """A resolver by which all names lead to one port of ours."""

    port: int

    async def resolve(self, host: str, port: int) -> tuple[Address, ...]:
        return (Address("127.0.0.1", self.port),)


@asynccontextmanager
async def front(tls: ssl.SSLContext) -> AsyncIterator[Leading]:
    """The server before all upstreams; what leads there."""
    tls.set_alpn_protocols(["h2"])
    tasks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def run() -> None:
            with suppress(ConnectionError):
                await Near(reader, writer).run()
            writer.transport.abort()

        tasks.append(asyncio.create_task(run()))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield Leading(server.sockets[0].getsockname()[1])
    finally:
        for _ in range(2):
            await asyncio.sleep(0)
        server.close()
        await asyncio.wait_for(asyncio.gather(*tasks), 5)
        await server.wait_closed()
