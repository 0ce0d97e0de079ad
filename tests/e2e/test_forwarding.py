"""A picture goes on to its upstream while it comes in, between real processes."""

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.gateway import Gateway, serve, token
from tests.edge.gate import BOUNDARY, PATH, form, head
from tests.media.samples import chunk, encoded, picture, png_header

CONFIG = """\
providers:
  first: {{type: openai-compatible, base_url: "http://127.0.0.1:{one}/v1"}}
  second: {{type: openai-compatible, base_url: "http://127.0.0.1:{two}/v1"}}
models: {{vary: {{targets: [{{target: first/painter}}, {{target: second/painter, priority: 1}}]}}}}
limits: [{{name: few, of: requests, limit: 9, every: 24h}}]
"""
PNG = png_header(500, 400) + chunk(b"IDAT", b"\1" * 60_000) * 20 + chunk(b"IEND")
FIELDS = {"model": "vary", "response_format": "b64_json"}
STEP = 30_000
BODY = form(FIELDS, [("image", PNG)])
LATE = form(FIELDS, [("image", PNG)])[: -len(f"--{BOUNDARY}--\r\n")] + form({"n": "2"}, [])
MADE = base64.b64encode(encoded(picture(), "PNG")).decode()


@dataclass
class Seen:
    """What an upstream has met."""

    began: threading.Event = field(default_factory=threading.Event)
    """Bytes of a picture are there."""
    whole: list[bytes] = field(default_factory=list)
    broken: threading.Event = field(default_factory=threading.Event)
    """A request ended before it was whole."""


@contextmanager
def upstream(status: int = 200) -> Iterator[tuple[int, Seen]]:
    seen = Seen()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            left = int(self.headers["content-length"])
            got = b""
            while left and (piece := self.rfile.read1(min(left, 65536))):
                got += piece
                left -= len(piece)
                if b"IDAT" in got:
                    seen.began.set()
                    if status != 200:
                        break
            if left and status == 200:
                seen.broken.set()
                self.close_connection = True
                return
            seen.whole.append(got)
            number = 2 if b'name="n"\r\n\r\n2' in got else 1
            body = json.dumps({"created": 1, "data": [{"b64_json": MADE}] * number}).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.send_header("x-should-retry", "false")
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = status != 200

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port, seen
        finally:
            server.shutdown()


def told(gateway: Gateway, body: bytes, pause: threading.Event) -> tuple[int, dict[str, str], bytes]:
    """The answer to a body of which half comes only when something has happened."""
    lead = head(
        "POST",
        PATH,
        authorization=f"Bearer {token()}",
        content_type=f"multipart/form-data; boundary={BOUNDARY}",
        content_length=len(body),
        connection="close",
    )
    with socket.create_connection(gateway.address) as client, client.makefile("rb") as answer:
        client.sendall(lead)
        for start in range(0, len(body) // 2, STEP):
            # No faster than it is read.
            client.sendall(body[start : min(start + STEP, len(body) // 2)])
            time.sleep(0.002)
        assert pause.wait(20), gateway.log
        client.sendall(body[len(body) // 2 :])
        got = answer.read()
    told, _, rest = got.partition(b"\r\n\r\n")
    line, *lines = told.decode().split("\r\n")
    headers = dict(each.lower().split(": ", 1) for each in lines)
    return int(line.split()[1]), headers, rest


@pytest.fixture
def config() -> Iterator[tuple[str, Seen, Seen]]:
    with upstream() as (one, first), upstream() as (two, second):
        yield CONFIG.format(one=one, two=two), first, second


def test_a_picture_goes_on_while_it_comes(tmp_path: Path, config: tuple[str, Seen, Seen]) -> None:
    text, first, second = config
    with serve(tmp_path, text) as gateway:
        status, headers, body = told(gateway, BODY, first.began)
        assert (status, len(json.loads(body)["data"])) == (200, 1), body
        assert PNG in first.whole[0]
        assert headers["x-ratelimit-remaining-requests"] == "8"

        # What follows the picture counts; the upstream never had the whole of what was void.
        first.began.clear()
        status, headers, body = told(gateway, LATE, first.began)
        assert (status, len(json.loads(body)["data"])) == (200, 2), body
        assert headers["x-ratelimit-remaining-requests"] == "7"
        assert first.broken.wait(5)
        assert [b'name="n"\r\n\r\n2' in each for each in first.whole] == [False, True]
        assert not second.whole
        assert gateway.log.count('"operation":"images.variations"') == 2


def test_where_the_first_upstream_fails_the_second_has_all_of_it(tmp_path: Path) -> None:
    with upstream(503) as (one, first), upstream() as (two, second):
        with serve(tmp_path, CONFIG.format(one=one, two=two)) as gateway:
            status, headers, body = told(gateway, BODY, second.began)
            assert status == 200, body
            assert headers["x-torana-model"] == "second/painter"
        assert first.whole
        assert PNG in second.whole[0]
