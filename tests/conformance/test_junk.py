"""Whatever comes of what is shaped nearly right, nothing but an error of ours comes out."""

import copy
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.agents import CLAUDE_CODE, CODEX, EDITOR, FAMILIES, TONGUES, asking, event
from torana.core.errors import ToranaError
from torana.core.exchange import Event
from torana.dialects.steps import Received

NAMES = st.sampled_from(["type", "text", "a"])
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "text", "a"]), inner, max_size=2)
    ),
    max_leaves=4,
)
GONE = object()
REQUESTS: Mapping[str, Any] = {
    "messages": CLAUDE_CODE,
    "responses": CODEX,
    "chat": {
        **EDITOR,
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
        "tool_choice": {"type": "function", "function": {"name": "read"}},
        "reasoning_effort": "low",
    },
    "completions": {"model": "m", "prompt": "Hi", "stop": ["a"], "max_tokens": 5, "stream": True},
}
PLAIN: Mapping[str, Any] = {
    "chat": {"model": "m", "messages": [{"role": "user", "content": "Hi"}]},
    "messages": {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "Hi"}]},
    "responses": {"model": "m", "input": "Hi"},
    "completions": {"model": "m", "prompt": "Hi"},
}
CHANCE = {"token": "a", "logprob": -1, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -2}]}
CALL = {"id": "c", "index": 0, "type": "function", "function": {"name": "f", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "s"}}}  # fmt: skip
SAID = {"role": "assistant", "content": "Hi", "refusal": None, "reasoning_content": "Hm.", "tool_calls": [CALL],
        "thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "s", "index": 0}],
        "images": [{"image_url": {"url": "data:image/png;base64,AA=="}}], "audio": {"data": "AA=="}}  # fmt: skip
COUNTED = {
    "prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8,
    "prompt_tokens_details": {"cached_tokens": 1}, "completion_tokens_details": {"reasoning_tokens": 1},
}  # fmt: skip
ITEMS: list[Any] = [
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": "g"},
    {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Hi", "logprobs": [CHANCE]}]},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
]
RESPONSE = {"id": "r", "model": "m", "status": "completed", "output": ITEMS,
            "usage": {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 1}, "output_tokens": 4,
                      "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 9}}  # fmt: skip
BLOCKS: list[Any] = [
    {"type": "thinking", "thinking": "t", "signature": "s"},
    {"type": "redacted_thinking", "data": "d"},
    {"type": "text", "text": "Hi"},
    {"type": "tool_use", "id": "t", "name": "f", "input": {"q": 1}},
]
PARTS: list[Any] = [
    {"text": "t", "thought": True, "thoughtSignature": "s"},
    {"text": "Hi"},
    {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
    {"functionCall": {"name": "f", "args": {"q": 1}, "id": "i"}, "thoughtSignature": "s"},
]
CANDIDATES = {
    "candidates": [{"index": 0, "content": {"parts": PARTS}, "finishReason": "STOP",
                    "logprobsResult": {"chosenCandidates": [{"token": "a", "logProbability": -1}],
                                       "topCandidates": [{"candidates": [{"token": "a", "logProbability": -1}]}]}}],
    "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 3, "thoughtsTokenCount": 2,
                      "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 1}]},
}  # fmt: skip
ANSWERS: Mapping[str, Any] = {
    "chat": {"id": "x", "model": "m", "usage": COUNTED, "choices": [
        {"index": 0, "message": SAID, "finish_reason": "tool_calls", "logprobs": {"content": [CHANCE]}}]},
    "responses": RESPONSE,
    "anthropic": {"id": "m", "model": "m", "content": BLOCKS, "stop_reason": "tool_use",
                  "usage": {"input_tokens": 5, "output_tokens": 4, "output_tokens_details": {"thinking_tokens": 1}}},
    "bedrock": {"output": {"message": {"content": [
        {"reasoningContent": {"reasoningText": {"text": "t", "signature": "s"}}}, {"text": "Hi"},
        {"toolUse": {"toolUseId": "t", "name": "f", "input": {"q": 1}}},
        {"image": {"format": "png", "source": {"bytes": "AA=="}}}]}},
        "stopReason": "tool_use", "usage": {"inputTokens": 5, "outputTokens": 4}},
    "cohere": {"id": "x", "message": {"content": [{"type": "text", "text": "Hi"}], "tool_plan": "p", "tool_calls": [
        {"id": "c", "function": {"name": "f", "arguments": "{}"}}]}, "finish_reason": "TOOL_CALL",
        "usage": {"billed_units": {"input_tokens": 5.0, "output_tokens": 3.0}, "cached_tokens": 1}},
    "gemini": CANDIDATES,
    "gemini 2": CANDIDATES,
}  # fmt: skip


def named(*events: Any) -> list[tuple[str, Any]]:
    return [(each["type"], each) for each in events]


STREAMS: Mapping[str, list[tuple[str, Any]]] = {
    "chat": [
        ("message", {"id": "x", "choices": [{"index": 0, "delta": SAID, "logprobs": {"content": [CHANCE]}}]}),
        ("message", {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": " "}}]}}]}),
        ("message", {"choices": [{"delta": {}, "finish_reason": "tool_calls"}], "usage": COUNTED}),
    ],
    "responses": named(
        {"type": "response.created", "response": {**RESPONSE, "output": []}},
        {"type": "response.output_item.added", "item": {"type": "reasoning", "id": "rs", "summary": []}},
        {"type": "response.reasoning_summary_text.delta", "summary_index": 0, "delta": "t"},
        {"type": "response.output_item.done", "item": ITEMS[0]},
        {"type": "response.output_item.added", "item": {"type": "message", "content": []}},
        {"type": "response.content_part.added", "part": {"type": "output_text", "text": ""}},
        {"type": "response.output_text.delta", "delta": "Hi", "logprobs": [CHANCE]},
        {"type": "response.output_item.done", "item": ITEMS[1]},
        {"type": "response.output_item.added", "item": {**ITEMS[2], "arguments": ""}},
        {"type": "response.function_call_arguments.delta", "delta": "{}"},
        {"type": "response.output_item.done", "item": ITEMS[2]},
        {"type": "response.completed", "response": RESPONSE},
    ),
    "anthropic": named(
        {"type": "message_start", "message": {"id": "m", "content": [], "usage": {"input_tokens": 5}}},
        {"type": "content_block_start", "index": 0, "content_block": BLOCKS[0]},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "t"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": BLOCKS[3]},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 4}},
        {"type": "message_stop"},
    ),
    "bedrock": [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "t"}}}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "Hi"}}),
        ("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}}),
        ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": "{}"}}}),
        ("contentBlockStop", {"contentBlockIndex": 2}),
        ("messageStop", {"stopReason": "tool_use"}),
        ("metadata", {"usage": {"inputTokens": 5, "outputTokens": 4}}),
    ],
    "cohere": named(
        {"type": "message-start", "id": "x", "delta": {"message": {"role": "assistant", "content": []}}},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hi"}}}},
        {"type": "tool-call-start", "delta": {"message": {"tool_calls": {"id": "c", "function": {"name": "f"}}}}},
        {"type": "tool-call-delta", "delta": {"message": {"tool_calls": {"function": {"arguments": "{}"}}}}},
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": ANSWERS["cohere"]["usage"]}},
    ),
    "gemini": [("message", CANDIDATES)],
    "gemini 2": [("message", CANDIDATES)],
}


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where anything stands in it."""
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield from places(each, (*at, name))


def spoiled(value: Any, at: tuple[Any, ...], junk: Any) -> Any:
    """The same, with something else there, or nothing."""
    if not at:
        return None if junk is GONE else junk
    made = copy.deepcopy(value)
    inner = made
    for name in at[:-1]:
        inner = inner[name]
    if junk is GONE:
        del inner[at[-1]]
    else:
        inner[at[-1]] = junk
    return made


def some(draw: st.DrawFn, value: Any) -> Any:
    """It, with one or two members spoiled."""
    for _ in range(draw(st.integers(1, 2))):
        value = spoiled(value, draw(st.sampled_from(list(places(value)))), draw(JUNK | st.just(GONE)))
    return value


MANY = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("tongue", TONGUES)
@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
@MANY
def test_requests(family, tongue, data):
    body = data.draw(st.composite(some)(REQUESTS[family]))
    with suppress(ToranaError):
        asking(family, tongue, body)


@pytest.mark.parametrize("tongue", TONGUES)
@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
@MANY
def test_answers(family, tongue, data):
    answer = json.dumps(data.draw(st.composite(some)(ANSWERS[tongue]))).encode()
    try:
        told = asking(family, tongue, PLAIN[family]).plain(Received(200, {}, answer))
    except ToranaError:
        return
    assert json.loads(told.data)
    assert all(count > 0 for count in told.used.tokens.values())


@pytest.mark.parametrize("tongue", TONGUES)
@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
@MANY
def test_events(family, tongue, data):
    told = list(STREAMS[tongue])
    index = data.draw(st.integers(0, len(told) - 1))
    told[index] = (told[index][0], data.draw(st.composite(some)(told[index][1])))
    relay = asking(family, tongue, PLAIN[family] | {"stream": True}).relay
    assert relay is not None
    going = relay()
    try:
        for name, said in told:
            list(going.take(event(said, name) if not isinstance(said, str) else Event(name, json.dumps(said).encode())))
        list(going.close())
    except ToranaError:
        pass
    assert all(count > 0 for count in going.used.tokens.values())


@pytest.mark.parametrize("tongue", TONGUES)
@pytest.mark.parametrize("family", ["chat", "messages", "responses"])
@pytest.mark.parametrize("depth", [60, 250, 480, 900, 5000])
def test_schemas_of_any_depth(family, tongue, depth):
    deep = b'{"type":"array","items":' * depth + b"{}" + b"}" * depth
    tools = {
        "chat": b'{"type":"function","function":{"name":"f","parameters":%s}}',
        "messages": b'{"name":"f","input_schema":%s}',
        "responses": b'{"type":"function","name":"f","parameters":%s}',
    }
    body = json.dumps(PLAIN[family]).encode().removesuffix(b"}") + b',"tools":[%s]}' % (tools[family] % deep)
    try:
        asking(family, tongue, body)
    except ToranaError:
        assert depth > 60
