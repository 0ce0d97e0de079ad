import asyncio
import base64
import dataclasses
import re
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import openai
import pytest
from msgspec import structs

from tests.edge.gate import BOUNDARY, MADE, PATH, PNG, connected, form, gate, head, painted
from torana.config.model import Server, Settings, Uploads
from torana.config.units import Bytes, Seconds
from torana.core.errors import Moderated, Overloaded, UpstreamAuth, UpstreamTimeout
from torana.core.exchange import Context, Partial, Reply, Target
from torana.families.images import ImageRequest, Pictures
from torana.routing.catalog import Catalog

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
BASE64 = base64.b64encode(MADE.data).decode()
TIMING = re.compile(r"[a-z]+;dur=\d+\.\d(, [a-z]+;dur=\d+\.\d)*")


class Painter:
    """Paints when it is told to, and knows what became of those who waited."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.asked: list[ImageRequest | None] = []

    async def forever(self, request: ImageRequest | None, context: Context | None) -> Reply[Pictures]:
        self.asked.append(request)
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        raise AssertionError


def raising(error: Exception):
    async def paint(request: ImageRequest, context: Context) -> Reply[Pictures]:
        raise error

    return paint


# The SDK warns because OpenAI has retired the model behind the method.
DEPRECATED_THERE = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")


@pytest.fixture
async def client(door):
    token = door.token().removeprefix("Bearer ")
    url = f"http://127.0.0.1:{door.port}/v1"
    async with openai.AsyncOpenAI(api_key=token, base_url=url, max_retries=0) as made:
        yield made


@DEPRECATED_THERE
async def test_openais_client_gets_base64(client):
    reply = await client.images.create_variation(
        image=PNG, model="vary", n=2, response_format="b64_json", size="256x256"
    )
    assert reply.created == 1_800_000_000
    assert [picture.b64_json for picture in reply.data] == [BASE64, BASE64]


@DEPRECATED_THERE
async def test_openais_client_gets_links_that_work(client, door):
    reply = await client.images.create_variation(image=PNG, model="vary")
    url = reply.data[0].url
    prefix = f"http://127.0.0.1:{door.port}"
    assert url.startswith(f"{prefix}/pictures/")
    assert (await door.get(url.removeprefix(prefix))).body == MADE.data


@DEPRECATED_THERE
@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"model": "made-up"}, openai.NotFoundError),
        ({"model": "vary", "n": 11}, openai.BadRequestError),
    ],
)
async def test_openais_client_knows_our_errors(client, fields, error):
    with pytest.raises(error) as raised:
        await client.images.create_variation(image=PNG, **fields)
    assert raised.value.param in fields
    assert raised.value.request_id.startswith("req_")


@pytest.mark.parametrize("path", ["/images/variations", "/v1/images/variations"])
async def test_the_reply_is_told_in_its_headers(door, path):
    async def paint(request: ImageRequest, context: Context) -> Reply[Pictures]:
        reply = await painted(request, context)
        return structs.replace(reply, emulated=("resize", "url"), ignored=("strength",), shortfall=2)

    door.paint = paint
    answer = await door.ask(door.post({"quality": "hd", "grün": "1"}).replace(PATH.encode(), path.encode(), 1))
    assert answer.status == 200
    assert answer.header("x-torana-model") == "lab/redux"
    assert answer.header("x-torana-emulated") == "resize, url"
    assert answer.header("x-torana-ignored") == "quality, gr?n, strength"
    assert answer.header("x-torana-shortfall") == "2"
    assert answer.header("content-type") == "application/json"
    assert TIMING.fullmatch(answer.header("server-timing") or "")
    assert [part.split(";")[0] for part in (answer.header("server-timing") or "").split(", ")] == [
        "auth", "read", "attempt", "write",
    ]  # fmt: skip


async def test_what_there_is_nothing_to_tell_of_is_left_out(door):
    answer = await door.ask(door.post())
    assert {name for name, _ in answer.headers if name.startswith("x-torana")} == {"x-torana-model", "x-torana-cost"}


async def test_made_up_names_of_fields_are_bounded(door):
    fields = {f"{'x' * 100}{number}": "1" for number in range(40)}
    told = (await door.ask(door.post(fields))).header("x-torana-ignored") or ""
    assert told == ", ".join(["x" * 64] * 16)


async def test_a_model_of_any_name_can_be_told(tmp_path):
    async with gate(tmp_path, target=Target("lab", "модель\r\nx: y")) as door:
        answer = await door.ask(door.post())
        assert (answer.status, answer.header("x-torana-model")) == (200, "lab/????????x:?y")


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (Overloaded("Full.", retry_after=7), 429, "7"),
        (UpstreamTimeout("Slow."), 504, None),
        (UpstreamAuth("No key."), 502, None),
        (Moderated("No."), 400, None),
    ],
)
async def test_a_providers_error_is_the_answer(door, error, status, retry_after):
    door.paint = raising(error)
    answer = await door.ask(door.post())
    assert (answer.status, answer.header("retry-after")) == (status, retry_after)
    assert (answer.error["code"], answer.error["message"]) == (error.code, error.message)
    line = await door.log.event()
    assert line["failed_attempts"] == [["lab/redux", error.code]]
    assert (line["model"], line["error"], line["principal"]) == ("vary", error.code, "ada")


@pytest.mark.parametrize("header", [None, "Bearer x.y.z", "Basic YTpi"])
async def test_strangers_are_refused(door, header):
    answer = await door.ask(door.post(authorization=header))
    assert (answer.status, answer.header("www-authenticate")) == (401, 'Bearer realm="torana"')
    assert answer.error["code"] == "invalid_api_key"
    assert (await door.log.event())["reason"]
    assert b"torana_auth_refusals_total" in (await door.get("/metrics")).body


async def test_a_token_opens_its_models_alone(door):
    answer = await door.ask(door.post(authorization=door.token("cheap-*")))
    assert (answer.status, answer.error["param"]) == (403, "model")


async def test_openais_client_gets_the_models(client):
    listed = await client.models.list()
    assert [model.id async for model in listed] == ["vary", "lab/redux"]
    for model in listed.data:
        assert await client.models.retrieve(model.id) == model
    direct = await client.models.retrieve("lab/redux")
    assert (direct.object, direct.created, direct.owned_by) == ("model", 0, "lab")


@pytest.mark.parametrize(
    "path", ["/models/lab/redux", "/models/lab%2Fredux", "/v1/models/lab/redux", "/v1/models/%6cab%2fredux"]
)
async def test_a_models_slash_may_be_encoded(door, path):
    answer = await door.get(path, authorization=door.token())
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    assert answer.json == {"id": "lab/redux", "object": "model", "created": 0, "owned_by": "lab"}


@pytest.mark.parametrize("path", ["/models", "/v1/models"])
async def test_a_token_shows_its_models_alone(door, path):
    answer = await door.get(path, authorization=door.token("va*"))
    assert answer.json["object"] == "list"
    assert [model["id"] for model in answer.json["data"]] == ["vary"]
    assert (await door.get(path, authorization=door.token("none"))).json == {"object": "list", "data": []}


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("lab/redux", 403, "model_not_allowed"),
        ("lab/other", 404, "model_not_found"),
        ("models/vary", 404, "model_not_found"),
        ("vary/", 404, "model_not_found"),
        ("", 404, "model_not_found"),
    ],
)
async def test_a_model_is_refused_here_as_in_a_call(door, model, status, code):
    told = await door.get(f"/v1/models/{model}", authorization=door.token("vary"))
    assert (told.status, told.error["code"], told.error["param"]) == (status, code, "model")
    if model:
        called = await door.ask(door.post({"model": model}, authorization=door.token("vary")))
        assert (called.status, called.error) == (told.status, told.error)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/vary", "/v1/models/made-up"])
async def test_strangers_see_no_models(door, path):
    answer = await door.get(path)
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    assert answer.header("www-authenticate") == 'Bearer realm="torana"'


async def test_questions_about_models_are_counted_without_labels_of_a_callers(door):
    operations = {"/models": "models.list", "/models/vary": "models.retrieve", "/models/made-up": "models.retrieve"}
    for path, operation in operations.items():
        answer = await door.get(path, authorization=door.token())
        told = await door.log.event()
        assert (told["operation"], told["principal"], told["status"]) == (operation, "ada", answer.status)
    text = (await door.get("/metrics")).body.decode()
    assert 'http_route="/models/{model}"' in text
    assert 'gen_ai_operation_name="models.list"' in text
    assert 'gen_ai_operation_name="models.retrieve"' in text
    assert "made-up" not in text


def sent_whole(port: int, request: bytes) -> bytes:
    """What a client gets who listens only once it has said everything."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("authorized", "status", "code"),
    [(False, b"401", b"invalid_api_key"), (True, b"413", b"request_too_large")],
)
async def test_a_refusal_reaches_a_client_that_is_still_sending(tmp_path, authorized, status, code):
    small = Settings(uploads=Uploads(max_body=Bytes(1024**2)))
    async with gate(tmp_path, small) as door:
        body = form({"model": "vary"}, [("image", PNG + bytes(8 * 1024**2))])
        told = {
            "authorization": door.token() if authorized else None,
            "content_type": f"multipart/form-data; boundary={BOUNDARY}",
            "content_length": str(len(body)),
        }
        got = await asyncio.to_thread(sent_whole, door.port, head("POST", PATH, **told) + body)
    assert got.startswith(b"HTTP/1.1 " + status)
    assert b"\r\nconnection: close\r\n" in got
    assert code in got


async def test_a_client_that_leaves_cancels_its_work(door):
    painter = Painter()
    door.paint = painter.forever
    async with connected(door.port) as client:
        await client.send(door.post())
        await painter.started.wait()
        client.leave()
        line = await door.log.event()
    assert painter.cancelled.is_set()
    assert (line["status"], line["error"], line["level"]) == (499, "client_gone", "info")
    assert "target" not in line
    (asked,) = painter.asked
    assert asked is not None
    with pytest.raises(ValueError, match="closed"):
        await anext(asked.images[0].chunks())


async def test_a_client_that_leaves_while_it_sends_is_not_answered(door):
    door.paint = raising(AssertionError())
    async with connected(door.port) as client:
        await client.send(door.post()[:-20])
        client.leave()
        assert (await door.log.event())["status"] == 499


async def test_a_client_that_stops_sending_is_answered(tmp_path):
    impatient = Settings(uploads=Uploads(grace=Seconds(0.02), linger=Seconds(0.02)))
    async with gate(tmp_path, impatient) as door, connected(door.port) as client:
        await client.send(door.post()[:-20])
        answer = await client.answer()
        assert (answer.status, answer.header("connection")) == (408, "close")
        assert await client.rest() == b""


async def test_a_call_has_the_snapshot_that_it_began_with_until_it_ends(door):
    first = door.current

    async def paint(request: ImageRequest, context: Context) -> Reply[Pictures]:
        door.current = dataclasses.replace(first, catalog=Catalog({}, {}))
        assert door.lent == 1
        return await painted(request, context)

    door.paint = paint
    for status in (200, 404):
        assert (await door.ask(door.post())).status == status
        await door.log.event()
        assert door.lent == 0


async def test_work_has_its_time_and_no_more(tmp_path):
    painter = Painter()
    async with gate(tmp_path, Settings(server=Server(deadline=Seconds(0.05))), paint=painter.forever) as door:
        answer = await door.ask(door.post())
    assert (answer.status, answer.error["code"], answer.error["type"]) == (504, "deadline_exceeded", "timeout")
    assert painter.cancelled.is_set()


async def test_a_callers_trace_goes_on_to_the_provider(door):
    met: list[Context] = []

    async def paint(request: ImageRequest, context: Context) -> Reply[Pictures]:
        met.append(context)
        return await painted(request, context)

    door.paint = paint
    await door.ask(door.post(traceparent=TRACE, tracestate="a=b"))
    await door.ask(door.post())
    assert [dict(context.headers) for context in met] == [{"traceparent": TRACE, "tracestate": "a=b"}, {}]


@pytest.mark.parametrize("ending", [painted, raising(LookupError("unforeseen")), raising(UpstreamTimeout("Slow."))])
async def test_no_log_line_holds_what_is_the_callers_own(door, ending):
    door.paint = ending
    token = door.token()
    for response_format in ("b64_json", "url"):
        await door.ask(door.post({"user": "grace@example.com", "response_format": response_format}))
    logged = door.log.getvalue()
    assert logged.count('"event":"request"') == 2
    for secret in (token, token.split(".")[2], "grace@example.com", BASE64[:40], base64.b64encode(PNG).decode()[:40]):
        assert secret not in logged
    assert "PNG" not in logged


# Previews

FIRST, SECOND = Partial("Zmlyc3Q=", 0), Partial("c2Vjb25k", 1, "64x64", "webp")


class Sketcher:
    """Shows one preview, and goes on when it is told to."""

    def __init__(self, ending: Callable[[ImageRequest, Context], Awaitable[Reply[Pictures]]] = painted) -> None:
        self.seen = asyncio.Event()
        self.ended = asyncio.Event()
        self._ending = ending

    async def sketch(self, request: ImageRequest, context: Context) -> Reply[Pictures]:
        context.on_partial(FIRST)
        try:
            await self.seen.wait()
            context.on_partial(SECOND)
            return await self._ending(request, context)
        finally:
            self.ended.set()


async def test_openais_client_gets_previews_while_it_waits(client, door):
    sketcher = Sketcher()
    door.paint = sketcher.sketch
    events: list[Any] = []
    async with await client.images.generate(
        model="vary", prompt="a cat", stream=True, partial_images=2, size="64x64"
    ) as stream:
        async for event in stream:
            assert sketcher.ended.is_set() is bool(events)
            events.append(event)
            sketcher.seen.set()
            await sketcher.ended.wait()
    assert [event.type.partition(".")[2] for event in events] == ["partial_image", "partial_image", "completed"]
    assert [event.b64_json for event in events] == [FIRST.base64, SECOND.base64, BASE64]
    assert [event.output_format for event in events] == ["png", "webp", "png"]
    assert {event.created_at for event in events} == {1_800_000_000}
    line = await door.log.event()
    assert (line["status"], line["target"], line.get("error")) == (200, "lab/redux", None)


async def test_a_stream_says_at_its_start_what_is_known_then(door):
    sketcher = Sketcher()
    sketcher.seen.set()
    door.paint = sketcher.sketch
    async with connected(door.port) as client:
        await client.send(door.draw(stream=True, mood="blue"))
        head, _, body = (await client.rest()).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert (lines[0], headers["content-type"]) == ("HTTP/1.1 200 OK", "text/event-stream")
    assert (headers["transfer-encoding"], headers["x-accel-buffering"]) == ("chunked", "no")
    assert headers["x-torana-ignored"] == "mood"
    assert {"x-request-id", "server-timing"} < headers.keys()
    assert {"content-length", "x-torana-model", "x-torana-cost"}.isdisjoint(headers)
    assert body.endswith(b"\r\n0\r\n\r\n")


async def test_without_previews_a_stream_is_a_reply_like_any_other(door):
    answer = await door.ask(door.draw(stream=True))
    assert answer.header("content-type") == "text/event-stream"
    assert answer.header("x-torana-model") == "lab/redux"
    assert answer.body.startswith(b"event: image_generation.completed\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Moderated("No."), "moderation_blocked"),
        (UpstreamTimeout("Slow."), "upstream_timeout"),
        (LookupError("unforeseen"), "internal_error"),
    ],
)
async def test_an_error_in_mid_stream_is_its_last_event(client, door, error, code):
    sketcher = Sketcher(raising(error))
    sketcher.seen.set()
    door.paint = sketcher.sketch
    stream = await client.images.generate(model="vary", prompt="a cat", stream=True)
    events = [await anext(stream), await anext(stream)]
    with pytest.raises(openai.APIError) as caught:
        await anext(stream)
    assert [event.b64_json for event in events] == [FIRST.base64, SECOND.base64]
    assert caught.value.code == code
    line = await door.log.event()
    assert (line["status"], line["error"]) == (200, code)
    assert "unforeseen" not in str(caught.value)


async def test_an_error_before_any_preview_is_a_reply_of_its_own(client, door):
    door.paint = raising(Moderated("No."))
    with pytest.raises(openai.BadRequestError):
        await client.images.generate(model="vary", prompt="a cat", stream=True, partial_images=2)


async def test_a_client_that_leaves_at_a_preview_cancels_its_work(door):
    sketcher = Sketcher()
    door.paint = sketcher.sketch
    async with connected(door.port) as client:
        await client.send(door.draw(stream=True))
        await client.reader.readuntil(FIRST.base64.encode())
        client.leave()
        line = await door.log.event()
    assert sketcher.ended.is_set()
    assert (line["status"], line["error"]) == (499, "client_gone")


@pytest.mark.parametrize(
    "ask", [lambda door: door.post(), lambda door: door.draw(), lambda door: door.draw(stream=False)]
)
async def test_who_asked_for_no_stream_gets_none(door, ask):
    async def paint(request: ImageRequest, context: Context) -> Reply[Pictures]:
        context.on_partial(FIRST)
        return await painted(request, context)

    door.paint = paint
    answer = await door.ask(ask(door))
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
