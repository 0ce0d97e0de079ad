"""A gateway on loopback whose provider is made up by the test, and a client that sees every byte of it."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from tests.media.samples import encoded
from tests.media.samples import picture as drawn
from tests.policy.rules import NO_RULES
from torana.auth.build import build_authenticator
from torana.auth.directory import Directory
from torana.auth.identity import Identity
from torana.auth.mint import mint
from torana.config.access import Roles
from torana.config.model import Auth, Claims, Issuer, Settings
from torana.config.secrets import Secret
from torana.config.upstreams import Idempotency
from torana.core.clock import FakeClock
from torana.core.content import Picture, PictureInfo, Size
from torana.core.exchange import Context, Reply, Target, Usage
from torana.edge.app import App, Life, Route
from torana.edge.bodies.reading import BodyReader
from torana.edge.bodies.uploads import FormReader
from torana.edge.exchange import Receive, Scope, Send
from torana.edge.health import Metrics, Readiness
from torana.edge.operations import Operations
from torana.edge.pictures import Origin, PictureLinks
from torana.edge.protocol import BoundedProtocol, Bounds
from torana.edge.routes import routes
from torana.families.base import Family
from torana.families.images import GENERATIONS, VARIATIONS, ImageRequest, Pictures
from torana.media.probe import probe
from torana.pipeline.flow import Snapshot
from torana.policy.access import Access
from torana.policy.idempotency import Replays
from torana.policy.ledger import Ledger
from torana.policy.rulebook import Additions, Rulebook, Ruling
from torana.routing.catalog import Catalog, Offer
from torana.routing.health import Health
from torana.storage.objects import directory
from torana.storage.spool import Spool
from torana.telemetry.logs import Logger
from torana.telemetry.signals import Signals

KEY = b"a secret that is long enough for HS256"
ISSUER = Issuer(
    issuer="us", audience="us", algorithms=("HS256",), secret=Secret(env="KEY"), claims=Claims(models="models")
)
FAMILIES = (VARIATIONS, GENERATIONS)
PATH = "/v1/images/variations"
SIZE = Size(37, 23)
PNG = encoded(drawn(), "PNG")
MADE = Picture(encoded(drawn().rotate(180), "PNG"), PictureInfo("png", SIZE))
BOUNDARY = "between"
TARGET = Target("lab", "redux")
BOUNDS = Bounds(head=32 * 1024, head_seconds=60.0, connections=1000, stalled_seconds=60.0, ahead=256)

Paint = Callable[[ImageRequest, Context], Awaitable[Reply[Pictures]]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


async def painted(request: ImageRequest, context: Context) -> Reply[Pictures]:
    """As many pictures as were asked for, all the same."""
    return Reply(Pictures(1_800_000_000, (MADE,) * request.n), usage=Usage(images=request.n))


class Log(io.StringIO):
    """What was logged, as a stream and as events to wait for."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def write(self, text: str) -> int:
        self._lines.put_nowait(json.loads(text))
        return super().write(text)

    async def event(self, name: str = "request") -> dict[str, Any]:
        """The next event of that name; what comes before it is passed over."""
        while (event := await self._lines.get())["event"] != name:
            pass
        return event


@dataclass(frozen=True)
class Answer:
    """A reply as it stood on the wire."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error's members; there is nothing else in the reply."""
        (found,) = self.json.values()
        assert list(self.json) == ["error"]
        assert list(found) == ["message", "type", "param", "code"]
        assert self.header("content-type") == "application/json"
        members: dict[str, Any] = found
        return members


@dataclass(frozen=True)
class Client:
    """One connection, seen from the client."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, *, bodiless: bool = False) -> Answer:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = [(name.lower(), value) for name, value in (text.split(": ", 1) for text in lines)]
        length = 0 if bodiless else int(dict(headers)["content-length"])
        return Answer(int(line.split()[1]), headers, await self.reader.readexactly(length))

    async def rest(self) -> bytes:
        """What comes until the server closes the connection."""
        got = bytearray()
        with suppress(ConnectionError):
            while chunk := await self.reader.read(65536):
                got += chunk
        return bytes(got)

    def leave(self) -> None:
        self.writer.transport.abort()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    client = Client(reader, writer)
    try:
        yield client
    finally:
        client.leave()


@asynccontextmanager
async def serving(app: Asgi) -> AsyncIterator[int]:
    """The server as ``torana serve`` sets it up, but for its signals and its start and end; gives the port."""
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, proxy_headers=False)
    config.load()
    state = ServerState()

    def protocol() -> BoundedProtocol:
        return BoundedProtocol(config=config, server_state=state, app_state={}, bounds=BOUNDS)

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        for task in state.tasks:
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)
        await server.wait_closed()


def form(fields: Mapping[str, str], files: Sequence[tuple[str, bytes]] = (("image", PNG),)) -> bytes:
    """The body of a form with that boundary."""
    parts = [f'form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    parts += [f'form-data; name="{name}"; filename="a.png"\r\n\r\n'.encode() + data for name, data in files]
    framed = b"".join(f"--{BOUNDARY}\r\nContent-Disposition: ".encode() + part + b"\r\n" for part in parts)
    return framed + f"--{BOUNDARY}--\r\n".encode()


def head(method: str, path: str, **headers: str | int | None) -> bytes:
    """A request's head; ``x_y`` is the header ``x-y``, None leaves one out."""
    lines = [f"{method} {path} HTTP/1.1", "host: gateway.test"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Nothing:
    """Nothing needs to run."""

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass


async def ready() -> bool:
    return True


@dataclass
class Gate:
    """A gateway that serves the model ``vary``, by whatever ``paint`` does."""

    directory: Path
    settings: Settings
    paint: Paint = painted
    clock: FakeClock = field(default_factory=FakeClock)
    log: Log = field(default_factory=Log)
    signals: Signals = field(default_factory=Signals)
    more: Mapping[str, Route] = field(default_factory=dict)
    target: Target = TARGET
    life: Life = field(default_factory=Nothing)
    families: Sequence[Family[Any, Any]] = FAMILIES
    fallback: Target | None = None
    """A second target of the model."""
    port: int = 0
    lent: int = 0
    """How many calls have the snapshot now."""

    def __post_init__(self) -> None:
        self.current = self.snapshot()
        self.objects = directory.Directory(self.directory / "pictures", max_total=10**8, clock=self.clock)
        origin = Origin(self.settings.server.public_url, "http://listening.test")
        self.links = PictureLinks(
            self.objects, key=KEY, ttl=self.settings.pictures.ttl, origin=origin, clock=self.clock
        )

    @property
    def app(self) -> App:
        server = self.settings.server
        operations = Operations(
            self.lend,
            open_body=BodyReader(self.forms()).open,
            links=self.links,
            names=server.reply_headers,
            heartbeat=server.heartbeat,
        )
        table = routes(
            self.families,
            operations,
            self.links,
            readiness=Readiness({"workers": ready, "storage": self.objects.writable}, dict),
            metrics=Metrics(self.signals, lambda: None),
            version="1.2.3",
        )
        return App(
            {**table, **self.more},
            life=self.life,
            settings=self.settings,
            clock=self.clock,
            logger=Logger("json", self.settings.telemetry.log_level, clock=self.clock, stream=self.log),
            signals=self.signals,
        )

    def token(self, *models: str) -> str:
        """What an Authorization header says."""
        claims = {"models": list(models or ("*",))}
        return "Bearer " + mint(ISSUER, KEY, subject="ada", ttl=10**6, claims=claims, now=self.clock.now())

    def post(self, fields: Mapping[str, str] | None = None, **headers: str | int | None) -> bytes:
        """A whole request for variations, good unless a header or a field makes it otherwise."""
        body = form({"model": "vary", **(fields or {})})
        usual: dict[str, str | int | None] = {
            "authorization": self.token(),
            "content_type": f"multipart/form-data; boundary={BOUNDARY}",
            "content_length": len(body),
        }
        return head("POST", PATH, **{**usual, **headers}) + body

    def draw(self, **members: object) -> bytes:
        """A whole request for generations, after which the connection closes."""
        body = json.dumps({"model": "vary", "prompt": "a cat", **members}).encode()
        told = head(
            "POST",
            "/v1/images/generations",
            authorization=self.token(),
            content_type="application/json",
            content_length=len(body),
            connection="close",
        )
        return told + body

    async def ask(self, request: bytes, *, bodiless: bool = False) -> Answer:
        """One request on a connection of its own."""
        async with connected(self.port) as client:
            await client.send(request)
            return await client.answer(bodiless=bodiless)

    async def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        return await self.ask(head(method, path, **headers), bodiless=method == "HEAD")

    @contextmanager
    def lend(self) -> Iterator[Snapshot]:
        self.lent += 1
        try:
            yield self.current
        finally:
            self.lent -= 1

    def snapshot(self) -> Snapshot:
        async def fetch(url: str) -> bytes:
            raise NotImplementedError(url)

        environ = {"KEY": KEY.decode()}
        targets = (self.target,) if self.fallback is None else (self.target, self.fallback)
        offer = Offer(lambda _model: frozenset(family.operation for family in self.families), ())
        authenticator = build_authenticator(Auth(issuers=(ISSUER,)), environ, clock=self.clock, fetch=fetch)
        return Snapshot(
            identity=Identity(authenticator, Directory(), roles=Roles(), clock=self.clock),
            catalog=Catalog({target.account: offer for target in targets}, {"vary": targets}),
            providers={target.account: self for target in targets},
            deadline=self.settings.server.deadline,
            clock=self.clock,
            health=Health(self.clock),
            rulebook=Rulebook(lambda _added: Ruling(Access("all", ()), NO_RULES), Additions(lambda *_: None)),
            ledger=Ledger(None, self.clock),
            replays=Replays(self.clock, Idempotency()),
        )

    @property
    def operations(self) -> dict[str, Callable[[Any, str, Context], Awaitable[Reply[Any]]]]:
        async def vary(request: ImageRequest, model: str, context: Context) -> Reply[Pictures]:
            return await self.paint(request, context)

        return dict.fromkeys((family.operation for family in self.families), vary)

    def worst(self, _request: ImageRequest, _target: Target) -> Decimal | None:
        return Decimal(0)

    def forms(self) -> FormReader:
        limits = self.settings.uploads
        return FormReader(limits, Spool(self.directory / "spool", limits.memory), probe, self.clock)


@asynccontextmanager
async def gate(directory: Path, settings: Settings | None = None, **members: Any) -> AsyncIterator[Gate]:
    """A gateway that is open."""
    opened = Gate(directory, settings or Settings(), **members)
    async with serving(opened.app) as port:
        opened.port = port
        yield opened
