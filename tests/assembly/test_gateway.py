import asyncio
import base64
import json
import re
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
import uvicorn

from tests.assembly.kit import ENVIRON, ISSUER, Log, settings_in
from tests.edge.gate import BOUNDARY, Answer, connected, form, head
from tests.providers.kit import Photo, photo
from tests.upstream.wire import Request, Wire, upstream
from torana.assembly.gateway import build_app, check_keys
from torana.assembly.processes import bounded_protocol
from torana.assembly.settings import load
from torana.assembly.tokens import own_token
from torana.auth.build import KeyProblem
from torana.config.books import Admin, Database
from torana.config.model import Auth, Pictures, Settings, Store, Telemetry
from torana.config.secrets import Secret, SecretMissing
from torana.config.upstreams import Account
from torana.core.clock import SystemClock
from torana.core.content import Size
from torana.edge.app import App
from torana.media.marks import SourceType, mark
from torana.storage.keys import UnsafeKey
from torana.telemetry import otlp

SHARED_LOOP = pytest.mark.asyncio(loop_scope="session")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
# The sample that newcomers read, with an account more whose key is nowhere and with one worker.
CONFIG = """\
database: {{enabled: false}}
server: {{data_dir: {data}}}
auth:
  issuers:
    - {{issuer: torana, audience: torana, algorithms: [HS256], secret: {{env: TORANA_JWT_SECRET}}}}
providers:
  studio: {{type: local}}
  lab: {{type: openai-compatible, base_url: "http://{lab}/v1", api_key: {{env: LAB_KEY}}}}
  lost: {{type: openai-compatible, base_url: "http://{lab}/v1", api_key: {{env: LOST_KEY}}}}
models:
  vary: {{targets: [{{target: lab/redux}}, {{target: studio/patchwork}}]}}
  second: {{targets: [{{target: lost/redux}}, {{target: studio/patchwork}}]}}
workers: {{count: 1}}
"""
PNG = photo(64, 64).data
FIELDS = {"model": "vary", "size": "64x64", "response_format": "b64_json"}


def pictures(answer: Answer) -> list[bytes]:
    assert answer.status == 200, answer.body
    return [base64.b64decode(item["b64_json"]) for item in answer.json["data"]]


@dataclass
class Lab:
    """An upstream that says what it is told to say, and what it was asked."""

    reply: bytes = b""
    requests: list[Request] = field(default_factory=list)

    async def __call__(self, wire: Wire) -> None:
        while True:
            self.requests.append(await wire.request())
            await wire.say(self.reply)

    def says(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.reply = b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (status, len(body)) + body
        self.requests.clear()


@dataclass
class Gateway:
    """A gateway as ``torana serve`` runs it, seen by its callers and its operator."""

    settings: Settings
    port: int
    lab: Lab
    log: Log
    directory: Path

    @property
    def token(self) -> str:
        return own_token(self.settings, ENVIRON, subject="ada", ttl=600, claims={}, clock=SystemClock())

    async def ask(self, request: bytes) -> Answer:
        async with connected(self.port) as client:
            await client.send(request)
            return await client.answer()

    async def vary(self, token: str = "", **headers: str) -> Answer:
        return await self.post(FIELDS, token, **headers)

    async def post(self, fields: dict[str, str], token: str = "", **headers: str) -> Answer:
        body = form(fields, [("image", PNG)])
        told = {
            "authorization": f"Bearer {token or self.token}",
            "content_type": f"multipart/form-data; boundary={BOUNDARY}",
            "content_length": str(len(body)),
        }
        return await self.ask(head("POST", "/v1/images/variations", **{**told, **headers}) + body)


@asynccontextmanager
async def served(app: App, settings: Settings) -> AsyncIterator[int]:
    """The application on a free port of loopback, from its start to its end."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        http=bounded_protocol(settings),  # type: ignore[arg-type]  # any callable that makes a protocol will do
        log_config=None,
        access_log=False,
        lifespan="on",
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    try:
        yield listener.getsockname()[1]
    finally:
        await server.shutdown(sockets=[listener])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(tmp_path_factory):
    directory, lab, log = tmp_path_factory.mktemp("gateway"), Lab(), Log()
    async with upstream(lab) as up:
        file = directory / "torana.yaml"
        file.write_text(CONFIG.format(data=directory / "data", lab=up.host))
        settings = load(file).settings
        app = build_app(settings, ENVIRON, listening="http://127.0.0.1", logger=log.logger)
        async with served(app, settings) as port:
            yield Gateway(settings, port, lab, log, directory)


@SHARED_LOOP
async def test_an_upstream_answers(gateway):
    made = photo(64, 64, mode="L").data
    gateway.lab.says(200, {"created": 1, "data": [{"b64_json": base64.b64encode(made).decode()}]})
    token = gateway.token
    answer = await gateway.vary(token, traceparent=TRACE, tracestate="a=b")
    assert pictures(answer) == [mark(made, SourceType.REWORKED)]
    assert answer.header("x-torana-model") == "lab/redux"
    (request,) = gateway.lab.requests
    headers = dict(request.headers)
    assert headers["authorization"] == f"Bearer {ENVIRON['LAB_KEY']}"
    assert (headers["traceparent"], headers["tracestate"]) == (TRACE, "a=b")
    assert b'name="model"\r\n\r\nredux\r\n' in request.body
    assert PNG in request.body
    sent = request.head.encode() + request.body
    assert not any(part.encode() in sent for part in token.split("."))


@SHARED_LOOP
async def test_the_engine_answers_where_the_upstream_fails(gateway):
    gateway.lab.says(503, {})
    answer = await gateway.vary()
    assert [Photo(picture).info.size for picture in pictures(answer)] == [Size(64, 64)]
    assert answer.header("x-torana-model") == "studio/patchwork"
    assert gateway.log.events[-1]["failed_attempts"] == [["lab/redux", "upstream_error"]]
    assert len(gateway.lab.requests) == 3


@SHARED_LOOP
async def test_what_the_caller_can_mend_is_tried_nowhere_else(gateway):
    gateway.lab.says(400, {"error": {"param": "size", "message": "no"}})
    answer = await gateway.vary()
    assert (answer.status, answer.error["param"]) == (400, "size")


@SHARED_LOOP
async def test_a_lost_key_is_no_answer_but_the_next_target_has_one(gateway):
    alone = await gateway.post({**FIELDS, "model": "lost/redux"})
    assert (alone.status, alone.error["code"]) == (502, "upstream_auth")
    assert gateway.log.events[-1]["reason"] == "no_key"
    second = await gateway.post({**FIELDS, "model": "second"})
    assert (len(pictures(second)), second.header("x-torana-model")) == (1, "studio/patchwork")
    warned = [event for event in gateway.log.events if event["event"] == "no_credentials"]
    assert [(event["account"], event["detail"]) for event in warned] == [
        ("lost", "environment variable LOST_KEY is not set"),
    ]  # fmt: skip


@SHARED_LOOP
async def test_links_work_as_they_are_handed_out(gateway):
    answer = await gateway.post({"model": "studio/patchwork", "size": "64x64", "n": "2"})
    for item in answer.json["data"]:
        assert item["url"].startswith("http://gateway.test/pictures/")
        fetched = await gateway.ask(head("GET", item["url"].removeprefix("http://gateway.test")))
        assert Photo(fetched.body).info.size == Size(64, 64)


@SHARED_LOOP
async def test_the_same_seed_gives_the_same_pictures(gateway):
    fields = {**FIELDS, "model": "studio/patchwork", "seed": "1", "n": "2"}
    first, again = [pictures(await gateway.post(fields)) for _ in range(2)]
    assert first == again
    assert first[0] != first[1]


@SHARED_LOOP
async def test_platforms_are_answered(gateway):
    gateway.lab.says(503, {})
    await gateway.vary()
    ready = await gateway.ask(head("GET", "/readyz"))
    assert (ready.status, ready.json["checks"]) == (
        200,
        dict.fromkeys(["workers", "storage", "keys", "registry", "budgets"], "ok"),
    )
    assert ready.json["targets"]["lab/redux"] == "closed"
    described = await gateway.ask(head("GET", "/openapi.json"))
    assert re.fullmatch(r"\d+\.\d+\.\d+", described.json["info"]["version"])
    assert (await gateway.ask(head("GET", "/metrics"))).status == 200


@SHARED_LOOP
async def test_no_secret_is_logged(gateway):
    token = gateway.token
    await gateway.vary(token)
    assert gateway.log.events
    for secret in (token.split(".")[2], *ENVIRON.values(), base64.b64encode(PNG).decode()[:30]):
        assert secret not in gateway.log.getvalue()


@SHARED_LOOP
async def test_what_is_kept_is_for_nobody_else(gateway):
    data = gateway.directory / "data"
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "picture.key").stat().st_mode) == 0o600
    assert sorted(entry.name for entry in data.iterdir()) == ["picture.key", "pictures", "spool"]
    assert list((data / "spool").iterdir()) == []


@pytest.fixture
def mirror(tmp_path):
    """Settings for a gateway that needs no time to start."""
    return settings_in(tmp_path, providers={"mirror": Account(type="echo")})


def build(settings: Settings) -> App:
    return build_app(settings, ENVIRON, listening="http://127.0.0.1", logger=Log().logger)


async def test_it_starts_and_ends_with_nothing_left(mirror):
    async with served(build(mirror), mirror) as port, connected(port) as client:
        await client.send(head("GET", "/readyz"))
        assert (await client.answer()).status == 200
    assert {task for task in asyncio.all_tasks() if not task.done()} == {asyncio.current_task()}


async def test_links_are_signed_with_the_key_that_replicas_share(mirror):
    shared = msgspec.structs.replace(mirror, pictures=Pictures(signing_key=Secret(env="LAB_KEY")))
    app = build(shared)
    assert app._routes["/pictures/*"].handle.__self__._key == b"lab-key"  # type: ignore[attr-defined]  # a method
    assert not (Path(mirror.server.data_dir) / "picture.key").exists()
    await app._life.stop()


@pytest.mark.parametrize("wanted", [True, False])
async def test_metrics_are_served_if_wanted(mirror, wanted):
    app = build(msgspec.structs.replace(mirror, telemetry=Telemetry(metrics=wanted)))
    assert ("/metrics" in app._routes) == wanted
    await app._life.stop()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"admin": Admin(port=1), "database": Database()}, b"`admin.port` gives it one of its own"),
        ({"database": Database(enabled=False)}, b"`database.enabled` is false"),
    ],
)
async def test_where_the_admin_api_is_not_it_is_said_why(mirror, changes, why):
    settings = msgspec.structs.replace(mirror, **changes)
    async with served(build(settings), settings) as port, connected(port) as client:
        await client.send(head("GET", "/admin/keys"))
        answer = await client.answer()
    assert answer.status == 404
    assert why in answer.body


async def test_spans_are_sent_while_it_lives(mirror, monkeypatch):
    told: list[str] = []

    def export(endpoint: str, version: str) -> tuple[None, Callable[[], None]]:
        told.append(endpoint)
        return None, lambda: told.append("stopped")

    monkeypatch.setattr(otlp, "export_spans", export)
    app = build(msgspec.structs.replace(mirror, telemetry=Telemetry(otlp_endpoint="http://collector:4318")))
    await app._life.start()
    assert told == ["http://collector:4318"]
    await app._life.stop()
    assert told == ["http://collector:4318", "stopped"]


@pytest.fixture(params=[check_keys, lambda settings, _: build(settings)], ids=["checked", "built"])
def refuse(request):
    """Both tell of the same mistakes, and neither leaves anything open."""
    return request.param


def test_a_key_that_others_can_read(mirror, refuse):
    check_keys(mirror, ENVIRON)
    (Path(mirror.server.data_dir) / "picture.key").chmod(0o644)
    with pytest.raises(UnsafeKey, match="chmod 600"):
        refuse(mirror, ENVIRON)


def test_a_signing_key_that_is_not_there(mirror, refuse):
    settings = msgspec.structs.replace(mirror, pictures=Pictures(signing_key=Secret(env="NO_KEY")))
    with pytest.raises(SecretMissing, match="NO_KEY"):
        refuse(settings, ENVIRON)


def test_a_buckets_key_that_is_not_there(mirror, refuse):
    store = Store("s3://pictures", key_id=Secret(env="NO_KEY"), key=Secret(env="NO_KEY"))
    with pytest.raises(SecretMissing, match="NO_KEY"):
        refuse(msgspec.structs.replace(mirror, pictures=Pictures(store=store)), ENVIRON)


def test_an_issuers_key_that_is_not_there(mirror, refuse):
    issuer = msgspec.structs.replace(ISSUER, secret=Secret(env="NO_KEY"))
    with pytest.raises(KeyProblem, match=r"auth\.issuers\[0\]\.secret: environment variable NO_KEY is not set"):
        refuse(msgspec.structs.replace(mirror, auth=Auth(issuers=(issuer,))), ENVIRON)
