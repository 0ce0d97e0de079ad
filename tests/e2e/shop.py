"""A vendor on the loopback that sells pictures at once, and notes for whom it has begun to draw one."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import ClassVar

from PIL import Image

from tests.e2e.gateway import Gateway
from tests.e2e.wire import Reply, ask, head

PRICE = 10_000_000
"""Nano-dollars for a picture."""

SHOP = """\
providers:
  shop:
    type: openai-compatible
    base_url: "http://127.0.0.1:{port}/v1"
    prices: {{draw: {{dated: "2026-11-22", source: this test, per_image: "0.01"}}}}
models: {{draw: {{targets: [{{target: shop/draw}}]}}}}
"""
"""A configuration's part, for a port."""


class _Counter(BaseHTTPRequestHandler):
    sold: ClassVar[list[str]] = []
    picture: ClassVar[str] = ""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.sold.append(asked["prompt"])
        time.sleep(float(asked["prompt"].partition("slow ")[2] or 0.05))
        body = json.dumps({"created": 1, "data": [{"b64_json": self.picture}]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Gateways that are killed hang up."""


@contextmanager
def shop() -> Iterator[tuple[int, list[str]]]:
    """Its port, and the prompts of what was ordered."""
    drawn = BytesIO()
    Image.new("RGB", (256, 256), "teal").save(drawn, "png")
    sold: list[str] = []
    handler = type("Counter", (_Counter,), {"sold": sold, "picture": base64.b64encode(drawn.getvalue()).decode()})
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port, sold
        finally:
            server.shutdown()


def draw(gateway: Gateway, name: str, credential: str) -> Reply | None:
    """One call; None when nobody answers."""
    body = json.dumps({"model": "draw", "prompt": name, "n": 1, "size": "256x256", "response_format": "b64_json"})
    headers = {
        "authorization": f"Bearer {credential}",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "x-torana-metadata": json.dumps({"call": name}),
    }
    try:
        return ask(gateway.address, head(headers, path="/v1/images/generations") + body.encode(), "POST")
    except (OSError, HTTPException):
        return None


def status(reply: Reply | None) -> int:
    """Its status, 0 for none."""
    return 0 if reply is None else reply.status
