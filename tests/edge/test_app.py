import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.edge.gate import PATH, Gate, connected, gate, head, painted
from torana.config.model import Server, Settings, Telemetry
from torana.core.errors import Overloaded, UpstreamUnreachable, WorkFailed
from torana.core.exchange import Context, Reply
from torana.edge.app import Route, respond_json
from torana.edge.exchange import Exchange, Message
from torana.families.images import ImageRequest, Pictures

SECRET = "what nobody may see"


def handled(handle: Callable[[Exchange], Awaitable[None]]) -> dict[str, Route]:
    return {"/there": Route("/there", frozenset({"GET", "POST"}), handle)}


async def breaking(exchange: Exchange) -> None:
    raise LookupError(SECRET)


async def halves(then: Exception) -> AsyncIterator[bytes]:
    yield b"half"
    raise then


def test_a_route_shows_its_pattern():
    assert repr(Route("/there", frozenset({"GET"}), breaking)) == (
        "Route(pattern='/there', methods=frozenset({'GET'}), always=False)"
    )


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v2/images/variations", f"{PATH}/", f"{PATH}/x", "/healthz/", "//", "/%00", "/pictures", "*"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_there_is_nothing_at_other_paths(door, method, path):
    answer = await door.get(path, method)
    assert answer.status == 404
    assert answer.error["code"] == "unknown_path"
    assert (await door.log.event())["error"] == "unknown_path"


@pytest.mark.parametrize("path", ["/nothing", "/healthz"])
async def test_the_answer_to_head_has_no_body_and_leaves_the_connection_open(door, path):
    async with connected(door.port) as client:
        for _ in range(2):
            await client.send(head("HEAD", path))
            answer = await client.answer(bodiless=True)
            assert int(answer.header("content-length") or 0) > 10


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", PATH, "POST"),
        ("PUT", PATH, "POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("DELETE", "/pictures/x", "GET, HEAD"),
    ],
)
async def test_a_path_takes_its_methods_alone(door, method, path, allow):
    answer = await door.get(path, method)
    assert (answer.status, answer.header("allow")) == (405, allow)
    assert answer.error["code"] == "method_not_allowed"
    assert method in answer.error["message"]


async def test_every_reply_has_an_id_and_the_log_has_it_too(door):
    kept = await door.get("/healthz", x_request_id="mine.1")
    made = await door.get("/nothing", x_request_id="not\tmine")
    assert kept.header("x-request-id") == "mine.1"
    assert (made.header("x-request-id") or "").startswith("req_")
    logged = [(await door.log.event())["request_id"] for _ in range(2)]
    assert logged == [kept.header("x-request-id"), made.header("x-request-id")]


async def test_a_failure_that_nobody_foresaw(tmp_path):
    async with gate(tmp_path, more=handled(breaking)) as door:
        answer = await door.get("/there", x_request_id="mine.1")
        assert answer.status == 500
        assert answer.error["code"] == "internal_error"
        assert "mine.1" in answer.error["message"]
        assert SECRET not in answer.body.decode()
        told = await door.log.event("unexpected")
        assert (told["exception"], told["request_id"], told["level"]) == ("LookupError", "mine.1", "error")
        assert "in breaking" in told["trace"]
        line = await door.log.event()
        assert (line["status"], line["error"], line["level"]) == (500, "internal_error", "error")
        assert SECRET not in door.log.getvalue()
        assert (await door.get("/healthz")).status == 200


@pytest.mark.parametrize(
    ("then", "code"),
    [(WorkFailed("gone", code="storage_failed"), "storage_failed"), (LookupError(SECRET), "internal_error")],
    ids=["foreseen", "unforeseen"],
)
async def test_a_reply_that_fails_on_its_way_is_cut_off(tmp_path, then, code):
    async def handle(exchange: Exchange) -> None:
        await exchange.respond(200, [], halves(then), length=8)

    async with gate(tmp_path, more=handled(handle)) as door, connected(door.port) as client:
        await client.send(head("GET", "/there"))
        got = await client.rest()
        assert b"content-length: 8\r\n" in got
        assert got.endswith(b"\r\n\r\nhalf")
        line = await door.log.event()
        assert (line["status"], line["error"]) == (200, code)


async def test_a_reply_with_a_header_that_is_none_is_a_failure_like_any_other(tmp_path):
    async def handle(exchange: Exchange) -> None:
        await exchange.respond(200, [("x-a", "1\r\nx-b: 2")], b"not sent")

    async with gate(tmp_path, more=handled(handle)) as door:
        answer = await door.get("/there")
        assert (answer.status, answer.error["type"], answer.header("x-b")) == (500, "server_error", None)


@pytest.mark.parametrize("then", [WorkFailed("Too bad."), LookupError(SECRET)], ids=["foreseen", "unforeseen"])
@pytest.mark.parametrize(("kind", "worded"), [("text/event-stream", True), ("audio/mpeg", False)])
async def test_the_end_of_what_is_no_text_of_ours_is_no_error_in_words(tmp_path, then, kind, worded):
    async def handle(exchange: Exchange) -> None:
        await exchange.stream([("content-type", kind)], b"half")
        raise then

    async with gate(tmp_path, more=handled(handle)) as door, connected(door.port) as client:
        await client.send(head("GET", "/there"))
        got = await client.rest()
        assert (b"event: error" in got) == worded
        # What has no last chunk is cut off, and every client sees that.
        assert got.endswith(b"\r\n0\r\n\r\n") == worded


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UpstreamUnreachable("No connection."), True),
        (Overloaded("Full.", retry_after=2.5), False),
    ],
)
async def test_what_is_behind_an_error_of_ours_is_logged(tmp_path, error, told):
    async def handle(exchange: Exchange) -> None:
        raise error from OSError(111, "Connection refused")

    async with gate(tmp_path, more=handled(handle)) as door:
        answer = await door.get("/there")
        assert (answer.status, answer.error["code"]) == (error.status, error.code)
        assert answer.header("retry-after") == (None if told else "3")
        await door.log.event()
        assert ("ConnectionRefusedError(111, 'Connection refused')" in door.log.getvalue()) == told


async def test_too_many_calls_at_once_are_told_to_come_back(tmp_path):
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(request: ImageRequest, context: Context) -> Reply[Pictures]:
        entered.set()
        await leave.wait()
        return await painted(request, context)

    few = Settings(server=Server(max_concurrent=1))
    async with gate(tmp_path, few, paint=slow) as door, asyncio.TaskGroup() as group:
        first = group.create_task(door.ask(door.post()))
        await entered.wait()
        refused = await door.ask(door.post())
        assert (refused.status, refused.header("retry-after")) == (429, "1")
        assert refused.error["type"] == "rate_limit_error"
        for path, status in (("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/pictures/x", 429)):
            assert (await door.get(path)).status == status, path
        leave.set()
        assert (await first).status == 200
        assert (await door.ask(door.post())).status == 200


async def test_whoever_is_refused_takes_no_place_while_he_sends_on(tmp_path):
    few = Settings(server=Server(max_concurrent=1))
    async with gate(tmp_path, few) as door, connected(door.port) as stranger:
        await stranger.send(head("POST", PATH, **{"content-length": 100}))
        assert (await stranger.answer()).status == 401
        assert (await door.ask(door.post())).status == 200


async def test_requests_in_flight_are_counted(tmp_path):
    inside: list[int] = []

    async def handle(exchange: Exchange) -> None:
        inside.append(door.signals.in_flight)
        raise LookupError

    async with gate(tmp_path, more=handled(handle)) as door:
        await door.get("/there")
        await door.log.event()
        assert inside == [1]
        assert door.signals.in_flight == 0


async def test_callers_make_no_labels(door):
    for number in range(3):
        await door.get(f"/made-up-{number}?secret={number}")
        await door.ask(door.post({"model": f"made-up-{number}"}))
        await door.ask(door.post({"user": f"made-up-{number}"}, x_request_id=f"made-up-{number}"))
        await door.get(f"/pictures/made-up-{number}")
        await door.get("/healthz", "PROPFIND")
    text = (await door.get("/metrics")).body.decode()
    assert "made-up" not in text
    assert "PROPFIND" not in text
    assert 'http_route="unknown"' in text
    assert 'http_route="/pictures/*"' in text


async def nothing_comes() -> Message:
    raise AssertionError


@pytest.mark.parametrize(("level", "count"), [("info", 1), ("error", 0)])
async def test_one_line_for_each_request_that_matters(tmp_path, level, count):
    async with gate(tmp_path, Settings(telemetry=Telemetry(log_level=level))) as door:
        await door.get("/healthz?secret=1")
    assert door.log.getvalue().count("\n") == count
    assert "secret" not in door.log.getvalue()


class Events(list[str]):
    """A life that notes its events."""

    async def start(self) -> None:
        self.append("started")

    async def stop(self) -> None:
        self.append("stopped")


async def test_it_lives_as_long_as_its_server(tmp_path):
    events = Events()

    async def receive() -> Message:
        events.append("asked")
        return {}

    async def send(message: Message) -> None:
        events.append(message["type"])

    await Gate(tmp_path, Settings(), life=events).app({"type": "lifespan"}, receive, send)
    assert events == [
        "asked", "started", "lifespan.startup.complete", "asked", "stopped", "lifespan.shutdown.complete",
    ]  # fmt: skip


async def test_what_is_not_http_is_left_alone(tmp_path):
    await Gate(tmp_path, Settings()).app({"type": "websocket"}, nothing_comes, nothing_comes)  # type: ignore[arg-type]  # never called


async def test_a_small_document(tmp_path):
    async def handle(exchange: Exchange) -> None:
        await respond_json(exchange, {"grün": [1, None]}, 418)

    async with gate(tmp_path, more=handled(handle)) as door:
        answer = await door.get("/there")
        assert (answer.status, answer.json) == (418, {"grün": [1, None]})
        assert answer.header("content-type") == "application/json"


@pytest.mark.parametrize("begun", [False, True])
async def test_a_call_that_the_servers_end_cuts_off_is_told_as_such(tmp_path, begun):
    reached = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"half"
        reached.set()
        await asyncio.Event().wait()

    async def handle(exchange: Exchange) -> None:
        if begun:
            await exchange.respond(200, [], endless(), length=8)
        reached.set()
        await asyncio.Event().wait()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Message) -> None:
        pass

    door = Gate(tmp_path, Settings(), more=handled(handle))
    scope = {"type": "http", "method": "GET", "path": "/there", "query_string": b"", "scheme": "http", "headers": []}
    call = asyncio.create_task(door.app(scope, receive, send))
    await reached.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    line = await door.log.event()
    assert (line["status"], line["error"]) == (200 if begun else 503, "cut_off")
