import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.dialects.bedrock.converse import answered
from tests.upstream.frames import stream
from torana.core.errors import InvalidRequest, UpstreamError, UpstreamRateLimited
from torana.core.exchange import Event
from torana.dialects.bedrock import BEDROCK
from torana.families.language.saying import Delta, Happening, Said, Tokens, Utterance, fold
from torana.families.language.words import Conversation, Media, Part, Reasoning, Text, ToolCall
from torana.upstream.eventstream import read_event_stream

HEARD = Conversation(())
DATA = "QUJD"
USAGE = {
    "inputTokens": 30,
    "outputTokens": 20,
    "totalTokens": 150,
    "cacheReadInputTokens": 90,
    "cacheWriteInputTokens": 10,
}
TOKENS = Tokens(text_in=30, cached_in=90, cache_write_in=10, text_out=20)
Told = tuple[str, dict[str, Any]]


def reply(*blocks: dict[str, Any], stop: str = "end_turn", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": list(blocks)}
    return {"output": {"message": message}, "stopReason": stop, "usage": USAGE, "metrics": {"latencyMs": 7}, **more}


def delta(index: int, **piece: Any) -> Told:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": piece}


def start(index: int, **begun: Any) -> Told:
    return "contentBlockStart", {"contentBlockIndex": index, "start": begun}


def stop(index: int) -> Told:
    return "contentBlockStop", {"contentBlockIndex": index}


BEGUN: Told = ("messageStart", {"role": "assistant"})
COUNTED: Told = ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 7}})


def ended(reason: str = "end_turn") -> Told:
    return "messageStop", {"stopReason": reason}


# From Bedrock's user guide, on Converse, on reasoning and on the use of tools.
TALK: tuple[dict[str, Any], list[Told]] = (
    reply(
        {"reasoningContent": {"reasoningText": {"text": "Let me see.", "signature": "EqQB"}}},
        {"reasoningContent": {"redactedContent": DATA}},
        {"text": "Grüß Gott."},
        {"citationsContent": {"content": [{"text": "Quoted."}], "citations": []}},
    ),
    [
        BEGUN,
        delta(0, reasoningContent={"text": "Let me"}),
        delta(0, reasoningContent={"text": " see."}),
        delta(0, reasoningContent={"signature": "EqQB"}),
        stop(0),
        delta(1, reasoningContent={"redactedContent": DATA}),
        stop(1),
        delta(2, text=""),
        delta(2, text="Grüß "),
        delta(2, text="Gott."),
        stop(2),
        delta(3, text="Quoted."),
        delta(3, citation={"title": "A book"}),
        stop(3),
        ended(),
        COUNTED,
    ],
)
TOOLS: tuple[dict[str, Any], list[Told]] = (
    reply(
        {"text": "I will look."},
        {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Rome"}}},
        {"toolUse": {"toolUseId": "s1", "name": "search", "input": {"q": "x"}, "type": "server_tool_use"}},
        {"toolUse": {"toolUseId": "t2", "name": "now", "input": {}}},
        stop="tool_use",
    ),
    [
        BEGUN,
        delta(0, text="I will look."),
        stop(0),
        start(1, toolUse={"toolUseId": "t1", "name": "weather"}),
        delta(1, toolUse={"input": ""}),
        delta(1, toolUse={"input": '{"city": '}),
        delta(1, toolUse={"input": '"Rome"}'}),
        stop(1),
        start(2, toolUse={"toolUseId": "s1", "name": "search", "type": "server_tool_use"}),
        delta(2, toolUse={"input": '{"q": "x"}'}),
        stop(2),
        start(3, toolUse={"toolUseId": "t2", "name": "now"}),
        stop(3),
        ended("tool_use"),
        COUNTED,
    ],
)
PICTURE: tuple[dict[str, Any], list[Told]] = (
    reply({"image": {"format": "png", "source": {"bytes": DATA}}}, {"text": "There."}),
    [
        BEGUN,
        start(0, image={"format": "png"}),
        delta(0, image={"source": {"bytes": DATA}}),
        stop(0),
        delta(1, text="There."),
        stop(1),
        ended(),
        COUNTED,
    ],
)


def decoded(told: object) -> Utterance:
    return BEDROCK.decode(json.dumps(told).encode(), HEARD)


def heard(*events: Told) -> list[Happening]:
    listener = BEDROCK.listener(HEARD)
    told = [each for name, data in events for each in listener.hear(Event(name, json.dumps(data).encode()))]
    assert listener.ended == any(name == "metadata" for name, _ in events)
    return told


async def pieces(whole: bytes, place: int) -> AsyncIterator[bytes]:
    yield whole[:place]
    yield whole[place:]


@pytest.mark.parametrize(
    ("told", "parts", "why"),
    [
        (
            TALK[0],
            (Reasoning("Let me see.", "EqQB"), Reasoning(sealed=DATA), Text("Grüß Gott."), Text("Quoted.")),
            "end",
        ),
        (
            TOOLS[0],
            (Text("I will look."), ToolCall("t1", "weather", '{"city": "Rome"}'), ToolCall("t2", "now", "{}")),
            "tool",
        ),
        (PICTURE[0], (Media("image", base64=DATA, media_type="image/png"), Text("There.")), "end"),
    ],
)
def test_an_answer_is_read(told: dict[str, Any], parts: tuple[Part, ...], why: Any) -> None:
    answered(told)
    assert decoded(told) == Utterance((Said(parts, why),), tokens=TOKENS)


@pytest.mark.parametrize("fixture", [TALK, TOOLS, PICTURE])
async def test_a_stream_comes_to_the_same_wherever_it_is_cut(fixture: tuple[Any, list[Told]]) -> None:
    whole, events = fixture
    for name, data in events:
        answered({"stream": {name: data}}, "ConverseStream")
    sent = stream(*events)
    for place in range(len(sent)):
        listener = BEDROCK.listener(HEARD)
        told = [
            each
            async for event in read_event_stream(pieces(sent, place), max_event=10_000)
            for each in listener.hear(event)
        ]
        assert fold(told) == decoded(whole)


def test_words_stay_in_pieces() -> None:
    texts = [each.text for each in heard(*TALK[1]) if isinstance(each, Delta)]
    assert texts == ["Let me", " see.", "Grüß ", "Gott.", "Quoted."]


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("end_turn", "end"), ("tool_use", "tool"), ("max_tokens", "length"), ("stop_sequence", "stop_sequence"),
        ("guardrail_intervened", "filter"), ("content_filtered", "filter"), ("model_context_window_exceeded", "length"),
        ("news", "end"),
    ],
)  # fmt: skip
def test_why_it_stopped(reason: str, why: str) -> None:
    assert decoded(reply({"text": "Hi"}, stop=reason)).answers[0].stop == why
    assert fold(heard(BEGUN, ended(reason))).answers[0].stop == why


@pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use"])
def test_an_answer_that_the_model_made_a_mess_of_is_a_failure(reason: str) -> None:
    with pytest.raises(UpstreamError):
        decoded(reply(stop=reason))
    with pytest.raises(UpstreamError):
        heard(BEGUN, ended(reason))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("throttlingException", UpstreamRateLimited),
        ("validationException", InvalidRequest),
        ("modelStreamErrorException", UpstreamError),
        ("internalServerException", UpstreamError),
        ("serviceUnavailableException", UpstreamError),
        ("newException", UpstreamError),
        ("error", UpstreamError),
    ],
)
def test_an_exception_in_the_stream_is_what_it_would_have_been_before(name: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        heard(BEGUN, delta(0, text="Hi"), (name, {"message": "Sorry."}))


def test_what_nobody_counted_is_not_known() -> None:
    assert decoded({"output": {"message": {}}}).tokens is None
    assert fold(heard(BEGUN, ended(), ("metadata", {}))).tokens is None


@pytest.mark.parametrize(
    "body", [b"", b"{", b"5", b"{}", b'{"output": {}}', b'{"output": {"message": {"content": 5}}}', b"[" * 5000]
)
def test_nonsense_is_the_upstreams_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        BEDROCK.decode(body, HEARD)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("contentBlockDelta", b""),
        ("contentBlockDelta", b"5"),
        ("contentBlockDelta", b'{"contentBlockIndex": "x"}'),
        ("contentBlockStart", b"[" * 5000),
        ("messageStop", b"[]"),
        ("metadata", b'{"usage": 5}'),
    ],
)
def test_so_are_events_that_make_no_sense(name: str, data: bytes) -> None:
    with pytest.raises(UpstreamError):
        list(BEDROCK.listener(HEARD).hear(Event(name, data)))


def test_arguments_must_be_told_as_text() -> None:
    with pytest.raises(UpstreamError):
        heard(start(0, toolUse={"toolUseId": "t", "name": "f"}), delta(0, toolUse={"input": {"a": 1}}))


def test_what_is_not_known_is_passed_over() -> None:
    assert heard(("news", {"a": 1}), delta(0, novelty=5), delta(1, toolUse={"input": "{}"}), stop(7)) == []
