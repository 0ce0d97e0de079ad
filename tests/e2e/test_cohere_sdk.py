"""Cohere's official client for rankings, OpenAI's for all else; the upstream behaves as Cohere's documentation says."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import cohere
import httpx
import openai
import pytest
from openai import OpenAI

from tests.dialects.cohere.test_answering import TALK, TOOLS
from tests.e2e.gateway import Gateway, serve, token

KEY = "key-of-the-account"
QUERY = "What is the capital of the United States?"
DOCUMENTS = ["Carson City is the capital of Nevada.", "Washington, D.C. is the capital.", "Capital is money."]
HELLO: Any = [{"role": "user", "content": "Hello"}]
KNOWN = {
    "/v2/rerank": {"model", "query", "documents", "top_n", "max_tokens_per_doc", "relevant_spans", "priority"},
    "/v2/embed": {"model", "texts", "input_type", "embedding_types", "truncate", "output_dimension"},
    "/v2/chat": {"model", "messages", "stream", "tools", "strict_tools", "tool_choice", "temperature", "max_tokens"},
}


@dataclass
class Upstream:
    """What it was asked, and which status it is to answer with next instead of its answer."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)

    @property
    def last(self) -> dict[str, Any]:
        return self.asked[-1]


def ranked(asked: dict[str, Any]) -> dict[str, Any]:
    """The longer a document, the better it is."""
    order = sorted(range(len(asked["documents"])), key=lambda place: -len(asked["documents"][place]))
    results: list[dict[str, Any]] = [
        {"index": place, "relevance_score": len(asked["documents"][place]) / 100} for place in order
    ]
    if asked.get("relevant_spans", {}).get("mode") == "enabled":
        for result in results:
            result["relevant_spans"] = [{"start": 0, "end": 5, "score": 0.7}]
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return {"id": "07734bd2", "results": results[: asked.get("top_n")], "meta": meta}


def embedded(asked: dict[str, Any]) -> dict[str, Any]:
    vectors = [[float(len(text)), 0.5] for text in asked["texts"]]
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 3}}
    return {"id": "e1", "embeddings": {"float": vectors}, "texts": asked["texts"], "meta": meta}


class Handler(BaseHTTPRequestHandler):
    """Cohere's API."""

    protocol_version = "HTTP/1.1"
    told: Upstream

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.told.asked.append(asked)
        fault = self.told.faults.pop(0) if self.told.faults else 0
        unknown = asked.keys() - KNOWN.get(self.path, set())
        if self.headers["authorization"] != f"Bearer {KEY}":
            self.say(401, {"id": "x", "message": "invalid api token"})
        elif fault:
            self.say(fault, {"id": "x", "message": "Sorry, too many tokens."})
        elif unknown:
            self.say(400, {"id": "x", "message": f"unknown field: parameter '{min(unknown)}' is not a valid field"})
        elif self.path == "/v2/rerank":
            self.say(200, ranked(asked))
        elif self.path == "/v2/embed":
            self.say(200, embedded(asked))
        elif asked["stream"]:
            self.stream((TOOLS if "tools" in asked else TALK)[1])
        else:
            self.say(200, (TOOLS if "tools" in asked else TALK)[0])

    def stream(self, events: list[dict[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("connection", "close")
        self.end_headers()
        for event in events:
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()
        self.close_connection = True

    def say(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    told = Upstream()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Told", (Handler,), {"told": told})) as server:
        told.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield told
        server.shutdown()


@pytest.fixture(scope="module")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    config = f"""\
retries: {{attempts: 1}}
providers:
  c: {{type: cohere, base_url: "{upstream.url}", api_key: {{env: VENDOR_KEY}}}}
  stranger: {{type: cohere, base_url: "{upstream.url}", api_key: {{env: WRONG_KEY}}}}
models:
  rank: {{targets: [{{target: c/rerank-v3.5}}]}}
  embed: {{targets: [{{target: c/embed-v4.0}}]}}
  command: {{targets: [{{target: c/command-a-03-2025}}]}}
  locked: {{targets: [{{target: stranger/rerank-v3.5}}]}}
"""
    environ = {"VENDOR_KEY": KEY, "WRONG_KEY": "another"}
    with serve(tmp_path_factory.mktemp("cohere"), config, environ) as running:
        yield running


@contextmanager
def newer(gateway: Gateway, api_key: str = "") -> Iterator[cohere.ClientV2]:
    with httpx.Client() as connections:
        yield cohere.ClientV2(base_url=gateway.url, api_key=api_key or token(), httpx_client=connections)


@pytest.fixture
def client(gateway: Gateway, upstream: Upstream) -> Iterator[cohere.ClientV2]:
    upstream.asked.clear()
    upstream.faults.clear()
    with newer(gateway) as made:
        yield made


@pytest.fixture
def others(gateway: Gateway, upstream: Upstream) -> Iterator[OpenAI]:
    upstream.asked.clear()
    upstream.faults.clear()
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=token(), max_retries=0) as made:
        yield made


def test_a_ranking(client: cohere.ClientV2, upstream: Upstream) -> None:
    raw = client.v2.with_raw_response.rerank(model="rank", query=QUERY, documents=DOCUMENTS, top_n=2)
    made = raw.data
    assert [(each.index, each.relevance_score) for each in made.results] == [(0, 0.37), (1, 0.32)]
    assert made.id == "07734bd2"
    assert made.meta is not None
    assert made.meta.billed_units is not None
    assert made.meta.billed_units.search_units == 1
    assert raw.headers["x-torana-model"] == "c/rerank-v3.5"
    assert float(raw.headers["x-torana-cost"]) == pytest.approx(0.002)
    assert upstream.last == {"model": "rerank-v3.5", "query": QUERY, "documents": DOCUMENTS, "top_n": 2}


def test_what_is_new_there_passes_through(client: cohere.ClientV2) -> None:
    spans = cohere.RerankRelevantSpans(mode="enabled")
    made = client.rerank(model="rank", query=QUERY, documents=DOCUMENTS, relevant_spans=spans)
    assert made.results[0].relevant_spans is not None
    assert made.results[0].relevant_spans[0].end == 5


def test_a_client_that_does_not_wait(gateway: Gateway) -> None:
    async def ask() -> Any:
        async with httpx.AsyncClient() as connections:
            client = cohere.AsyncClientV2(base_url=gateway.url, api_key=token(), httpx_client=connections)
            return await client.rerank(model="rank", query=QUERY, documents=DOCUMENTS)

    assert [each.index for each in asyncio.run(ask()).results] == [0, 1, 2]


def test_the_first_version_gives_documents_back(gateway: Gateway, upstream: Upstream) -> None:
    documents: Any = [DOCUMENTS[0], {"text": DOCUMENTS[1]}]
    with httpx.Client() as connections:
        older = cohere.Client(base_url=gateway.url, api_key=token(), httpx_client=connections)
        made = older.rerank(model="rank", query=QUERY, documents=documents, return_documents=True, top_n=1)
        with pytest.raises(cohere.BadRequestError) as refused:
            older.rerank(model="rank", query=QUERY, documents=documents, rank_fields=["text"])
    assert made.results[0].document is not None
    assert made.results[0].document.text == DOCUMENTS[0]
    assert upstream.last["documents"] == DOCUMENTS[:2]
    assert refused.value.body["error"]["param"] == "rank_fields"


def test_errors_become_the_clients_own(client: cohere.ClientV2, gateway: Gateway, upstream: Upstream) -> None:
    ask: Any = {"query": QUERY, "documents": DOCUMENTS}
    with pytest.raises(cohere.BadRequestError) as wrong:
        client.rerank(model="rank", query=QUERY, documents=[])
    assert "documents" in wrong.value.body["message"]
    upstream.faults.append(400)
    with pytest.raises(cohere.BadRequestError) as long:
        client.rerank(model="rank", **ask)
    assert "Sorry, too many tokens." in long.value.body["message"]
    assert long.value.body["error"]["code"] == "context_length_exceeded"
    upstream.faults += [429] * 9
    with pytest.raises(cohere.TooManyRequestsError) as often:
        client.rerank(model="rank", **ask, request_options={"max_retries": 0})
    assert often.value.body["error"]["type"] == "rate_limit_error"
    upstream.faults.clear()
    with pytest.raises(cohere.NotFoundError):
        client.rerank(model="nobody", **ask)
    with pytest.raises(cohere.core.ApiError) as locked:
        client.rerank(model="locked", **ask, request_options={"max_retries": 0})
    assert (locked.value.status_code, "credentials" in locked.value.body["message"]) == (502, True)
    with newer(gateway, "none") as nobody, pytest.raises(cohere.UnauthorizedError) as stranger:
        nobody.rerank(model="rank", **ask)
    assert stranger.value.body["message"]


def test_vectors_by_openais_client(others: OpenAI, upstream: Upstream) -> None:
    raw = others.embeddings.with_raw_response.create(model="embed", input=["a", "bbb"], dimensions=256)
    made = raw.parse()
    assert [each.embedding for each in made.data] == [[1.0, 0.5], [3.0, 0.5]]
    assert (made.usage.prompt_tokens, raw.headers["x-torana-emulated"]) == (3, "input_type")
    assert (upstream.last["output_dimension"], upstream.last["embedding_types"]) == (256, ["float"])
    others.embeddings.create(model="embed", input="a", extra_body={"input_type": "search_query"})
    assert upstream.last["input_type"] == "search_query"


def test_a_chat_by_openais_client(others: OpenAI) -> None:
    made = others.chat.completions.create(model="command", messages=HELLO)
    assert (made.choices[0].message.content, made.choices[0].finish_reason) == ("LLMs stand for …", "stop")
    assert made.usage is not None
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (22, 9)
    chunks = others.chat.completions.create(model="command", messages=HELLO, stream=True)
    told = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in told) == "LLMs stand for …"
    assert told[-1].finish_reason == "stop"


@pytest.mark.parametrize("stream", [False, True])
def test_tools_by_openais_client(others: OpenAI, upstream: Upstream, stream: bool) -> None:
    tool: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    if stream:
        with others.chat.completions.stream(model="command", messages=HELLO, tools=[tool]) as coming:
            made: Any = coming.get_final_completion()
    else:
        made = others.chat.completions.create(model="command", messages=HELLO, tools=[tool])
    assert made.choices[0].finish_reason == "tool_calls"
    calls = made.choices[0].message.tool_calls
    assert [(call.id, json.loads(call.function.arguments)) for call in calls] == [("w1", {"city": "Rome"}), ("w2", {})]
    results = [{"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in calls]
    turns: Any = [*HELLO, made.choices[0].message.model_dump(exclude_none=True), *results]
    others.chat.completions.create(model="command", messages=turns)
    assert [message["role"] for message in upstream.last["messages"]] == ["user", "assistant", "tool", "tool"]
    assert upstream.last["messages"][1]["tool_plan"] == "I will look twice."


def test_what_openais_client_cannot_have(others: OpenAI, upstream: Upstream) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        others.chat.completions.create(model="command", messages=HELLO, n=2)
    assert (caught.value.param, caught.value.code, upstream.asked) == ("n", "unsupported_value", [])
