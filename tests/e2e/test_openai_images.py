"""The official Python client draws and edits through the gateway, at an upstream in OpenAI's shape."""

import base64
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from openai import BadRequestError, OpenAI
from PIL import Image

from tests.e2e.gateway import Gateway, serve, token
from tests.e2e.wire import fetch

SIDE = 64
SIZE: Any = f"{SIDE}x{SIDE}"
TOKENS = {"input_tokens": 12, "output_tokens": 300, "input_tokens_details": {"text_tokens": 5, "image_tokens": 7}}


def drawn(colour: str, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (SIDE, SIDE), colour).save(file, "PNG")
    return file.getvalue()


def colour_of(data: bytes) -> object:
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (SIDE, SIDE)
        return image.convert("RGB").getpixel((0, 0))


RED, GREEN, MASK = drawn("red"), drawn("lime"), drawn("#00000000", "RGBA")


@dataclass
class Upstream:
    """What it was asked, and where it answers."""

    url: str = ""
    asked: list[tuple[str, bytes]] = field(default_factory=list)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """It answers every request with as many blue pictures as are asked for."""
    told = Upstream()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.asked.append((self.path, body))
            count = re.search(rb'(?:"n":|name="n"\r\n\r\n)(\d+)', body)
            data = [{"b64_json": base64.b64encode(drawn("blue")).decode()}] * int(count[1] if count else 1)
            reply = json.dumps({"created": 1, "data": data, "usage": TOKENS}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}/v1"
    Thread(target=server.serve_forever, daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def painter(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    config = f"""\
providers:
  lab: {{type: openai-compatible, base_url: "{upstream.url}", models: [brush]}}
models:
  paint: {{targets: [{{target: lab/brush}}]}}
"""
    with serve(tmp_path_factory.mktemp("painter"), config) as running:
        yield running


@pytest.fixture
def client(painter: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{painter.url}/v1", api_key=token(), max_retries=0) as opened:
        yield opened


def pictures(reply: Any) -> list[bytes]:
    return [base64.b64decode(each.b64_json, validate=True) for each in reply.data]


def test_drawing(client: OpenAI, upstream: Upstream) -> None:
    reply = client.images.generate(
        model="paint", prompt="a blue sea", n=2, size=SIZE, quality="high", response_format="b64_json"
    )
    assert list(map(colour_of, pictures(reply))) == [(0, 0, 255)] * 2
    assert reply.usage is not None
    assert (reply.usage.total_tokens, reply.usage.input_tokens_details.image_tokens) == (312, 7)
    path, body = upstream.asked[-1]
    assert path == "/v1/images/generations"
    asked = json.loads(body)
    assert (asked["model"], asked["prompt"], asked["n"]) == ("brush", "a blue sea", 2)


def test_drawing_as_a_link(client: OpenAI) -> None:
    reply = client.images.generate(model="paint", prompt="a blue sea", size=SIZE)
    (picture,) = reply.data or []
    assert colour_of(fetch(picture.url or "").body) == (0, 0, 255)


def test_drawing_as_events(client: OpenAI) -> None:
    with client.images.generate(model="paint", prompt="a blue sea", n=2, size=SIZE, stream=True) as stream:
        events: list[Any] = list(stream)
    assert [event.type for event in events] == ["image_generation.completed"] * 2
    assert [colour_of(base64.b64decode(event.b64_json)) for event in events] == [(0, 0, 255)] * 2
    assert [event.size for event in events] == [SIZE] * 2


def test_editing_several_pictures_within_a_mask(client: OpenAI, upstream: Upstream) -> None:
    reply = client.images.edit(
        model="paint", image=[RED, GREEN], mask=MASK, prompt="make it blue", size=SIZE, response_format="b64_json"
    )
    assert list(map(colour_of, pictures(reply))) == [(0, 0, 255)]
    path, body = upstream.asked[-1]
    assert path == "/v1/images/edits"
    names = re.findall(rb'name="(image|mask)(?:\[\])?"; filename=', body)
    assert sorted(names) == [b"image", b"image", b"mask"]
    assert b"make it blue" in body


def test_editing_as_events(client: OpenAI) -> None:
    with client.images.edit(model="paint", image=RED, prompt="make it blue", size=SIZE, stream=True) as stream:
        events: list[Any] = list(stream)
    assert [event.type for event in events] == ["image_edit.completed"]


def test_editing_by_json(painter: Gateway, client: OpenAI, upstream: Upstream) -> None:
    """The client sends forms alone, but lends its way to send anything."""
    uri = "data:image/png;base64," + base64.b64encode(RED).decode()
    members = {"model": "paint", "prompt": "make it blue", "size": SIZE, "response_format": "b64_json"}
    reply = client.post("/images/edits", cast_to=object, body={**members, "images": [{"image_url": uri}]})
    assert isinstance(reply, dict)
    assert colour_of(base64.b64decode(reply["data"][0]["b64_json"])) == (0, 0, 255)
    assert upstream.asked[-1][0] == "/v1/images/edits"


def test_errors_become_the_client_s_own(client: OpenAI, upstream: Upstream) -> None:
    before = len(upstream.asked)
    wrong: Any
    for wrong, param in [({"prompt": ""}, "prompt"), ({"prompt": "x" * 32_001}, "prompt"), ({"n": 11}, "n")]:
        with pytest.raises(BadRequestError) as caught:
            client.images.generate(**{"model": "paint", "prompt": "a cat", "stream": True, **wrong})
        assert caught.value.param == param
    with pytest.raises(BadRequestError) as no_picture:
        client.images.edit(model="paint", image=b"no picture", prompt="make it blue")
    assert (no_picture.value.param, no_picture.value.code) == ("image", "invalid_image_format")
    with pytest.raises(BadRequestError) as no_mask:
        client.images.edit(model="paint", image=RED, mask=b"no picture", prompt="make it blue")
    assert no_mask.value.param == "mask"
    assert len(upstream.asked) == before
