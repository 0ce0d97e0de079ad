"""The official Python client's language through a gateway with several upstreams, and what the gateway tells of it."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from tests.conformance.saying import ANSWER, PIECES, TOKENS_IN, TOKENS_OUT
from tests.e2e.gateway import Gateway, serve, token, wait_until
from tests.e2e.upstreams import ANSWERS, Upstream, upstream

CONFIG = """\
database: {{}}
retries: {{attempts: 1}}
providers:
  o:
    type: openai-compatible
    base_url: "{url}/v1"
    prices:
      good: {{dated: "2026-11-22", source: a test, per_million_tokens: {{text_in: "1", text_out: "2"}}}}
  a: {{type: anthropic, base_url: "{url}", api_key: {{env: VENDOR_KEY}}}}
models:
  chat: {{targets: [{{target: o/good}}]}}
  claude: {{targets: [{{target: a/claude-3-7-sonnet-20250219}}]}}
  sure: {{targets: [{{target: o/down}}, {{target: a/claude-opus-4-6, priority: 1}}]}}
  steady: {{targets: [{{target: o/sick}}, {{target: a/claude-opus-4-6, priority: 1}}]}}
  busy: {{targets: [{{target: o/busy}}]}}
  choosy: {{targets: [{{target: o/choosy}}]}}
  half: {{targets: [{{target: o/half}}]}}
  endless: {{targets: [{{target: o/endless}}]}}
"""
HELLO: Any = [{"role": "user", "content": "Hello, 世界 🌍"}]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
COST = (TOKENS_IN * 1 + TOKENS_OUT * 2) / 1e6
BOTH = pytest.mark.parametrize("model", ["chat", "claude"])


class Place(BaseModel):
    city: str


@pytest.fixture(scope="module")
def vendor() -> Iterator[Upstream]:
    with upstream() as told:
        yield told


@pytest.fixture(scope="module")
def chatting(tmp_path_factory: pytest.TempPathFactory, vendor: Upstream) -> Iterator[Gateway]:
    config = CONFIG.format(url=vendor.url)
    with serve(tmp_path_factory.mktemp("language"), config, {"VENDOR_KEY": "k"}) as running:
        yield running


@pytest.fixture
def client(chatting: Gateway, vendor: Upstream) -> Iterator[OpenAI]:
    vendor.asked.clear()
    vendor.left.clear()
    with OpenAI(base_url=f"{chatting.url}/v1", api_key=token(), max_retries=0, timeout=20) as opened:
        yield opened


@pytest.mark.parametrize("path", ["", "/v1"])
def test_a_chat_and_what_is_told_of_it(chatting: Gateway, vendor: Upstream, path: str) -> None:
    vendor.asked.clear()
    with OpenAI(base_url=f"{chatting.url}{path}", api_key=token(), max_retries=0) as client:
        raw = client.chat.completions.with_raw_response.create(model="chat", messages=HELLO, seed=1)
    told = raw.parse()
    assert (told.choices[0].message.content, told.choices[0].finish_reason) == (ANSWER, "stop")
    assert told.usage is not None
    assert (told.usage.prompt_tokens, told.usage.completion_tokens) == (TOKENS_IN, TOKENS_OUT)
    assert raw.headers["x-torana-model"] == "o/good"
    assert float(raw.headers["x-torana-cost"]) == pytest.approx(COST)
    assert not {"x-torana-emulated", "x-torana-ignored"} & raw.headers.keys()
    assert vendor.asked == [("/v1/chat/completions", {"model": "good", "messages": HELLO, "seed": 1})]


@BOTH
def test_a_chat_in_pieces(client: OpenAI, model: str) -> None:
    stream = client.chat.completions.create(
        model=model, messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    texts = [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content]
    assert tuple(texts) == PIECES
    assert len({chunk.id for chunk in chunks}) == 1
    *before, last = chunks
    assert not any(chunk.usage for chunk in before)
    assert last.usage is not None
    assert (last.choices, last.usage.total_tokens) == ([], TOKENS_IN + TOKENS_OUT)


@BOTH
def test_a_tool_is_called_and_answers(client: OpenAI, model: str) -> None:
    asked: Any = {"model": model, "tools": [TOOL]}
    told = client.chat.completions.create(messages=HELLO, **asked).choices[0]
    assert told.finish_reason == "tool_calls"
    (call,) = told.message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", ANSWERS)
    result = {"role": "tool", "tool_call_id": call.id, "content": "rain"}
    turns: Any = [*HELLO, told.message.to_dict(), result]
    assert client.chat.completions.create(messages=turns, **asked).choices[0].message.content == ANSWER


@BOTH
def test_a_tool_is_called_in_pieces_by_the_clients_helper(client: OpenAI, model: str) -> None:
    with client.chat.completions.stream(model=model, messages=HELLO, tools=[TOOL]) as stream:
        deltas = [event.arguments_delta for event in stream if event.type == "tool_calls.function.arguments.delta"]
        final = stream.get_final_completion()
    (call,) = final.choices[0].message.tool_calls or []
    assert len(deltas) > 1
    assert json.loads("".join(deltas)) == json.loads(call.function.arguments) == ANSWERS


@pytest.mark.parametrize(("model", "emulated"), [("chat", None), ("claude", "structured_output")])
def test_a_form_is_filled(client: OpenAI, model: str, emulated: str | None) -> None:
    raw = client.chat.completions.with_raw_response.parse(model=model, messages=HELLO, response_format=Place)
    assert raw.headers.get("x-torana-emulated") == emulated
    assert raw.parse().choices[0].message.parsed == Place(city="Zürich")


def test_what_another_dialect_has_no_words_for(client: OpenAI, vendor: Upstream) -> None:
    raw = client.chat.completions.with_raw_response.create(model="claude", messages=HELLO, seed=1, user="a@b.c")
    assert raw.headers["x-torana-ignored"] == "user, seed"
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="claude", messages=HELLO, n=2)
    assert (refused.value.param, refused.value.code) == ("n", "unsupported_value")
    assert len(vendor.asked) == 1


@BOTH
def test_the_older_way(client: OpenAI, model: str) -> None:
    assert client.completions.create(model=model, prompt="Hello").choices[0].text == ANSWER
    stream = client.completions.create(model=model, prompt="Hello", stream=True)
    assert "".join(piece.choices[0].text for piece in stream if piece.choices) == ANSWER


def test_models(client: OpenAI) -> None:
    named = {model.id for model in client.models.list()}
    assert {"chat", "claude", "sure"} <= named
    assert client.models.retrieve("claude").id == "claude"


def test_errors_are_the_clients_own(client: OpenAI, vendor: Upstream) -> None:
    with pytest.raises(openai.BadRequestError, match="at most 2") as choosy:
        client.chat.completions.create(model="choosy", messages=HELLO, temperature=3)
    assert (choosy.value.param, choosy.value.code) == ("temperature", "invalid_value")
    with pytest.raises(openai.RateLimitError) as busy:
        client.chat.completions.create(model="busy", messages=HELLO)
    assert busy.value.code == "rate_limit_exceeded"
    vendor.asked.clear()
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="nobody", messages=HELLO)
    assert (unknown.value.param, unknown.value.code) == ("model", "model_not_found")
    wrong: Any = "hot"
    with pytest.raises(openai.BadRequestError) as nonsense:
        client.chat.completions.create(model="chat", messages=HELLO, temperature=wrong)
    assert (nonsense.value.param, nonsense.value.type) == ("temperature", "invalid_request_error")
    with pytest.raises(openai.BadRequestError) as empty:
        client.chat.completions.create(model="chat", messages=[])
    assert empty.value.param == "messages"
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="sk-none").chat.completions.create(model="chat", messages=HELLO)
    assert vendor.asked == []


@pytest.mark.parametrize(("model", "failing"), [("sure", "down"), ("steady", "sick")])
def test_another_dialect_answers_where_the_first_fails(
    client: OpenAI, vendor: Upstream, model: str, failing: str
) -> None:
    told = client.chat.completions.with_raw_response.create(model=model, messages=HELLO, stream=True)
    assert told.headers["x-torana-model"] == "a/claude-opus-4-6"
    texts = [choice.delta.content or "" for chunk in told.parse() for choice in chunk.choices]
    assert "".join(texts) == ANSWER
    assert vendor.models == [failing, "claude-opus-4-6"]


def test_another_dialect_answers_in_one_piece(client: OpenAI, vendor: Upstream) -> None:
    told = client.chat.completions.create(model="sure", messages=HELLO)
    assert (told.choices[0].message.content, told.model) == (ANSWER, "claude-opus-4-6")
    assert vendor.models == ["down", "claude-opus-4-6"]


def test_an_answer_that_breaks_off_is_an_error_after_what_came(client: OpenAI, vendor: Upstream) -> None:
    stream = client.chat.completions.create(model="half", messages=HELLO, stream=True)
    heard = [next(stream).choices[0].delta.content for _ in range(2)]
    assert heard == list(PIECES[:2])
    with pytest.raises(openai.APIError) as broken:
        next(stream)
    assert broken.value.code == "upstream_unreachable"
    assert vendor.models == ["half"]


def test_who_leaves_stops_the_upstream(client: OpenAI, vendor: Upstream) -> None:
    stream = client.chat.completions.create(model="endless", messages=HELLO, stream=True)
    assert next(stream).choices[0].delta.content == "and "
    stream.close()
    left = time.monotonic()
    assert vendor.left.wait(5)
    assert time.monotonic() - left < 1


def test_the_ledger_has_what_was_used(client: OpenAI, chatting: Gateway) -> None:
    whole = client.chat.completions.with_raw_response.create(model="chat", messages=HELLO)
    stream = client.chat.completions.with_raw_response.create(model="chat", messages=HELLO, stream=True)
    list(stream.parse())
    for raw in (whole, stream):
        ((tokens, cost),) = wait_for(partial(rows, chatting, raw.headers["x-request-id"]))
        assert json.loads(tokens) == {"text_in": TOKENS_IN, "text_out": TOKENS_OUT}
        assert cost == round(COST * 1e9)


def rows(gateway: Gateway, request_id: str) -> list[tuple[str, int]]:
    """Tokens and nano-dollars of a call; none while it is not written down, or there is no database yet."""
    place = gateway.directory / "torana-data" / "torana.db"
    sql = "SELECT tokens, cost FROM ledger WHERE request_id = ?"
    try:
        with closing(sqlite3.connect(f"{place.as_uri()}?mode=ro", uri=True)) as database:
            return database.execute(sql, (request_id,)).fetchall()
    except sqlite3.OperationalError:
        return []


def wait_for(found: Callable[[], list[tuple[str, int]]]) -> list[tuple[str, int]]:
    wait_until(found)
    return found()
