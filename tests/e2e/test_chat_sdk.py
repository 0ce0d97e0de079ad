"""The official Python client's chats and completions, through the gateway to an upstream that speaks as many do."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from openai import APIError, BadRequestError, OpenAI
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.dialects.openai_language.spoken import SPOKEN, USAGE, Spoken
from tests.e2e.gateway import Gateway, serve, token

CONFIG = """\
providers:
  main: {{type: openai-compatible, base_url: "http://127.0.0.1:{port}/v1"}}
models:
  chat: {{targets: [{{target: main/model}}]}}
  two: {{targets: [{{target: main/sick}}, {{target: main/model, priority: 1}}]}}
"""
BY_NAME = {spoken.name: spoken for spoken in SPOKEN}
STATED = BY_NAME["words"]


class _Upstream(BaseHTTPRequestHandler):
    """Gives the answer that is asked for by name; of some it gives half, or an error within it."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append(body)
        if "prompt" in body:
            self._reply(*_completion(body))
            return
        wish = body["messages"][-1]["content"]
        spoken = BY_NAME.get(wish, STATED)
        if wish == "wrong":
            error = {"message": "Unknown role.", "type": "invalid_request_error", "param": "messages", "code": None}
            self._reply(400, "application/json", json.dumps({"error": error}).encode())
        elif not body.get("stream"):
            self._reply(200, "application/json", spoken.whole)
        else:
            self._reply(200, "text/event-stream", self._events(body, spoken, wish))

    @staticmethod
    def _events(body: dict[str, Any], spoken: Spoken, wish: str) -> bytes:
        if body["model"] == "sick":
            return spoken.stream.partition(b"\n\n")[0] + b'\n\ndata: {"error":{"message":"no","code":500}}\n\n'
        return spoken.stream[: len(spoken.stream) // 2] if wish == "half" else spoken.stream

    def _reply(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def _completion(body: dict[str, Any]) -> tuple[int, str, bytes]:
    told = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "model"}
    choice = {"text": f"{body['prompt']} upon", "index": 0, "logprobs": None, "finish_reason": "stop"}
    data = json.dumps(told | {"choices": [choice], "usage": USAGE if not body.get("stream") else None}).encode()
    if not body.get("stream"):
        return 200, "application/json", data
    last = json.dumps(told | {"choices": [], "usage": USAGE}).encode()
    return 200, "text/event-stream", b"data: %s\n\ndata: %s\n\ndata: [DONE]\n\n" % (data, last)


@contextmanager
def upstream() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def chatting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with upstream() as port, serve(tmp_path_factory.mktemp("chatting"), CONFIG.format(port=port)) as running:
        yield running


@pytest.fixture
def client(chatting: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=chatting.url, api_key=token(), max_retries=0) as opened:
        yield opened


def say(words: str) -> Any:
    return [{"role": "user", "content": words}]


@pytest.mark.parametrize("spoken", SPOKEN, ids=lambda spoken: spoken.name)
def test_whole_answers(client: OpenAI, spoken: Spoken) -> None:
    told = client.chat.completions.create(model="chat", messages=say(spoken.name))
    ChatCompletion.model_validate(told.to_dict())
    assert told.to_dict() == json.loads(spoken.whole)


@pytest.mark.parametrize("spoken", SPOKEN, ids=lambda spoken: spoken.name)
def test_answers_as_they_come(client: OpenAI, spoken: Spoken) -> None:
    options: Any = {"include_usage": True}
    stream = client.chat.completions.create(
        model="chat", messages=say(spoken.name), stream=True, stream_options=options
    )
    told = [ChatCompletionChunk.model_validate(chunk.to_dict()).to_dict() for chunk in stream]
    assert told == [json.loads(chunk) for chunk in spoken.chunks]


def test_the_clients_own_helper(client: OpenAI) -> None:
    with client.chat.completions.stream(model="chat", messages=say("sealed")) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert (calls[0].id, calls[0].function.name) == ("call_1", "f")
    assert final.usage is None


def test_what_is_not_known_goes_on(client: OpenAI) -> None:
    client.chat.completions.create(model="chat", messages=say("words"), temperature=0.5, extra_body={"new": {"a": 1}})
    assert _Upstream.asked[-1] == {
        "model": "model", "messages": say("words"), "temperature": 0.5, "new": {"a": 1},
    }  # fmt: skip


def test_an_error_before_the_first_word_leads_to_the_next_target(client: OpenAI) -> None:
    stream = client.chat.completions.create(model="two", messages=say("words"), stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "Grüß dich! 👋"
    assert [body["model"] for body in _Upstream.asked[-2:]] == ["sick", "model"]


def test_an_answer_that_breaks_off_is_an_error(client: OpenAI) -> None:
    stream = client.chat.completions.create(model="chat", messages=say("half"), stream=True)
    with pytest.raises(APIError):
        list(stream)


def test_what_the_upstream_says_of_the_request(client: OpenAI) -> None:
    with pytest.raises(BadRequestError, match=r"Unknown role\.") as refused:
        client.chat.completions.create(model="chat", messages=say("wrong"))
    assert refused.value.param == "messages"


def test_completions(client: OpenAI) -> None:
    told = client.completions.create(model="chat", prompt="Once")
    Completion.model_validate(told.to_dict())
    assert told.choices[0].text == "Once upon"
    assert told.usage is not None
    assert told.usage.total_tokens == 29
    stream = client.completions.create(model="chat", prompt="Once", stream=True)
    assert [piece.choices[0].text for piece in stream] == ["Once upon"]
