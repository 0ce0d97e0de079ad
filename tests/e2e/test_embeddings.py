"""The official Python client asks for vectors and verdicts, at an upstream that knows numbers alone, and right here."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from openai import BadRequestError, OpenAI

from tests.e2e.gateway import Gateway, serve, token

VECTORS = [[0.5, -1.0, 0.25], [0.0, 1.0, 2.0]]
CATEGORIES = dict.fromkeys(
    [
        "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
        "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
    ],
    False,
)  # fmt: skip
VERDICT = {
    "flagged": True,
    "categories": CATEGORIES | {"self-harm/intent": True},
    "category_scores": dict.fromkeys(CATEGORIES, 0.5),
    "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
}


@dataclass
class Upstream:
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    """It writes vectors as numbers, whatever it is asked."""

    protocol_version = "HTTP/1.1"
    told: Upstream

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.told.asked.append(asked)
        if self.path == "/v1/moderations":
            self.say({"id": "modr-1", "model": asked["model"], "results": [VERDICT]})
        else:
            items = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(VECTORS)]
            usage = {"prompt_tokens": 8, "total_tokens": 8}
            self.say({"object": "list", "data": items, "model": asked["model"], "usage": usage})

    def say(self, body: object) -> None:
        reply = json.dumps(body).encode()
        self.send_response(200)
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
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    config = f"""\
providers:
  lab:
    type: openai
    base_url: "{upstream.url}"
    api_key: {{env: LAB_KEY}}
    models: [vectors, verdicts]
    prices:
      vectors: {{dated: "2026-11-22", source: "a test", per_million_tokens: {{text_in: "0.5"}}}}
  here: {{type: local-text}}
models:
  vectors: {{targets: [{{target: lab/vectors}}]}}
  verdicts: {{targets: [{{target: lab/verdicts}}]}}
  sentences: {{targets: [{{target: here/all-minilm-l6-v2}}]}}
"""
    with serve(tmp_path_factory.mktemp("reading"), config, {"LAB_KEY": "key"}) as running:
        yield running


@pytest.fixture
def client(reading: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{reading.url}/v1", api_key=token(), max_retries=0, timeout=60) as opened:
        yield opened


def test_vectors_come_as_the_client_asks_by_itself_which_is_base64(client: OpenAI, upstream: Upstream) -> None:
    raw = client.embeddings.with_raw_response.create(model="vectors", input=["one", "two"], user="ada")
    assert [item.embedding for item in raw.parse().data] == VECTORS
    assert upstream.asked[-1] == {
        "input": ["one", "two"], "model": "vectors", "user": "ada", "encoding_format": "base64",
    }  # fmt: skip
    assert (raw.headers["x-torana-model"], raw.headers["x-torana-cost"]) == ("lab/vectors", "0.000004")


def test_vectors_come_as_numbers_where_these_are_asked_for(client: OpenAI, upstream: Upstream) -> None:
    told = client.embeddings.create(model="vectors", input=[[1, 2], [3]], encoding_format="float", dimensions=3)
    assert [item.embedding for item in told.data] == VECTORS
    assert told.usage.prompt_tokens == 8
    assert (upstream.asked[-1]["input"], upstream.asked[-1]["dimensions"]) == ([[1, 2], [3]], 3)


def test_verdicts_come_back(client: OpenAI, upstream: Upstream) -> None:
    part: Any = {"type": "text", "text": "a"}
    told = client.moderations.create(model="verdicts", input=[part])
    assert told.results[0].categories.self_harm_intent
    assert upstream.asked[-1] == {"model": "verdicts", "input": [part]}


def test_a_request_that_is_none_is_refused(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.embeddings.create(model="vectors", input=[])
    assert caught.value.param == "input"


def test_real_vectors_are_made_right_here(client: OpenAI) -> None:
    texts = ["A cat sat on the mat.", "Kittens like to rest on rugs.", "The stock market fell sharply."]
    cat, kitten, market = (item.embedding for item in client.embeddings.create(model="sentences", input=texts).data)

    def alike(one: list[float], other: list[float]) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert len(cat) == 384
    assert alike(cat, cat) == pytest.approx(1, abs=1e-5)
    assert alike(cat, kitten) > 0.4 > alike(cat, market)
    again = client.embeddings.create(model="sentences", input=texts[0], encoding_format="float").data[0].embedding
    assert again == pytest.approx(cat, abs=1e-6)


def test_a_text_that_is_too_long_for_it_is_told(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.embeddings.create(model="sentences", input="word " * 9000)
    assert caught.value.code == "context_length_exceeded"
