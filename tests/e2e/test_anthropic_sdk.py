"""The official clients, Anthropic's and OpenAI's; the upstream behaves as Anthropic's documentation says."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import anthropic
import openai
import pytest
from anthropic import Anthropic
from anthropic.types.message_create_params import MessageCreateParamsBase
from openai import OpenAI

from tests.e2e.gateway import Gateway, serve, token
from tests.families.language.messages.said import MESSAGE
from torana.families.language.messages.pieces import unfold

KEY = "key-of-the-account"
HELLO: Any = [{"role": "user", "content": "Hello"}]
TOOL: Any = {
    "name": "weather",
    "description": "Tells the weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
KNOWN = {*MessageCreateParamsBase.__annotations__, "stream", "temperature", "top_p", "top_k"}
STATUSES = {"invalid_request_error": 400, "rate_limit_error": 429, "overloaded_error": 529, "api_error": 500}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
          "additionalProperties": False}  # fmt: skip


@dataclass
class Upstream:
    """What it was asked, and what it is to do next instead of answering."""

    url: str = ""
    asked: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def last(self) -> tuple[dict[str, str], dict[str, Any]]:
        return self.asked[-1]


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """What the model says: by a tool where it must or may, else in words, after thoughts where it is to think."""
    blocks: list[dict[str, Any]] = []
    if asked.get("thinking", {}).get("type") in {"enabled", "adaptive"}:
        blocks.append({"type": "thinking", "thinking": "Let me see.", "signature": "seal=="})
    last = asked["messages"][-1]["content"]
    answered = isinstance(last, list) and last[0]["type"] == "tool_result"
    if asked.get("tools") and not answered and asked.get("tool_choice", {}).get("type") != "none":
        name = asked.get("tool_choice", {}).get("name", asked["tools"][0]["name"])
        blocks.append({"type": "tool_use", "id": "toolu_1", "name": name, "input": {"city": "Zürich"}})
    elif "format" in asked.get("output_config", {}):
        blocks.append({"type": "text", "text": '{"city":"Zürich"}'})
    else:
        blocks.append({"type": "text", "text": "Grüezi ☔!"})
    reason = "tool_use" if blocks[-1]["type"] == "tool_use" else "end_turn"
    return MESSAGE | {"content": blocks, "stop_reason": reason, "model": asked["model"]}


class Handler(BaseHTTPRequestHandler):
    """Anthropic's API."""

    protocol_version = "HTTP/1.1"
    told: Upstream

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.told.asked.append((headers, asked))
        fault = self.told.faults.pop(0) if self.told.faults else ""
        if headers.get("x-api-key") != KEY:
            self.fail(401, "authentication_error", "invalid x-api-key")
        elif "anthropic-version" not in headers:
            self.fail(400, "invalid_request_error", "anthropic-version: header is required")
        elif unknown := asked.keys() - KNOWN:
            self.fail(400, "invalid_request_error", f"{min(unknown)}: Extra inputs are not permitted")
        elif fault in STATUSES:
            self.fail(STATUSES[fault], fault, "max_tokens: 9 > 8" if STATUSES[fault] == 400 else "Sorry.")
        elif self.path == "/v1/messages/count_tokens":
            self.say(200, {"input_tokens": 14})
        elif self.path != "/v1/messages" or not isinstance(asked.get("max_tokens"), int):
            self.fail(400, "invalid_request_error", "max_tokens: Field required")
        elif asked.get("stream"):
            self.stream(asked, fault)
        else:
            self.say(200, answer(asked))

    def stream(self, asked: dict[str, Any], fault: str) -> None:
        frames = list(unfold(json.dumps(answer(asked)).encode()))
        frames.insert(1, b'event: ping\ndata: {"type": "ping"}\n\n')
        error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
        if fault == "overloaded before content":
            frames[2:] = [error]
        elif fault == "overloaded amid content":
            frames[4:] = [error]
        elif fault == "cut":
            frames[4:] = []
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("connection", "close")
        self.end_headers()
        for frame in frames:
            self.wfile.write(frame)
            self.wfile.flush()
        self.close_connection = True

    def fail(self, status: int, kind: str, message: str) -> None:
        self.say(status, {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_up"})

    def say(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    told = Upstream()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Told", (Handler,), {"told": told})) as server:
        told.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield told
        server.shutdown()


@pytest.fixture(scope="module")
def claude(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    config = f"""\
retries: {{attempts: 1}}
providers:
  a: {{type: anthropic, base_url: "{upstream.url}", api_key: {{env: VENDOR_KEY}}}}
  stranger: {{type: anthropic, base_url: "{upstream.url}", api_key: {{env: WRONG_KEY}}}}
models:
  claude: {{targets: [{{target: a/claude-opus-4-6}}]}}
  newest: {{targets: [{{target: a/claude-opus-4-8}}]}}
  older: {{targets: [{{target: a/claude-3-7-sonnet-20250219}}]}}
  sure: {{targets: [{{target: a/claude-opus-4-7}}, {{target: a/claude-opus-4-6, priority: 1}}]}}
  locked: {{targets: [{{target: stranger/claude-opus-4-6}}]}}
"""
    environ = {"VENDOR_KEY": KEY, "WRONG_KEY": "another"}
    with serve(tmp_path_factory.mktemp("claude"), config, environ) as running:
        yield running


@pytest.fixture
def client(claude: Gateway, upstream: Upstream) -> Iterator[Anthropic]:
    upstream.asked.clear()
    upstream.faults.clear()
    with Anthropic(base_url=claude.url, api_key=token(), max_retries=0) as made:
        yield made


@pytest.fixture
def others(claude: Gateway, upstream: Upstream) -> Iterator[OpenAI]:
    upstream.asked.clear()
    upstream.faults.clear()
    with OpenAI(base_url=f"{claude.url}/v1", api_key=token(), max_retries=0) as made:
        yield made


def test_a_message(client: Anthropic, upstream: Upstream) -> None:
    raw = client.messages.with_raw_response.create(
        model="claude", max_tokens=99, messages=HELLO, extra_headers={"anthropic-beta": "a-1,b-2"},
        extra_body={"temperature": 0.5},
    )  # fmt: skip
    message = raw.parse()
    assert [block.text for block in message.content if block.type == "text"] == ["Grüezi ☔!"]
    assert (message.stop_reason, message.model, message.id) == ("end_turn", "claude-opus-4-6", "msg_01")
    assert message.usage.cache_read_input_tokens == 4
    assert raw.headers["x-torana-model"] == "a/claude-opus-4-6"
    # 10 and 4 and 3 tokens in, 50 out.
    assert float(raw.headers["x-torana-cost"]) == pytest.approx((10 * 5 + 4 * 0.5 + 3 * 6.25 + 50 * 25) / 1e6)
    headers, asked = upstream.last
    assert asked == {"model": "claude-opus-4-6", "max_tokens": 99, "messages": HELLO, "temperature": 0.5}
    assert headers["anthropic-version"] == client.default_headers["anthropic-version"]
    assert headers["anthropic-beta"] == "a-1,b-2"
    assert "authorization" not in headers


def test_a_message_as_it_comes(client: Anthropic) -> None:
    with client.messages.stream(model="claude", max_tokens=99, messages=HELLO) as stream:
        texts = list(stream.text_stream)
        message = stream.get_final_message()
    assert "".join(texts) == "Grüezi ☔!"
    assert (message.stop_reason, message.usage.output_tokens) == ("end_turn", 50)


def test_tools_and_thoughts(client: Anthropic, upstream: Upstream) -> None:
    asked: Any = {"model": "claude", "max_tokens": 9_000, "tools": [TOOL], "thinking": {"type": "adaptive"}}
    with client.messages.stream(messages=HELLO, **asked) as stream:
        message = stream.get_final_message()
    thought, call = message.content
    assert (thought.type, call.type, message.stop_reason) == ("thinking", "tool_use", "tool_use")
    assert call.type == "tool_use"
    assert call.input == {"city": "Zürich"}
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "rain"}
    turns: Any = [*HELLO, message.to_param(), {"role": "user", "content": [result]}]
    assert client.messages.create(messages=turns, **asked).content[-1].type == "text"
    sent = upstream.last[1]["messages"][1]["content"]
    assert sent[0] == {"type": "thinking", "thinking": "Let me see.", "signature": "seal=="}


def test_counting(client: Anthropic, upstream: Upstream) -> None:
    assert client.messages.count_tokens(model="claude", messages=HELLO).input_tokens == 14
    assert upstream.last[1]["model"] == "claude-opus-4-6"


def test_errors_become_the_clients_own(client: Anthropic, upstream: Upstream) -> None:
    ask: Any = {"max_tokens": 9, "messages": HELLO}
    upstream.faults.append("invalid_request_error")
    with pytest.raises(anthropic.BadRequestError, match="max_tokens: 9 > 8") as wrong:
        client.messages.create(model="claude", **ask)
    assert wrong.value.type == "invalid_request_error"
    assert wrong.value.request_id == wrong.value.response.headers["x-request-id"]
    upstream.faults.append("rate_limit_error")
    with pytest.raises(anthropic.RateLimitError) as often:
        client.messages.create(model="claude", **ask)
    assert often.value.type == "rate_limit_error"
    upstream.faults.append("overloaded_error")
    with pytest.raises(anthropic.InternalServerError) as busy:
        client.messages.create(model="claude", **ask)
    assert busy.value.type == "overloaded_error"
    with pytest.raises(anthropic.InternalServerError, match="credentials"):
        client.messages.create(model="locked", **ask)
    with pytest.raises(anthropic.NotFoundError) as unknown:
        client.messages.create(model="nobody", **ask)
    assert unknown.value.type == "not_found_error"
    with pytest.raises(anthropic.AuthenticationError) as stranger:
        client.with_options(api_key="sk-none").messages.create(model="claude", **ask)
    assert stranger.value.type == "authentication_error"
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        client.post("/v1/messages", body={"model": "claude", "messages": HELLO}, cast_to=object)


@pytest.mark.parametrize("fault", ["overloaded before content", "overloaded_error", "api_error"])
def test_another_answers_where_one_is_overloaded_before_it_says_a_word(
    client: Anthropic, upstream: Upstream, fault: str
) -> None:
    upstream.faults.append(fault)
    with client.messages.stream(model="sure", max_tokens=99, messages=HELLO) as stream:
        assert stream.get_final_message().model == "claude-opus-4-6"
    assert [asked["model"] for _, asked in upstream.asked] == ["claude-opus-4-7", "claude-opus-4-6"]


def listen(client: Anthropic, heard: list[str]) -> None:
    """Notes the events as they come, so that those before an error count."""
    with client.messages.stream(model="sure", max_tokens=99, messages=HELLO) as stream:
        for event in stream:
            heard.append(event.type)  # noqa: PERF401


@pytest.mark.parametrize("fault", ["overloaded amid content", "cut"])
def test_what_goes_wrong_amid_an_answer_is_told(client: Anthropic, upstream: Upstream, fault: str) -> None:
    upstream.faults.append(fault)
    heard: list[str] = []
    with pytest.raises(anthropic.APIStatusError) as caught:
        listen(client, heard)
    assert heard[:2] == ["message_start", "content_block_start"]
    assert "message_stop" not in heard
    assert caught.value.type == ("api_error" if fault == "cut" else "overloaded_error")
    assert len(upstream.asked) == 1


def test_openais_client(others: OpenAI, upstream: Upstream) -> None:
    raw = others.chat.completions.with_raw_response.create(
        model="newest", messages=[{"role": "system", "content": "Be brief."}, *HELLO], temperature=0.2, seed=1
    )
    made = raw.parse()
    assert (made.choices[0].message.content, made.choices[0].finish_reason) == ("Grüezi ☔!", "stop")
    assert made.usage is not None
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (17, 50)
    assert set(raw.headers["x-torana-ignored"].split(", ")) == {"temperature", "seed"}
    headers, asked = upstream.last
    assert (asked["system"], headers["anthropic-version"]) == ("Be brief.", "2023-06-01")


def test_openais_client_as_it_comes(others: OpenAI) -> None:
    chunks = others.chat.completions.create(model="claude", messages=HELLO, stream=True)
    told = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in told) == "Grüezi ☔!"
    assert told[-1].finish_reason == "stop"


@pytest.mark.parametrize(("model", "emulated"), [("claude", None), ("older", "structured_output")])
def test_a_form_by_openais_client(others: OpenAI, model: str, emulated: str | None) -> None:
    form: Any = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}}
    raw = others.chat.completions.with_raw_response.create(model=model, messages=HELLO, response_format=form)
    assert raw.headers.get("x-torana-emulated") == emulated
    choice = raw.parse().choices[0]
    assert json.loads(choice.message.content or "") == {"city": "Zürich"}
    assert (choice.finish_reason, choice.message.tool_calls) == ("stop", None)
    chunks = others.chat.completions.create(model=model, messages=HELLO, response_format=form, stream=True)
    told = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert json.loads("".join(told)) == {"city": "Zürich"}


def test_tools_by_openais_client(others: OpenAI, upstream: Upstream) -> None:
    tool: Any = {"type": "function", "function": {"name": "weather", "parameters": TOOL["input_schema"]}}
    made = others.chat.completions.create(model="claude", messages=HELLO, tools=[tool], reasoning_effort="low")
    calls: list[Any] = list(made.choices[0].message.tool_calls or [])
    assert (len(calls), made.choices[0].finish_reason) == (1, "tool_calls")
    call = calls[0]
    assert call.type == "function"
    assert json.loads(call.function.arguments) == {"city": "Zürich"}
    turns: Any = [
        *HELLO,
        made.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "rain"},
    ]
    again = others.chat.completions.create(model="claude", messages=turns, tools=[tool])
    assert again.choices[0].message.content == "Grüezi ☔!"
    assert upstream.last[1]["messages"][-1]["content"][0]["type"] == "tool_result"


def test_what_openais_client_cannot_have(others: OpenAI, upstream: Upstream) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        others.chat.completions.create(model="claude", messages=HELLO, n=2)
    assert (caught.value.param, caught.value.code) == ("n", "unsupported_value")
    assert upstream.asked == []


def test_the_key_is_nowhere_in_the_log(claude: Gateway) -> None:
    assert KEY not in claude.log
    assert Path(claude.directory, "stderr").exists()
