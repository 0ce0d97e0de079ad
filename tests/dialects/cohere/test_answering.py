import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cohere.core.unchecked_base_model import construct_type
from cohere.v2.types.v2chat_response import V2ChatResponse
from cohere.v2.types.v2chat_stream_response import V2ChatStreamResponse

from torana.core.errors import UpstreamError, UpstreamTimeout
from torana.core.exchange import Event
from torana.dialects.cohere import COHERE
from torana.families.language.saying import Happening, Said, Tokens, Utterance, fold
from torana.families.language.words import Conversation, Reasoning, Text, Thinking, ToolCall
from torana.upstream.framing import read_events

HEARD = Conversation(())
USAGE = {
    "billed_units": {"input_tokens": 22.0, "output_tokens": 9.0},
    "tokens": {"input_tokens": 1012.0, "output_tokens": 37.0},
    "cached_tokens": 8,
}


def start(index: int, **content: str) -> dict[str, Any]:
    return {"type": "content-start", "index": index, "delta": {"message": {"content": content}}}


def delta(index: int, **content: str) -> dict[str, Any]:
    return {"type": "content-delta", "index": index, "delta": {"message": {"content": content}}}


def call(kind: str, index: int, **members: Any) -> dict[str, Any]:
    return {"type": kind, "index": index, "delta": {"message": {"tool_calls": members}}}


BEGUN = {"id": "c14c", "type": "message-start", "delta": {"message": {"role": "assistant", "content": []}}}


def ended(reason: str = "COMPLETE", **more: Any) -> dict[str, Any]:
    return {"type": "message-end", "delta": {"finish_reason": reason, "usage": USAGE, **more}}


# From Cohere's guides to streaming, to tool use and to reasoning.
TALK: tuple[dict[str, Any], list[dict[str, Any]]] = (
    {
        "id": "c14c",
        "finish_reason": "COMPLETE",
        "message": {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "Let me see."}, {"type": "text", "text": "LLMs stand for …"}],
            "citations": [{"start": 0, "end": 4, "text": "LLMs", "sources": []}],
        },
        "usage": USAGE,
    },
    [
        BEGUN,
        start(0, type="thinking", thinking=""),
        delta(0, thinking="Let me"),
        delta(0, thinking=" see."),
        {"type": "content-end", "index": 0},
        start(1, type="text", text="LL"),
        delta(1, text="Ms stand"),
        {
            "type": "citation-start",
            "index": 0,
            "delta": {"message": {"citations": {"start": 0, "end": 4, "text": "LLMs"}}},
        },
        {"type": "citation-end", "index": 0},
        delta(1, text=" for …"),
        {"type": "content-end", "index": 1},
        ended(),
    ],
)
TOOLS: tuple[dict[str, Any], list[dict[str, Any]]] = (
    {
        "id": "c14c",
        "finish_reason": "TOOL_CALL",
        "message": {
            "role": "assistant",
            "tool_plan": "I will look twice.",
            "tool_calls": [
                {"id": "w1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}},
                {"id": "w2", "type": "function", "function": {"name": "now", "arguments": "{}"}},
            ],
        },
        "usage": USAGE,
    },
    [
        BEGUN,
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I will"}}},
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": " look twice."}}},
        call("tool-call-start", 0, id="w1", type="function", function={"name": "weather", "arguments": ""}),
        call("tool-call-delta", 0, function={"arguments": '{"city":'}),
        call("tool-call-delta", 0, function={"arguments": ' "Rome"}'}),
        {"type": "tool-call-end", "index": 0},
        call("tool-call-start", 1, id="w2", type="function", function={"name": "now", "arguments": "{}"}),
        {"type": "tool-call-end", "index": 1},
        ended("TOOL_CALL"),
    ],
)


def decoded(reply: object, heard: Conversation = HEARD) -> Utterance:
    return COHERE.decode(json.dumps(reply).encode(), heard)


def heard(*events: object, conversation: Conversation = HEARD) -> list[Happening]:
    listener = COHERE.listener(conversation)
    happenings = [each for event in events for each in listener.hear(Event("message", json.dumps(event).encode()))]
    assert listener.ended == any(isinstance(event, dict) and event["type"] == "message-end" for event in events)
    return happenings


async def pieces(stream: bytes, place: int) -> AsyncIterator[bytes]:
    yield stream[:place]
    yield stream[place:]


def test_an_answer_is_read() -> None:
    construct_type(type_=V2ChatResponse, object_=TALK[0])
    parts = (Reasoning("Let me see."), Text("LLMs stand for …"))
    tokens = Tokens(text_in=14, cached_in=8, text_out=9)
    assert decoded(TALK[0]) == Utterance((Said(parts, "end"),), "c14c", None, tokens)
    calls = (Text("I will look twice."), ToolCall("w1", "weather", '{"city": "Rome"}'), ToolCall("w2", "now", "{}"))
    assert decoded(TOOLS[0]).answers == (Said(calls, "tool"),)


@pytest.mark.parametrize("fixture", [TALK, TOOLS])
async def test_a_stream_comes_to_the_same_wherever_it_is_cut(fixture: tuple[Any, list[Any]]) -> None:
    reply, events = fixture
    for event in events:
        construct_type(type_=V2ChatStreamResponse, object_=event)  # type: ignore[arg-type]  # a union is taken, too
    stream = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()
    for place in range(len(stream)):
        listener = COHERE.listener(HEARD)
        told = [
            each
            async for event in read_events(pieces(stream, place), max_event=10_000)
            for each in listener.hear(event)
        ]
        assert fold(told) == decoded(reply)


def test_thoughts_that_are_not_wanted_are_left_out() -> None:
    quiet = Conversation((), thinking=Thinking("low", shown=False))
    assert decoded(TALK[0], quiet).answers[0].parts == (Text("LLMs stand for …"),)
    assert fold(heard(*TALK[1], conversation=quiet)) == decoded(TALK[0], quiet)


def test_words_stay_in_pieces() -> None:
    texts = [each.text for each in heard(*TALK[1]) if hasattr(each, "text")]
    assert texts == ["Let me", " see.", "LL", "Ms stand", " for …"]


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("COMPLETE", "end"), ("STOP_SEQUENCE", "stop_sequence"), ("MAX_TOKENS", "length"), ("TOOL_CALL", "tool"),
        ("ERROR_TOXIC", "filter"), ("NEWS", "end"),
    ],
)  # fmt: skip
def test_why_it_stopped(reason: str, stop: str) -> None:
    assert decoded({"message": {}, "finish_reason": reason}).answers[0].stop == stop
    assert fold(heard(BEGUN, ended(reason))).answers[0].stop == stop


@pytest.mark.parametrize(("reason", "kind"), [("ERROR", UpstreamError), ("TIMEOUT", UpstreamTimeout)])
def test_an_answer_that_failed_is_a_failure(reason: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        decoded({"message": {}, "finish_reason": reason})
    with pytest.raises(kind):
        heard(BEGUN, ended(reason))
    with pytest.raises(UpstreamError):
        heard(BEGUN, ended("COMPLETE", error="out of memory"))
    with pytest.raises(UpstreamError):
        heard({"type": "error", "message": "no"})


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (None, None),
        ({}, None),
        ({"tokens": {"input_tokens": 3, "output_tokens": 1}}, Tokens(text_in=3, text_out=1)),
        ({"billed_units": {"input_tokens": 3}, "cached_tokens": 50}, Tokens(cached_in=3)),
    ],
)
def test_what_was_used(usage: object, tokens: Tokens | None) -> None:
    assert decoded({"message": {"content": "Hi"}, "usage": usage}).tokens == tokens


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"5", b"{}", b'{"message": 5}', b'{"message": {"content": 5}}', b'{"message": "no"}', b"[" * 5000],
)
def test_nonsense_is_the_upstreams_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        COHERE.decode(body, HEARD)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"5", b'{"type": 5}', b'{"type": "content-delta", "delta": 5}', b"[" * 5000,
        b'{"type": "tool-call-delta", "delta": {"message": {"tool_calls": {"function": {"arguments": "{"}}}}}',
    ],
)  # fmt: skip
def test_so_are_events_that_make_no_sense(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        list(COHERE.listener(HEARD).hear(Event("message", data)))


@pytest.mark.parametrize("data", [b"[DONE]", b'{"type": "debug", "prompt": "x"}', b'{"type": "content-delta"}', b"{}"])
def test_what_says_nothing_is_passed_over(data: bytes) -> None:
    assert list(COHERE.listener(HEARD).hear(Event("message", data))) == []


def test_the_name_of_an_event_is_enough() -> None:
    data = json.dumps({"delta": {"message": {"content": {"text": "Hi"}}}}).encode()
    assert fold(COHERE.listener(HEARD).hear(Event("content-delta", data))).answers[0].parts == (Text("Hi"),)
