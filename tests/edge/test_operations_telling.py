import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import openai
import pytest

from tests.edge.gate import Client, Gate, connected, gate, head
from torana.config.model import Server, Settings
from torana.config.units import Seconds
from torana.core.errors import FirstTokenLate, InvalidRequest, UpstreamCut, UpstreamError
from torana.core.exchange import Context, Opening, Reply, Target
from torana.families.language.asked import LanguageRequest, Spoken, frame
from torana.families.language.chat import CHAT
from torana.families.language.messages import MESSAGES

FAMILIES = (CHAT, MESSAGES)
SOON = 5.0
CHUNK = {
    "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": None}],
}  # fmt: skip
PIECE = frame(json.dumps(CHUNK).encode())
DONE = b"data: [DONE]\n\n"
BEGUN = frame(
    json.dumps({
        "type": "message_start",
        "message": {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
            "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
        },
    }).encode(),
    "message_start",
)  # fmt: skip
Tell = Callable[[Context], Awaitable[None]]


def telling(tell: Tell) -> Any:
    """What answers by telling."""

    async def speak(_request: LanguageRequest, context: Context) -> Reply[Spoken]:
        await tell(context)
        return Reply(Spoken(b"", "text/event-stream", told=True))

    return speak


@asynccontextmanager
async def talking(directory: Any, tell: Tell, *, server: Server | None = None, **members: Any) -> AsyncIterator[Gate]:
    settings = Settings(server=server or Server())
    members = {"families": FAMILIES, "paint": telling(tell), **members}
    async with gate(directory, settings, **members) as door, asyncio.timeout(30):
        yield door


def asked(door: Gate, path: str = "/v1/chat/completions", **headers: str | int | None) -> bytes:
    body = json.dumps(
        {"model": "vary", "stream": True, "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    ).encode()
    usual: dict[str, str | int | None] = {
        "authorization": door.token(),
        "content_type": "application/json",
        "content_length": len(body),
        "connection": "close",
    }
    return head("POST", path, **{**usual, **headers}) + body


async def streamed(client: Client, request: bytes) -> tuple[dict[str, str], bytes]:
    """Headers and unframed body of a reply that comes in chunks."""
    await client.send(request)
    return read(await client.rest())


def read(answer: bytes) -> tuple[dict[str, str], bytes]:
    top, _, rest = answer.partition(b"\r\n\r\n")
    line, *lines = top.decode().split("\r\n")
    headers = {"": line.split(" ")[1], **dict(each.split(": ", 1) for each in lines)}
    body = b""
    while rest.strip():
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return headers, body


async def hello(context: Context) -> None:
    show = context.open(Opening(emulated=("tools",), ignored=("seed",)))
    await show(PIECE)
    await show(DONE)


async def test_an_answer_is_told_as_it_comes(tmp_path):
    async with talking(tmp_path, hello) as door, connected(door.port) as client:
        headers, body = await streamed(client, asked(door))
        line = await door.log.event()
    assert body == PIECE + DONE
    assert headers[""] == "200"
    assert headers["content-type"] == "text/event-stream"
    assert headers["transfer-encoding"] == "chunked"
    assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-cache", "no")
    assert headers["x-torana-model"] == "lab/redux"
    assert (headers["x-torana-emulated"], headers["x-torana-ignored"]) == ("tools", "seed")
    assert not [name for name in headers if name.startswith("x-tfy-")]
    assert (line["status"], line["target"], line["bytes_out"]) == (200, "lab/redux", len(body))


async def test_the_first_piece_leaves_before_the_second_is_there(tmp_path):
    seen = asyncio.Event()

    async def tell(context: Context) -> None:
        show = context.open(Opening())
        await show(PIECE)
        await seen.wait()
        await show(DONE)

    async with talking(tmp_path, tell) as door, connected(door.port) as client:
        await client.send(asked(door))
        await client.reader.readuntil(PIECE)
        seen.set()
        assert (await client.rest()).endswith(DONE + b"\r\n0\r\n\r\n")


# Errors


def ending(error: Exception, *, begun: bytes | None) -> Tell:
    async def tell(context: Context) -> None:
        if begun is not None:
            await context.open(Opening())(begun)
        raise error

    return tell


@pytest.mark.parametrize(
    ("error", "code"), [(UpstreamCut("Broken off."), "upstream_error"), (LookupError("a bug"), "internal_error")]
)
async def test_openais_client_knows_an_error_that_ends_a_stream(tmp_path, error, code):
    async with talking(tmp_path, ending(error, begun=PIECE)) as door:
        token = door.token().removeprefix("Bearer ")
        async with openai.AsyncOpenAI(
            api_key=token, base_url=f"http://127.0.0.1:{door.port}/v1", max_retries=0
        ) as client:
            stream = await client.chat.completions.create(
                model="vary", messages=[{"role": "user", "content": "Hi"}], stream=True
            )
            first = await anext(stream)
            assert first.choices[0].delta.content == "Hi"
            with pytest.raises(openai.APIError) as caught:
                await anext(stream)
        assert caught.value.code in {code, getattr(error, "code", code)}
        assert "a bug" not in str(caught.value)
        line = await door.log.event()
    assert (line["status"], line["error"]) == (200, caught.value.code)


async def test_anthropics_client_knows_it_too(tmp_path):
    async with talking(tmp_path, ending(UpstreamCut("Broken off."), begun=BEGUN)) as door:
        token = door.token().removeprefix("Bearer ")
        async with anthropic.AsyncAnthropic(
            api_key=token, base_url=f"http://127.0.0.1:{door.port}", max_retries=0
        ) as client:
            stream = await client.messages.create(
                model="vary", max_tokens=9, messages=[{"role": "user", "content": "Hi"}], stream=True
            )
            assert (await anext(stream)).type == "message_start"
            with pytest.raises(anthropic.APIStatusError, match=r"Broken off\.") as caught:
                await anext(stream)
        body: Any = caught.value.body
        assert body["error"]["type"] == "api_error"


async def test_before_the_first_piece_it_is_a_reply_with_its_status_in_each_familys_words(tmp_path):
    async with talking(tmp_path, ending(InvalidRequest("No.", param="seed"), begun=None)) as door:
        chat = await door.ask(asked(door))
        assert (chat.status, chat.error["message"], chat.error["param"]) == (400, "No.", "seed")
        messages = await door.ask(asked(door, "/v1/messages"))
        assert messages.status == 400
        request_id = messages.header("request-id")
        assert request_id == messages.header("x-request-id")
        assert messages.json == {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "No."},
            "request_id": request_id,
        }


# Which target answers

SECOND = Target("lab", "second")


class Two:
    """A target that fails, and one that does well; told apart by who is asked first."""

    def __init__(self, first: Tell) -> None:
        self.asked = 0
        self._first = first

    async def tell(self, context: Context) -> None:
        self.asked += 1
        await (self._first if self.asked == 1 else hello)(context)


async def test_who_fails_before_he_has_begun_is_followed_by_the_next(tmp_path):
    two = Two(ending(UpstreamError("No."), begun=None))
    async with talking(tmp_path, two.tell, fallback=SECOND, server=Server(reply_headers="both")) as door:
        async with connected(door.port) as client:
            headers, body = await streamed(client, asked(door))
        assert body == PIECE + DONE
        assert headers["x-tfy-resolved-model"] == "lab/second"
        assert json.loads(headers["x-tfy-applied-rules"])["routing_model_order"] == ["lab/redux", "lab/second"]


async def test_who_has_begun_is_followed_by_nobody(tmp_path):
    two = Two(ending(UpstreamCut("Broken off."), begun=PIECE))
    async with talking(tmp_path, two.tell, fallback=SECOND) as door, connected(door.port) as client:
        headers, body = await streamed(client, asked(door))
    assert headers[""] == "200"
    told, _, last = body.partition(PIECE)
    assert told == b""
    assert last.startswith((b"event: error\n", b"data: "))
    assert b"Broken off." in last
    assert two.asked == 1


@pytest.mark.parametrize("name", ["x_torana_ttft_timeout_ms", "x_tfy_ttft_timeout_ms"])
async def test_who_is_late_to_begin_is_followed_by_the_next(tmp_path, name):
    async def late(context: Context) -> None:
        assert context.first_within == 0.25
        raise FirstTokenLate("Late.")

    two = Two(late)
    async with talking(tmp_path, two.tell, fallback=SECOND) as door, connected(door.port) as client:
        headers, body = await streamed(client, asked(door, **dict.fromkeys([name], "250")))
        assert (headers["x-torana-model"], body) == ("lab/second", PIECE + DONE)
    async with talking(tmp_path / "alone", Two(late).tell) as door:
        answer = await door.ask(asked(door, **dict.fromkeys([name], "250")))
        assert (answer.status, answer.error["code"]) == (408, "first_token_timeout")


# Back-pressure

BIG = frame(bytes(16 * 1024).replace(b"\0", b"x"))


class Flood:
    """Tells without end, and knows how far it came and how it ended."""

    def __init__(self, most: int = 10**9) -> None:
        self.shown = 0
        self.most = most
        self.ended = asyncio.Event()

    async def tell(self, context: Context) -> None:
        show = context.open(Opening())
        try:
            while self.shown < self.most:
                await show(BIG)
                self.shown += 1
        finally:
            self.ended.set()

    async def still(self) -> int:
        """How far it has come when it goes no further."""
        before = -1
        while before != self.shown:
            before = self.shown
            await asyncio.sleep(0.1)
        return before


async def test_a_slow_reader_holds_the_upstream(tmp_path):
    flood = Flood(20_000)
    async with talking(tmp_path, flood.tell) as door, connected(door.port) as client:
        await client.send(asked(door))
        far = await flood.still()
        # What the sockets of both sides hold, and nothing of ours.
        assert far * len(BIG) < 16 * 1024**2
        got = 0
        while chunk := await client.reader.read(1024**2):
            got += len(chunk)
        assert flood.shown == flood.most
        assert got > flood.most * len(BIG)


async def test_a_client_who_leaves_in_mid_stream_stops_the_upstream(tmp_path):
    flood = Flood()
    async with talking(tmp_path, flood.tell) as door, connected(door.port) as client:
        await client.send(asked(door))
        await client.reader.readuntil(BIG)
        client.leave()
        async with asyncio.timeout(1):
            await flood.ended.wait()
        line = await door.log.event()
    assert (line["status"], line["error"]) == (499, "client_gone")


@pytest.mark.parametrize("waits", [True, False])
async def test_and_so_does_one_who_leaves_while_nothing_comes_or_without_having_read(tmp_path, waits):
    flood = Flood()

    async def tell(context: Context) -> None:
        if not waits:
            await flood.tell(context)
        try:
            await context.open(Opening())(PIECE)
            await asyncio.Event().wait()
        finally:
            flood.ended.set()

    async with talking(tmp_path, tell) as door, connected(door.port) as client:
        await client.send(asked(door))
        await (client.reader.readuntil(PIECE) if waits else flood.still())
        client.leave()
        async with asyncio.timeout(1):
            await flood.ended.wait()


async def test_a_call_with_a_name_is_told_to_its_end_all_the_same(tmp_path):
    """Who asks again gets all of it at once, and nobody pays twice."""
    begun, left = asyncio.Event(), asyncio.Event()
    times = 0

    async def tell(context: Context) -> None:
        nonlocal times
        times += 1
        show = context.open(Opening())
        await show(PIECE)
        begun.set()
        await left.wait()
        await show(DONE)

    async with talking(tmp_path, tell) as door:
        async with connected(door.port) as client:
            await client.send(asked(door, idempotency_key="k"))
            await begun.wait()
            client.leave()
        left.set()
        await door.log.event()
        again = await door.ask(asked(door, idempotency_key="k"))
    assert again.status == 200
    assert again.header("x-torana-replayed") == "true"
    assert again.header("content-type") == "text/event-stream"
    assert b'"content":"Hi"' in again.body.replace(b'": "', b'":"')
    assert again.body.endswith(DONE)
    assert times == 1


# Signs of life


async def test_a_stream_that_is_silent_gives_signs_of_life_that_clients_pass_over(tmp_path):
    async def tell(context: Context) -> None:
        show = context.open(Opening())
        await show(PIECE)
        await asyncio.sleep(0.2)
        await show(DONE)

    lively = Server(heartbeat=Seconds(0.05))
    async with talking(tmp_path, tell, server=lively) as door:
        async with connected(door.port) as client:
            _, body = await streamed(client, asked(door))
        middle = body.removeprefix(PIECE).removesuffix(DONE)
        assert middle
        assert middle == CHAT.heartbeat * (len(middle) // len(CHAT.heartbeat))
        token = door.token().removeprefix("Bearer ")
        async with openai.AsyncOpenAI(api_key=token, base_url=f"http://127.0.0.1:{door.port}/v1") as known:
            stream = await known.chat.completions.create(
                model="vary", messages=[{"role": "user", "content": "Hi"}], stream=True
            )
            assert [chunk.choices[0].delta.content async for chunk in stream] == ["Hi"]
    async with talking(tmp_path / "still", tell) as door, connected(door.port) as client:
        assert (await streamed(client, asked(door)))[1] == PIECE + DONE


# What callers wish


@pytest.mark.parametrize(
    "header",
    [
        {"x_torana_request_timeout": "soon"},
        {"x_tfy_retry_config": "{"},
        {"x_tfy_cache_config": "{}"},
        {"x_tfy_guardrails": "[]"},
        {"x_tfy_ttft_timeout_ms": "0"},
        {"x_tfy_metadata": '{"a": 1}'},
        {"x_tfy_logging_config": "1"},
    ],
)
async def test_what_says_nothing_we_know_is_refused_before_anything_is_spent(tmp_path, header):
    flood = Flood(1)
    async with talking(tmp_path, flood.tell) as door:
        answer = await door.ask(asked(door, **header))
        (name,) = header
        assert (answer.status, answer.error["param"]) == (400, name.replace("_", "-"))
    assert flood.shown == 0


OTHER = Target("studio", "second")


@pytest.mark.parametrize("name", ["x_torana_provider_name", "x_tfy_provider_name"])
async def test_a_caller_may_name_the_account_that_serves_him(tmp_path, name):
    async with talking(tmp_path, hello, fallback=OTHER) as door:
        for account, target in (("lab", "lab/redux"), ("studio", "studio/second")):
            async with connected(door.port) as client:
                headers, _ = await streamed(client, asked(door, **{name: account}))
            assert headers["x-torana-model"] == target
        nowhere = await door.ask(asked(door, **{name: "nowhere"}))
        assert (nowhere.status, nowhere.error["param"]) == (400, "x-torana-provider-name")


async def test_a_target_has_the_time_that_the_caller_gives_it(tmp_path):
    stopped = asyncio.Event()

    async def slow(context: Context) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    two = Two(slow)
    async with talking(tmp_path, two.tell, fallback=OTHER) as door:
        async with connected(door.port) as client:
            headers, body = await streamed(client, asked(door, x_tfy_request_timeout=30))
        assert stopped.is_set()
        assert (headers["x-torana-model"], body) == ("studio/second", PIECE + DONE)
    async with talking(tmp_path / "alone", slow) as door:
        late = await door.ask(asked(door, x_tfy_request_timeout=30))
        assert (late.status, late.error["code"], late.header("x-should-retry")) == (504, "attempt_timeout", "false")


async def test_where_authorization_is_taken_the_gateways_own_header_opens_it(tmp_path):
    async with talking(tmp_path, hello) as door:
        token = door.token().removeprefix("Bearer ")
        for name in ("x_torana_api_key", "x_tfy_api_key"):
            async with connected(door.port) as client:
                told, _ = await streamed(client, asked(door, authorization="Bearer sk-somebody-elses", **{name: token}))
                assert told[""] == "200"
        refused = await door.ask(asked(door, x_torana_api_key="sk-somebody-elses"))
        assert refused.status == 401


async def test_a_conversation_is_in_the_log_unless_it_is_not_to_be(tmp_path):
    async with talking(tmp_path, hello) as door:
        for header, told in (({}, "c1"), ({"x_tfy_logging_config": '{"enabled": false}'}, None)):
            async with connected(door.port) as client:
                await streamed(client, asked(door, x_tfy_conversation_id="c1", **header))
            assert (await door.log.event()).get("conversation") == told


async def test_anthropics_client_gets_the_models(tmp_path):
    async with talking(tmp_path, hello) as door:
        token = door.token().removeprefix("Bearer ")
        async with anthropic.AsyncAnthropic(api_key=token, base_url=f"http://127.0.0.1:{door.port}") as client:
            listed = await client.models.list()
            assert [model.id async for model in listed] == ["vary", "lab/redux"]
            assert not listed.has_more
            one = await client.models.retrieve("lab/redux")
            assert (one.type, one.display_name, one.created_at.year) == ("model", "lab/redux", 1970)
