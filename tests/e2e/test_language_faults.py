"""Upstreams of language that misbehave, as clients of two families see it, and readers who are slow."""

import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import anthropic
import openai
import pytest

from tests.e2e.gateway import Gateway, serve, token
from tests.e2e.wire import Connection

MANY = 100_000
"""Tokens of the long answer."""
PADDING = "x" * 500
"""What comes with each, so that all of them are far more than the gateway may hold."""
GROWTH = 12 * 1024**2
"""Bytes that the gateway may take more while it is told; the answer has more than 50 MiB."""
LATE = 1.5
"""Seconds until one who is late begins to answer."""
JSON, EVENTS = "application/json", "text/event-stream"
SECRET = "what-only-the-operator-should-see"


def chunk(text: str | None, **choice: object) -> bytes:
    delta = {} if text is None else {"content": text}
    document = {
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": None, **choice}],
    }  # fmt: skip
    return b"data: %s\n\n" % json.dumps(document).encode()


GOOD, END = chunk("Hi"), chunk(None, finish_reason="stop") + b"data: [DONE]\n\n"
WHOLE = json.dumps({
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}).encode()  # fmt: skip
ERROR = json.dumps({"error": {"message": SECRET, "type": "server_error", "code": "boom", "param": None}}).encode()

PLAIN: Mapping[str, tuple[str, bytes]] = {
    "half a document": (JSON, WHOLE[:40]),
    "no document": (JSON, b"\xff\xfe\x00nonsense"),
    "nothing": (JSON, b""),
    "a list": (JSON, b"[]"),
    "other members": (JSON, b'{"choices": "none"}'),
    "a page": ("text/html", b"<html>" + SECRET.encode()),
    "an error": (JSON, ERROR),
    "a deep one": (JSON, b'{"choices":' + b"[" * 100_000),
}
"""Replies of status 200 that are none."""
BROKEN: Mapping[str, bytes] = {
    "half a document": b'data: {"choices": [\n\n',
    "no document": b"data: \xff\xfe nonsense\n\n",
    "an error": b"data: " + ERROR + b"\n\n",
    "half an event": GOOD[:30],
    "nothing": b"",
}
"""What may come in a stream, and ends it."""
GOOD_CALLS = ("plain", "stream")


class Handler(BaseHTTPRequestHandler):
    """It does what the message says: how the stream begins, and how it goes wrong."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        content = asked["messages"][-1]["content"]
        what = content if isinstance(content, str) else content[0]["text"]
        self.close_connection = True
        with suppress(ConnectionError):
            if what.startswith("plain: "):
                self.say(*PLAIN[what.removeprefix("plain: ")])
            elif what == "good" and not asked.get("stream"):
                self.say(JSON, WHOLE)
            else:
                self.stream(what)

    def stream(self, what: str) -> None:
        if what == "late head":
            time.sleep(LATE)
        self.send_response(200)
        self.send_header("content-type", EVENTS)
        self.send_header("connection", "close")
        self.end_headers()
        begun, _, fault = what.partition(": ")
        if what == "late word":
            self.wfile.flush()
            time.sleep(LATE)
        self.wfile.write(GOOD if begun in {"begun", "good", "late head", "late word"} else b"")
        if what in {"good", "late head", "late word"}:
            self.wfile.write(END)
        elif what == "many":
            self.many()
        elif fault == "endless":
            self.endless()
        elif fault == "flood":
            self.flood()
        else:
            self.wfile.write(BROKEN[fault])

    def endless(self) -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            self.wfile.write(b": still here\n\n")
            time.sleep(0.05)

    def flood(self) -> None:
        self.wfile.write(b'data: {"choices": "')
        for _ in range(4096):
            self.wfile.write(b"x" * 65536)

    def many(self) -> None:
        for number in range(MANY):
            self.wfile.write(chunk(f"token {number} {PADDING}"))
        self.wfile.write(END)

    def say(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    config = f"""\
workers: {{count: 1}}
retries: {{attempts: 1}}
providers:
  lab:
    type: openai-compatible
    base_url: "http://127.0.0.1:{server.server_port}/v1"
    api_key: {{env: LAB_KEY}}
    models: [m]
    max_reply: 256MiB
    timeouts: {{total: 20s}}
  hasty:
    type: openai-compatible
    base_url: "http://127.0.0.1:{server.server_port}/v1"
    api_key: {{env: LAB_KEY}}
    models: [m]
    max_reply: 1MiB
    timeouts: {{total: 2s}}
"""
    with serve(tmp_path_factory.mktemp("speaker"), config, {"LAB_KEY": "k"}) as running:
        yield running
    server.shutdown()
    server.server_close()


def by_openai(gateway: Gateway, what: str, *, stream: bool, model: str = "hasty/m") -> list[str]:
    """The texts of an answer, as OpenAI's client tells them; what it raises."""
    with openai.OpenAI(api_key=token(), base_url=f"{gateway.url}/v1", max_retries=0, timeout=15) as client:
        messages: Any = [{"role": "user", "content": what}]
        if not stream:
            whole = client.chat.completions.create(model=model, messages=messages)
            return [whole.choices[0].message.content or ""]
        got: list[str] = []
        try:
            for each in client.chat.completions.create(model=model, messages=messages, stream=True):
                got += [choice.delta.content for choice in each.choices if choice.delta.content]
        except openai.APIError as error:
            raise Told(error, got) from error
        return got


def by_anthropic(gateway: Gateway, what: str, *, stream: bool, model: str = "hasty/m") -> list[str]:
    """The same by Anthropic's, whose words the upstream does not speak."""
    with anthropic.Anthropic(api_key=token(), base_url=gateway.url, max_retries=0, timeout=15) as client:
        messages: Any = [{"role": "user", "content": what}]
        if not stream:
            message = client.messages.create(model=model, max_tokens=9, messages=messages)
            return [block.text for block in message.content if block.type == "text"]
        got: list[str] = []
        try:
            events = client.messages.create(model=model, max_tokens=9, messages=messages, stream=True)
            deltas = (event.delta for event in events if event.type == "content_block_delta")
            got.extend(delta.text for delta in deltas if delta.type == "text_delta")
        except anthropic.APIError as error:
            raise Told(error, got) from error
        return got


class Told(Exception):
    """An error, and what came before it."""

    def __init__(self, error: Exception, before: list[str]) -> None:
        super().__init__(str(error))
        self.error = error
        self.before = before

    @property
    def status(self) -> int | None:
        return getattr(self.error, "status_code", None)


Ask = Callable[..., list[str]]
CLIENTS = pytest.mark.parametrize("ask", [by_openai, by_anthropic])


def sound(gateway: Gateway) -> None:
    """Nothing unforeseen has happened, and the gateway goes on."""
    assert '"event":"unexpected"' not in gateway.log, gateway.log
    assert SECRET not in gateway.log
    assert by_openai(gateway, "good", stream=True, model="lab/m") == ["Hi"]


@CLIENTS
@pytest.mark.parametrize("stream", [False, True])
def test_a_good_answer_is_one(speaker: Gateway, ask: Ask, stream: bool) -> None:
    assert ask(speaker, "good", stream=stream) == ["Hi"]


@CLIENTS
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("what", PLAIN)
def test_a_reply_that_is_none_is_a_clean_error(speaker: Gateway, ask: Ask, what: str, stream: bool) -> None:
    with pytest.raises((openai.APIStatusError, anthropic.APIStatusError, Told)) as caught:
        ask(speaker, f"plain: {what}", stream=stream)
    error: Any = caught.value
    if isinstance(error, Told):
        assert error.before == []
        error = error.error
    assert error.status_code in {500, 502, 503}
    sound(speaker)


@CLIENTS
@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("begun", [False, True])
def test_a_stream_that_is_broken_ends_in_an_error(speaker: Gateway, ask: Ask, what: str, begun: bool) -> None:
    with pytest.raises(Told) as caught:
        ask(speaker, f"{'begun' if begun else 'new'}: {what}", stream=True)
    assert caught.value.before == (["Hi"] if begun else [])
    if not begun:
        assert caught.value.status in {500, 502, 503}
    sound(speaker)


@CLIENTS
@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("what", ["endless", "flood"])
def test_a_stream_without_end_is_ended(speaker: Gateway, ask: Ask, what: str, begun: bool) -> None:
    before = time.monotonic()
    with pytest.raises(Told) as caught:
        ask(speaker, f"{'begun' if begun else 'new'}: {what}", stream=True)
    assert caught.value.before == (["Hi"] if begun else [])
    if not begun:
        assert caught.value.status in {502, 504}
    assert time.monotonic() - before < 10
    sound(speaker)


@pytest.mark.parametrize("what", ["late head", "late word"])
def test_who_is_late_to_begin_is_given_up_where_the_caller_says_so(speaker: Gateway, what: str) -> None:
    assert by_openai(speaker, what, stream=True, model="lab/m") == ["Hi"]
    with openai.OpenAI(api_key=token(), base_url=f"{speaker.url}/v1", max_retries=0, timeout=15) as client:
        messages: Any = [{"role": "user", "content": what}]
        for name, status, code in (
            ("ttft-timeout-ms", 408, "first_token_timeout"),
            ("request-timeout", 504, "attempt_timeout"),
        ):
            with pytest.raises(openai.APIStatusError) as caught:
                client.chat.completions.create(
                    model="lab/m", messages=messages, stream=True, extra_headers={f"x-tfy-{name}": "300"}
                )
            assert (caught.value.status_code, caught.value.code) == (status, code)
    sound(speaker)


def resident(gateway: Gateway) -> int:
    """Bytes of memory that its serving process holds."""
    for line in Path(f"/proc/{gateway.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError


def asked(gateway: Gateway, path: str) -> bytes:
    body = json.dumps({
        "model": "lab/m", "stream": True, "max_tokens": 9, "messages": [{"role": "user", "content": "many"}],
    }).encode()  # fmt: skip
    head = (
        f"POST {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {token()}\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_a_long_answer_before_a_slow_reader_takes_no_memory(speaker: Gateway, path: str) -> None:
    sound(speaker)
    before, most, seen, size, tail = resident(speaker), 0, 0, 0, b""
    with Connection(speaker.address) as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        connection.send(asked(speaker, path))
        # By now all of it would be there, if it were not held.
        time.sleep(3)
        most = resident(speaker)
        while piece := connection.socket.recv(256 * 1024):
            # What stands at the border of two pieces counts once.
            text = tail + piece
            seen += text.count(b"token ") - tail.count(b"token ")
            size += len(piece)
            tail = text[-5:]
            most = max(most, resident(speaker))
            time.sleep(0.002)
    assert seen == MANY
    assert size > 4 * GROWTH
    assert most - before < GROWTH, f"{most - before:,} bytes more"
    sound(speaker)
