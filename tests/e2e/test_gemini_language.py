"""Clients of OpenAI's and Anthropic's APIs talk with Gemini, through a gateway as operators run it.

The upstream stands on the loopback and says what Google's references have it say.
"""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from anthropic import Anthropic
from openai import APIError, BadRequestError, OpenAI, RateLimitError
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from tests.e2e.gateway import Gateway, serve, token

KEY = "key-of-the-account"
CONFIG = """\
providers:
  google: {{type: gemini, base_url: "http://127.0.0.1:{port}/v1beta", api_key: {{env: GEMINI_KEY}}}}
models:
  flash: {{targets: [{{target: google/gemini-3.5-flash}}]}}
  older: {{targets: [{{target: google/gemini-2.5-flash}}]}}
  vectors: {{targets: [{{target: google/gemini-embedding-001}}]}}
"""
USAGE = {"promptTokenCount": 8, "candidatesTokenCount": 5, "thoughtsTokenCount": 3, "totalTokenCount": 16}
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}

Said = tuple[int, str, bytes]


@dataclass
class Upstream:
    """What Gemini says next, and what it was asked."""

    say: Callable[[str, dict[str, Any]], Said] = lambda _path, _body: (500, "text/plain", b"")
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def says(self, *pieces: dict[str, Any], status: int = 200, streamed: bool = False) -> None:
        self.heard.clear()
        whole = json.dumps(pieces[0]).encode()
        events = b"".join(b"data: %s\r\n\r\n" % json.dumps(piece).encode() for piece in pieces)
        said = (status, "text/event-stream", events) if streamed else (status, "application/json", whole)
        self.say = lambda _path, _body: said

    @property
    def asked(self) -> dict[str, Any]:
        """The body of the one request that came."""
        ((_, body),) = self.heard
        return body


def piece(*parts: dict[str, Any], stop: str | None = None, usage: dict[str, Any] | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    told: dict[str, Any] = {"candidates": [candidate | ({"finishReason": stop} if stop else {})]}
    return told | {"usageMetadata": usage or USAGE, "modelVersion": "gemini-3.5-flash-001", "responseId": "r1"}


@pytest.fixture(scope="module")
def google() -> Iterator[tuple[int, Upstream]]:
    up = Upstream()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            up.heard.append((self.path, body))
            status, kind, said = up.say(self.path, body)
            if self.headers["x-goog-api-key"] != KEY:
                status, said = 401, b"{}"
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port, up
        finally:
            server.shutdown()


@pytest.fixture(scope="module")
def gateway(google: tuple[int, Upstream], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    config = CONFIG.format(port=google[0])
    with serve(tmp_path_factory.mktemp("gemini"), config, {"GEMINI_KEY": KEY}) as running:
        yield running


@pytest.fixture
def up(google: tuple[int, Upstream]) -> Upstream:
    return google[1]


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=token(), max_retries=0) as opened:
        yield opened


HELLO: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hello"},
]


def test_a_chat(client: OpenAI, up: Upstream) -> None:
    up.says(piece({"text": "Hi "}, {"text": "there."}, stop="STOP"))
    made = client.chat.completions.create(model="flash", messages=HELLO, max_completion_tokens=99, user="ann")
    assert made.choices[0].message.content == "Hi there."
    assert (made.choices[0].finish_reason, made.model) == ("stop", "gemini-3.5-flash-001")
    assert made.usage is not None
    assert (made.usage.prompt_tokens, made.usage.completion_tokens, made.usage.total_tokens) == (8, 8, 16)
    assert made.usage.completion_tokens_details is not None
    assert made.usage.completion_tokens_details.reasoning_tokens == 3
    assert up.heard == [
        (
            "/v1beta/models/gemini-3.5-flash:generateContent",
            {
                "systemInstruction": {"parts": [{"text": "Be kind."}]},
                "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
                "generationConfig": {"maxOutputTokens": 99},
            },
        )
    ]


def test_a_chat_in_pieces(client: OpenAI, up: Upstream) -> None:
    up.says(piece({"text": "Hi "}), piece({"text": "thére"}), piece({"text": "."}, stop="STOP"), streamed=True)
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(client.chat.completions.create(model="flash", messages=HELLO, **options))
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert [text for text in texts if text] == ["Hi ", "thére", "."]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 16
    assert up.heard[0][0] == "/v1beta/models/gemini-3.5-flash:streamGenerateContent?alt=sse"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_loop_with_tools_gives_the_seal_back(client: OpenAI, up: Upstream, streamed: bool) -> None:
    calls = (
        {"functionCall": {"name": "weather", "args": {"city": "Paris"}}, "thoughtSignature": "SEAL"},
        {"functionCall": {"name": "weather", "args": {"city": "Rome"}}},
    )
    up.says(piece(*calls, stop="STOP"), streamed=streamed)
    asked: dict[str, Any] = {"model": "flash", "tools": [WEATHER], "tool_choice": "required"}
    if streamed:
        with client.chat.completions.stream(messages=HELLO, **asked) as stream:
            choice: Any = stream.get_final_completion().choices[0]
    else:
        choice = client.chat.completions.create(messages=HELLO, **asked).choices[0]
    assert choice.finish_reason == "tool_calls"
    made = choice.message.tool_calls
    assert [call.function.arguments for call in made] == ['{"city":"Paris"}', '{"city":"Rome"}']
    assert len({call.id for call in made}) == 2
    assert up.asked["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}
    results = [{"role": "tool", "tool_call_id": call.id, "content": '{"sky":"clear"}'} for call in made]
    message = choice.message.model_dump(exclude_none=True, exclude={"parsed"})
    up.says(piece({"text": "Clear in both."}, stop="STOP"))
    more: Any = [*HELLO, message, *results]
    again = client.chat.completions.create(model="flash", messages=more, tools=[WEATHER])
    assert again.choices[0].message.content == "Clear in both."
    said, answered = up.asked["contents"][1:]
    assert [part.get("thoughtSignature") for part in said["parts"]] == ["SEAL", None]
    assert [part["functionResponse"]["id"] for part in answered["parts"]] == [call.id for call in made]
    assert answered["parts"][0]["functionResponse"]["response"] == {"output": {"sky": "clear"}}


class City(BaseModel):
    name: str
    people: int


@pytest.mark.parametrize(
    ("model", "tools", "said"),
    [
        ("flash", [], {"text": '{"name":"Rome","people":3}'}),
        ("older", [WEATHER], {"functionCall": {"name": "City_answer", "args": {"name": "Rome", "people": 3}}}),
    ],
)
def test_an_answer_that_has_a_shape(
    client: OpenAI, up: Upstream, model: str, tools: list[Any], said: dict[str, Any]
) -> None:
    up.says(piece(said, stop="STOP"))
    strict = [{"type": "function", "function": {**tool["function"], "strict": True}} for tool in tools]
    more: Any = {"tools": strict} if tools else {}
    made = client.chat.completions.parse(model=model, messages=HELLO, response_format=City, **more)
    assert made.choices[0].message.parsed == City(name="Rome", people=3)
    assert made.choices[0].finish_reason == "stop"
    if not tools:
        assert up.asked["generationConfig"]["responseJsonSchema"]["required"] == ["name", "people"]


def test_a_picture_is_shown(client: OpenAI, up: Upstream) -> None:
    up.says(piece({"text": "A pixel."}, stop="STOP"))
    shown: Any = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    client.chat.completions.create(model="flash", messages=[{"role": "user", "content": shown}])
    parts = up.asked["contents"][0]["parts"]
    assert parts == [{"text": "What is it?"}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}}]


def test_a_picture_that_cannot_be_fetched_is_refused_before_anything_is_asked(client: OpenAI, up: Upstream) -> None:
    up.says(piece({"text": "?"}, stop="STOP"))
    shown: Any = [{"type": "image_url", "image_url": {"url": "http://insecure.example/a.png"}}]
    with pytest.raises(BadRequestError) as caught:
        client.chat.completions.create(model="flash", messages=[{"role": "user", "content": shown}])
    assert caught.value.code == "unsupported_value"
    assert up.heard == []


def test_vectors(client: OpenAI, up: Upstream) -> None:
    up.says({"embeddings": [{"values": [0.5, -1.0]}, {"values": [0.25, 2.0]}]})
    made = client.embeddings.create(model="vectors", input=["a", "b"], dimensions=2)
    assert [item.embedding for item in made.data] == [[0.5, -1.0], [0.25, 2.0]]
    assert [request["outputDimensionality"] for request in up.asked["requests"]] == [2, 2]


def test_what_the_upstream_refuses(client: OpenAI, up: Upstream) -> None:
    up.says({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "topP must be below 1."}}, status=400)
    with pytest.raises(BadRequestError, match="topP must be below 1"):
        client.chat.completions.create(model="flash", messages=HELLO, top_p=1.5)
    up.says({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})
    with pytest.raises(BadRequestError):
        client.chat.completions.create(model="flash", messages=HELLO)
    up.says({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}, status=429)
    with pytest.raises(RateLimitError):
        client.chat.completions.create(model="flash", messages=HELLO)


def test_a_stream_that_breaks_off_is_no_answer(client: OpenAI, up: Upstream) -> None:
    up.says(piece({"text": "Hi "}), piece({"text": "there"}), streamed=True)
    stream = client.chat.completions.create(model="flash", messages=HELLO, stream=True)
    with pytest.raises(APIError):
        list(stream)


def test_anthropics_client_talks_with_it(gateway: Gateway, up: Upstream) -> None:
    up.says(
        piece({"text": "Hm.", "thought": True}),
        piece({"text": "Hi."}),
        piece({"functionCall": {"name": "weather", "args": {"city": "Rome"}, "id": "c1"}}, stop="STOP"),
        streamed=True,
    )
    tool: Any = {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
    with (
        Anthropic(base_url=gateway.url, auth_token=token(), api_key=None, max_retries=0) as client,
        client.messages.stream(
            model="flash", max_tokens=99, messages=[{"role": "user", "content": "Hello"}], tools=[tool]
        ) as stream,
    ):
        made = stream.get_final_message()
    assert [block.type for block in made.content] == ["thinking", "text", "tool_use"]
    assert made.stop_reason == "tool_use"
    assert (made.usage.input_tokens, made.usage.output_tokens) == (8, 8)
    call = made.content[2]
    assert call.type == "tool_use"
    assert (call.id, call.input) == ("c1", {"city": "Rome"})


def test_responses(client: OpenAI, up: Upstream) -> None:
    up.says(piece({"text": "Hi "}), piece({"text": "there."}, stop="STOP"), streamed=True)
    with client.responses.stream(model="flash", input="Hello") as stream:
        made = stream.get_final_response()
    assert (made.output_text, made.status) == ("Hi there.", "completed")
