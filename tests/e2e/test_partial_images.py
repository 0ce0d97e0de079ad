"""The official Python client watches pictures grow, at an upstream that streams them."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR
from threading import Event, Thread
from typing import Any

import pytest
from openai import APIError, BadRequestError, OpenAI
from PIL import Image

from tests.e2e.gateway import Gateway, serve, token, wait_until

SIZE: Any = "1024x1024"
SECONDS = 30.0
"""After which a test gives up waiting for what should come at once."""
USAGE = {
    "input_tokens": 5,
    "output_tokens": 300,
    "total_tokens": 305,
    "input_tokens_details": {"text_tokens": 5, "image_tokens": 0},
}


def drawn(colour: str, side: int) -> str:
    file = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


GREY, BLUE = drawn("grey", 64), drawn("blue", 1024)


def colour_of(text: str) -> object:
    with Image.open(io.BytesIO(base64.b64decode(text, validate=True))) as image:
        return image.size, image.getpixel((0, 0))


@dataclass
class Upstream:
    """What it was asked, where it answers, and whether it may go on."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    finished: bool = False
    go_on: Event = field(default_factory=Event)


class Handler(BaseHTTPRequestHandler):
    """It does what the prompt says."""

    protocol_version = "HTTP/1.1"
    told: Upstream

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.told.asked.append(asked)
        if asked["prompt"] == "refuse":
            self.say(400, {"error": {"message": "no", "type": "x", "code": "moderation_blocked"}})
        elif asked["prompt"] == "ignore" or asked["model"] != "first":
            self.say(200, {"created": 1, "data": [{"b64_json": BLUE}], "usage": USAGE})
        else:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream; charset=utf-8")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            {"slow": self.slow, "cut": self.cut, "moderate": self.moderate}[asked["prompt"]]()

    def slow(self) -> None:
        self.partial(0)
        assert self.told.go_on.wait(SECONDS)
        self.partial(1)
        self.told.finished = True
        self.event("image_generation.completed", b64_json=BLUE, usage=USAGE)
        self.wfile.write(b"0\r\n\r\n")

    def cut(self) -> None:
        self.partial(0)
        self.connection.shutdown(SHUT_RDWR)
        self.close_connection = True

    def moderate(self) -> None:
        self.partial(0)
        error = {"type": "image_generation_user_error", "code": "moderation_blocked", "message": "no", "param": None}
        self.event("error", error=error)
        self.wfile.write(b"0\r\n\r\n")

    def partial(self, index: int) -> None:
        facts = {"created_at": 1, "size": "64x64", "output_format": "png", "quality": "low", "background": "opaque"}
        self.event("image_generation.partial_image", b64_json=GREY, partial_image_index=index, **facts)

    def event(self, kind: str, **said: object) -> None:
        data = f"event: {kind}\r\ndata: {json.dumps({'type': kind, **said})}\r\n\r\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def say(self, status: int, body: object) -> None:
        reply = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    told = Upstream()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Telling", (Handler,), {"told": told}))
    told.url = f"http://127.0.0.1:{server.server_port}/v1"
    Thread(target=server.serve_forever, daemon=True).start()
    yield told
    told.go_on.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def painter(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    config = f"""\
providers:
  lab: {{type: openai, base_url: "{upstream.url}", api_key: {{env: LAB_KEY}}, models: [first, second]}}
models:
  paint: {{targets: [{{target: lab/first}}]}}
  spared: {{targets: [{{target: lab/first}}, {{target: lab/second}}]}}
"""
    with serve(tmp_path_factory.mktemp("partial"), config, {"LAB_KEY": "key"}) as running:
        yield running


@pytest.fixture
def client(painter: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{painter.url}/v1", api_key=token(), max_retries=0, timeout=SECONDS) as opened:
        yield opened


@pytest.fixture
def ask(client: OpenAI) -> Callable[..., Iterator[Any]]:
    def asking(prompt: str, model: str = "paint") -> Iterator[Any]:
        return iter(client.images.generate(model=model, prompt=prompt, size=SIZE, stream=True, partial_images=2))

    return asking


def test_a_picture_is_seen_before_it_is_finished(ask: Callable[..., Iterator[Any]], upstream: Upstream) -> None:
    events = ask("slow")
    first = next(events)
    assert (first.type, first.partial_image_index, first.size) == ("image_generation.partial_image", 0, "64x64")
    assert colour_of(first.b64_json) == ((64, 64), (128, 128, 128))
    assert not upstream.finished
    upstream.go_on.set()
    second, last = events
    assert (second.type, second.partial_image_index) == ("image_generation.partial_image", 1)
    assert (last.type, last.size) == ("image_generation.completed", SIZE)
    assert colour_of(last.b64_json) == ((1024, 1024), (0, 0, 255))
    assert last.usage.total_tokens == 305
    asked = upstream.asked[-1]
    assert (asked["stream"], asked["partial_images"]) == (True, 2)


def test_a_stream_that_breaks_is_an_error_where_it_stands(ask: Callable[..., Iterator[Any]], painter: Gateway) -> None:
    events = ask("cut")
    assert next(events).b64_json == GREY
    with pytest.raises(APIError) as caught:
        next(events)
    assert caught.value.code == "upstream_unreachable"
    wait_until(lambda: '"error":"upstream_unreachable"' in painter.log)


def test_after_a_preview_another_target_may_finish(ask: Callable[..., Iterator[Any]]) -> None:
    first, last = ask("cut", "spared")
    assert (first.b64_json, last.type) == (GREY, "image_generation.completed")
    assert colour_of(last.b64_json) == ((1024, 1024), (0, 0, 255))


def test_what_is_moderated_in_mid_stream_is_told_as_such(ask: Callable[..., Iterator[Any]]) -> None:
    events = ask("moderate")
    assert next(events).b64_json == GREY
    with pytest.raises(APIError) as caught:
        next(events)
    assert (caught.value.code, caught.value.type) == ("moderation_blocked", "image_generation_user_error")


def test_what_is_refused_at_once_is_an_answer_of_its_own(ask: Callable[..., Iterator[Any]]) -> None:
    with pytest.raises(BadRequestError) as caught:
        ask("refuse")
    assert caught.value.code == "moderation_blocked"


def test_an_upstream_that_streams_nothing_is_streamed_by_us(client: OpenAI) -> None:
    raw = client.images.with_raw_response.generate(
        model="paint", prompt="ignore", size=SIZE, stream=True, partial_images=2
    )
    assert "stream" in raw.headers["x-torana-emulated"].split(", ")
    assert [event.type for event in raw.parse()] == ["image_generation.completed"]


def test_previews_that_nobody_asked_for_are_not_asked_for(client: OpenAI, upstream: Upstream) -> None:
    (event,) = client.images.generate(model="paint", prompt="ignore", size=SIZE, stream=True)
    assert event.type == "image_generation.completed"
    assert {"stream", "partial_images"}.isdisjoint(upstream.asked[-1])
