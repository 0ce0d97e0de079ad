"""An upstream of every dialect on the loopback, in a thread: it uses tools, and has moods, by the model's name.

What is not asked for in OpenAI's words or Anthropic's is answered as in the conformance tests.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.conformance import polyglot
from tests.conformance.plays_openai import OPENAI_USAGE, anthropic_usage
from tests.conformance.saying import PIECES, Body, events, http, said
from tests.families.language.messages.said import MESSAGE
from tests.upstream.wire import Request

ANSWERS = {"city": "Zürich"}
"""What it calls tools with, and fills forms with."""
_CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": json.dumps(ANSWERS)}}
_WRONG = {"message": "'temperature' must be at most 2.", "type": "invalid_request_error", "param": "temperature"}
_ERRORS: Mapping[str, tuple[int, Body]] = {
    "busy": (429, {"message": "Slow down.", "type": "requests", "param": None, "code": "rate_limit_exceeded"}),
    "down": (503, {"message": "Overloaded.", "type": "server_error", "param": None, "code": None}),
    "choosy": (400, {**_WRONG, "code": "invalid_value"}),
}
_FAILED = b'data: {"error": {"message": "Overloaded.", "type": "server_error", "param": null, "code": 503}}\n\n'


@dataclass
class Upstream:
    """What it was asked, and who left before the end."""

    port: int = 0
    asked: list[tuple[str, Body]] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def models(self) -> list[str]:
        """That it was asked for, in order."""
        return [body["model"] for _, body in self.asked]


class Handler(BaseHTTPRequestHandler):
    """One request after the other."""

    protocol_version = "HTTP/1.1"
    upstream: Upstream

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        body: Body = json.loads(raw) if raw.startswith(b"{") else {}
        self.upstream.asked.append((self.path, body))
        mood = body.get("model", "")
        if mood in _ERRORS:
            status, error = _ERRORS[mood]
            self.wfile.write(http(json.dumps({"error": error}).encode(), status))
        elif mood in _STREAMS and body.get("stream"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
            self.close_connection = True
            _STREAMS[mood](self)
        else:
            play = next((play for path, play in _PLAYS.items() if self.path.endswith(path) and _acts(body)), None)
            self.wfile.write(play(body) if play else polyglot.answer(Request(self.requestline, raw)))

    def tell(self, *deltas: Body) -> None:
        """Some of an answer, at once."""
        for delta in deltas:
            piece = {"index": 0, "delta": delta, "finish_reason": None}
            told = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [piece]}
            self.wfile.write(f"data: {json.dumps(told)}\n\n".encode())
        self.wfile.flush()

    def tell_half(self) -> None:
        """Breaks off in the midst of it."""
        self.tell({"role": "assistant", "content": PIECES[0]}, {"content": PIECES[1]})

    def fail(self) -> None:
        """Begins as if all were well, and fails before it says a word."""
        self.tell({"role": "assistant", "content": ""})
        self.wfile.write(_FAILED)

    def go_on(self) -> None:
        """Has no end until its listener leaves."""
        try:
            while not self.upstream.left.wait(0.05):
                self.tell({"content": "and "})
        except OSError:
            self.upstream.left.set()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


_STREAMS: Mapping[str, Callable[[Handler], None]] = {
    "half": Handler.tell_half,
    "sick": Handler.fail,
    "endless": Handler.go_on,
}


def _acts(body: Body) -> bool:
    """Whether a tool or a form is wanted, and no tool has answered yet."""
    last = body["messages"][-1] if body["messages"] else {"role": "user", "content": ""}
    answered = last["role"] == "tool" or (isinstance(last["content"], list) and last["content"][0]["type"] != "text")
    return "response_format" in body or (bool(body.get("tools")) and not answered)


def _chat(body: Body) -> bytes:
    """OpenAI's: a form filled, or a tool called."""
    filled = "response_format" in body
    call: Body = {"role": "assistant", "content": None, "tool_calls": [_CALL]}
    message: Body = {"role": "assistant", "content": json.dumps(ANSWERS)} if filled else call
    finish = "stop" if filled else "tool_calls"
    head = {"id": "chatcmpl-2", "created": 1, "model": body["model"]}
    if not body.get("stream"):
        choice = {"index": 0, "message": message | {"refusal": None}, "finish_reason": finish, "logprobs": None}
        return said({**head, "object": "chat.completion", "choices": [choice], "usage": OPENAI_USAGE})
    deltas = [message] if filled else _called()
    pieces = [*({"index": 0, "delta": delta, "finish_reason": None} for delta in deltas),
              {"index": 0, "delta": {}, "finish_reason": finish}]  # fmt: skip
    told = [{**head, "object": "chat.completion.chunk", "choices": [piece]} for piece in pieces]
    return events(*told, {**told[-1], "choices": [], "usage": OPENAI_USAGE}, last=b"data: [DONE]\n\n")


def _called() -> list[Body]:
    """The call as it comes: its arguments in two pieces."""
    arguments = json.dumps(ANSWERS)
    begun = {"index": 0, **_CALL, "function": {"name": "weather", "arguments": arguments[:4]}}
    more = {"index": 0, "function": {"arguments": arguments[4:]}}
    return [{"role": "assistant", "content": None, "tool_calls": [begun]}, {"tool_calls": [more]}]


def _message(body: Body) -> bytes:
    """Anthropic's: a tool called, its arguments in two pieces."""
    call: Body = {"type": "tool_use", "id": "toolu_1", "name": body["tools"][0]["name"]}
    whole = MESSAGE | {"content": [call | {"input": ANSWERS}], "stop_reason": "tool_use", "model": body["model"]}
    whole["usage"] = anthropic_usage(4)
    if not body.get("stream"):
        return said(whole)
    arguments = json.dumps(ANSWERS)
    at: Body = {"type": "content_block_delta", "index": 0}
    deltas = [{"type": "input_json_delta", "partial_json": text} for text in (arguments[:4], arguments[4:])]
    stop = {"stop_reason": "tool_use", "stop_sequence": None}
    return events(
        {"type": "message_start", "message": whole | {"content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": call | {"input": {}}},
        *(at | {"delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": stop, "usage": {"output_tokens": 4}},
        {"type": "message_stop"},
        named=True,
    )


_PLAYS: Mapping[str, Callable[[Body], bytes]] = {"/chat/completions": _chat, "/messages": _message}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Clients leave."""


@contextmanager
def upstream() -> Iterator[Upstream]:
    """The upstream, for as long as the block."""
    told = Upstream()
    with _Server(("127.0.0.1", 0), type("Told", (Handler,), {"upstream": told})) as server:
        told.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield told
        finally:
            told.left.set()
            server.shutdown()
