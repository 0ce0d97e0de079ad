"""The official Python client's responses: of an upstream that only chats, and of one that keeps responses itself."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types.responses import Response

from tests.e2e.gateway import Gateway, serve, token

TOOL: Any = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": True,
}
CONFIG = """\
responses: {{key: {{env: KEEP_KEY}}}}
providers:
  chats: {{type: openai-compatible, base_url: "http://127.0.0.1:{port}/v1"}}
  keeps: {{type: openai, base_url: "http://127.0.0.1:{port}/v1", api_key: {{env: UPSTREAM_KEY}}}}
models:
  chat: {{targets: [{{target: chats/model}}]}}
  native: {{targets: [{{target: keeps/gpt-test}}]}}
"""
USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
NATIVE_USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 3,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 12,
}


class _Upstream(BaseHTTPRequestHandler):
    """Says how many messages it was sent and repeats the last; wants a tool run where it has one and no result yet."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append(body)
        if self.path.endswith("/chat/completions"):
            self._chat(body)
        elif body.get("input") == "fail":
            self._reply(
                {"error": {"message": "No such thing.", "type": "invalid_request_error", "param": "input"}}, 400
            )
        else:
            self._respond(body)

    def _chat(self, body: dict[str, Any]) -> None:
        messages = body["messages"]
        if body.get("tools") and messages[-1]["role"] != "tool":
            call: dict[str, Any] = {
                "id": "call_1",
                "type": "function",
                "function": {"name": "weather", "arguments": '{"city":"Oslo"}'},
            }
            message: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [call]}
            why = "tool_calls"
        else:
            message = {"role": "assistant", "content": f"{len(messages)}: {_words(messages[-1]['content'])}"}
            why = "stop"
        told: dict[str, Any] = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "model-1"}
        if not body.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": why, "logprobs": None}
            self._reply(told | {"choices": [choice], "usage": USAGE})
            return
        told["object"] = "chat.completion.chunk"
        for index, each in enumerate(message.get("tool_calls", ())):
            each["index"] = index
        pieces = [message] if message["content"] is None else [{"content": c} for c in message["content"]]
        chunks = [told | {"choices": [{"index": 0, "delta": piece, "finish_reason": None}]} for piece in pieces]
        chunks += [
            told | {"choices": [{"index": 0, "delta": {}, "finish_reason": why}]},
            told | {"choices": [], "usage": USAGE},
        ]
        self._stream([f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"])

    def _respond(self, body: dict[str, Any]) -> None:
        number = len(self.asked)
        said = f"native after {body.get('previous_response_id')}"
        part = {"type": "output_text", "text": said, "annotations": [], "logprobs": []}
        item = {
            "id": f"msg_68{number}",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }
        response = {
            "id": f"resp_68{number}", "object": "response", "created_at": 1, "status": "completed", "error": None,
            "incomplete_details": None, "instructions": None, "metadata": {}, "model": "gpt-test", "output": [item],
            "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0,
            "usage": NATIVE_USAGE, "odd": {"kept": True},
        }  # fmt: skip
        if not body.get("stream"):
            self._reply(response)
            return
        at = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        begun = response | {"status": "in_progress", "output": [], "usage": None}
        events: list[dict[str, Any]] = [
            {"type": "response.created", "response": begun},
            {"type": "response.in_progress", "response": begun},
            {"type": "response.output_item.added", "output_index": 0, "item": item | {"content": []}},
            {"type": "response.content_part.added", **at, "part": part | {"text": ""}},
            {"type": "response.output_text.delta", **at, "delta": said, "logprobs": [], "odd": 1},
            {"type": "response.output_text.done", **at, "text": said, "logprobs": []},
            {"type": "response.content_part.done", **at, "part": part},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": response},
        ]
        numbered = [{**event, "sequence_number": place} for place, event in enumerate(events)]
        self._stream([f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in numbered])

    def _reply(self, told: object, status: int = 200) -> None:
        data = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, frames: list[str]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for frame in frames:
            self.wfile.write(frame.encode())
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def _words(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


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
def responding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    environ = {"KEEP_KEY": "a key to keep responses under", "UPSTREAM_KEY": "k"}
    with upstream() as port, serve(tmp_path_factory.mktemp("responding"), CONFIG.format(port=port), environ) as running:
        yield running


@pytest.fixture
def client(responding: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{responding.url}/v1", api_key=token(), max_retries=0) as opened:
        yield opened


@pytest.fixture
def another(responding: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{responding.url}/v1", api_key=token(sub="eve"), max_retries=0) as opened:
        yield opened


def checked(response: Response) -> Response:
    """The response, when it is all that the client's own types say."""
    return Response.model_validate(response.to_dict())


def last_asked() -> dict[str, Any]:
    return _Upstream.asked[-1]


def test_an_upstream_that_only_chats_answers(client: OpenAI) -> None:
    response = checked(client.responses.create(model="chat", input="Hi", instructions="Be brief."))
    assert response.output_text == "2: Hi"
    assert (response.status, response.model) == ("completed", "model-1")
    assert response.usage is not None
    assert response.usage.total_tokens == 12


@pytest.mark.parametrize("model", ["chat", "native"])
def test_a_conversation_goes_on_and_is_kept(client: OpenAI, model: str) -> None:
    first = checked(client.responses.create(model=model, input="One", metadata={"a": "b"}))
    with client.responses.stream(model=model, input="Two", previous_response_id=first.id) as stream:
        kinds = [event.type for event in stream]
        second = stream.get_final_response()
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    expected = "3: Two" if model == "chat" else f"native after {first.id}"
    assert second.output_text == expected
    if model == "native":
        assert last_asked()["input"] == "Two"
    kept = checked(client.responses.retrieve(second.id))
    assert kept.output_text == expected
    items = client.responses.input_items.list(second.id, order="asc")
    assert [item.type for item in items] == ["message", "message", "message"]
    page = client.responses.input_items.list(second.id, limit=2)
    assert page.has_more
    assert len(list(page)) == 3


def test_a_response_is_told_once_more_as_events(client: OpenAI) -> None:
    first = client.responses.create(model="chat", input="One")
    events = list(client.responses.retrieve(first.id, stream=True, starting_after=1))
    assert events[0].type == "response.output_item.added"
    assert events[-1].type == "response.completed"


def test_what_is_deleted_is_gone_and_nobody_else_finds_what_is_not(client: OpenAI, another: OpenAI) -> None:
    first = client.responses.create(model="chat", input="Secret")
    for step in (another.responses.retrieve, another.responses.delete, another.responses.input_items.list):
        with pytest.raises(NotFoundError):
            step(first.id)
    with pytest.raises(BadRequestError) as caught:
        another.responses.create(model="chat", input="And?", previous_response_id=first.id)
    assert caught.value.code == "previous_response_not_found"
    with pytest.raises(BadRequestError, match="background"):
        client.responses.cancel(first.id)
    client.responses.delete(first.id)
    with pytest.raises(NotFoundError):
        client.responses.retrieve(first.id)


def test_what_is_not_to_be_kept_is_not(client: OpenAI) -> None:
    first = client.responses.create(model="chat", input="One", store=False)
    assert first.to_dict()["store"] is False
    with pytest.raises(NotFoundError):
        client.responses.retrieve(first.id)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_function_is_run_and_its_result_answered(client: OpenAI, streaming: bool) -> None:
    asked: dict[str, Any] = {"model": "chat", "tools": [TOOL]}
    if streaming:
        with client.responses.stream(input="Weather?", **asked) as stream:
            first: Any = stream.until_done().get_final_response()
    else:
        first = checked(client.responses.create(input="Weather?", **asked))
    (call,) = [item for item in first.output if item.type == "function_call"]
    assert json.loads(call.arguments) == {"city": "Oslo"}
    result: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "Rain"}]
    second = checked(client.responses.create(input=result, previous_response_id=first.id, **asked))
    assert second.output_text == "3: Rain"
    assert [message["role"] for message in last_asked()["messages"]] == ["user", "assistant", "tool"]
    history: Any = [{"role": "user", "content": "Weather?"}, *first.output, *result]
    assert client.responses.create(input=history, store=False, **asked).output_text == "3: Rain"


def test_one_upstream_goes_on_where_another_began(client: OpenAI) -> None:
    first = client.responses.create(model="native", input="One")
    assert client.responses.create(model="chat", input="Two", previous_response_id=first.id).output_text == "3: Two"
    begun = client.responses.create(model="chat", input="One")
    third = client.responses.create(model="native", input="Two", previous_response_id=begun.id)
    assert third.output_text == "native after None"
    assert len(last_asked()["input"]) == 3


def test_what_we_know_nothing_of_passes_through(client: OpenAI) -> None:
    response = client.responses.create(model="native", input="Hi", extra_body={"odd_field": {"x": 1.0}})
    assert last_asked()["odd_field"] == {"x": 1.0}
    assert response.to_dict()["odd"] == {"kept": True}


def test_errors_are_the_callers_to_read(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.responses.create(model="native", input="fail")
    assert "No such thing" in caught.value.message
    with pytest.raises(BadRequestError) as caught:
        client.responses.create(model="chat", input="Hi", tools=[{"type": "web_search"}])
    assert (caught.value.param, caught.value.code) == ("tools[0].type", "unsupported_value")
    with pytest.raises(BadRequestError) as caught:
        client.responses.create(model="chat", input="Hi", background=True)
    assert caught.value.param == "background"


def test_responses_lie_encrypted(client: OpenAI, responding: Gateway) -> None:
    client.responses.create(model="chat", input="a very particular secret")
    kept = [path for path in (responding.directory / "torana-data" / "responses").rglob("*") if path.is_file()]
    assert kept
    assert not any(b"particular" in path.read_bytes() for path in kept)
