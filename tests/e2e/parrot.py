"""An upstream that says again what it is told last, a moderation model, and a webhook: all on one loopback port."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


@dataclass
class Parrot:
    """What it was asked, and how it is to answer."""

    port: int = 0
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    says: str | None = None
    """In place of what it is told."""
    finish: str = "stop"
    verdict: Any = field(default_factory=lambda: {"verdict": True})
    """What the webhook answers."""
    hook_status: int = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def hook(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def calls(self, path: str = "/v1/chat/completions") -> list[dict[str, Any]]:
        return [body for asked, body in self.asked if asked == path]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    parrot: Parrot

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.parrot.asked.append((self.path, body))
        if self.path == "/hook":
            self.say(self.parrot.verdict, self.parrot.hook_status)
        elif self.path == "/v1/moderations":
            bad = "bad" in json.dumps(body["input"])
            result: dict[str, Any] = {"flagged": bad}
            result |= {"categories": {"violence": bad}, "category_scores": {"violence": 0.9 * bad}}
            self.say({"id": "modr-1", "model": body["model"], "results": [result]})
        elif body.get("stream"):
            self.tell(body)
        else:
            message: dict[str, Any] = {"role": "assistant", "content": self.words(body), "refusal": None}
            choice: dict[str, Any] = {"index": 0, "message": message}
            choice |= {"finish_reason": self.parrot.finish, "logprobs": None}
            self.say({**self.head("chat.completion"), "choices": [choice], "usage": USAGE})

    def words(self, body: dict[str, Any]) -> str:
        said = body["messages"][-1]["content"]
        if not isinstance(said, str):
            said = "".join(part.get("text", "") for part in said)
        return self.parrot.says or f"You said: {said}"

    def head(self, kind: str) -> dict[str, Any]:
        return {"id": f"chatcmpl-{len(self.parrot.asked)}", "object": kind, "created": 1_790_000_000, "model": "parrot"}

    def tell(self, body: dict[str, Any]) -> None:
        head = self.head("chat.completion.chunk")
        deltas = [
            {"role": "assistant", "content": ""},
            *({"content": w} for w in re.findall(r"\S+\s*", self.words(body))),
        ]
        pieces: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        pieces.append({"index": 0, "delta": {}, "finish_reason": self.parrot.finish})
        chunks = [{**head, "choices": [piece]} for piece in pieces]
        if (body.get("stream_options") or {}).get("include_usage"):
            chunks.append({**head, "choices": [], "usage": USAGE})
        frames = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        self.reply(frames.encode(), "text/event-stream")

    def say(self, body: object, status: int = 200) -> None:
        self.reply(json.dumps(body).encode(), "application/json", status)

    def reply(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def parrot() -> Iterator[Parrot]:
    told = Parrot()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Told", (Handler,), {"parrot": told}))
    told.port = server.server_port
    Thread(target=server.serve_forever, daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()
