import json
from typing import Any

import pytest

from tests.dialects.anthropic.spoken import HELLO, STREAM, event, heard
from tests.families.language.messages.said import MESSAGE
from torana.core.errors import InvalidRequest, UpstreamError
from torana.core.exchange import Event
from torana.dialects.anthropic.decoding import MessageListener, decode
from torana.families.language.messages.pieces import unfold
from torana.families.language.saying import Begun, Counted, Ended, Happening, Said, Stop, Tokens, Utterance, fold
from torana.families.language.words import Conversation, Reasoning, Shape, Text, Tool, ToolCall

ASKED = Conversation(HELLO)
SHAPED = Conversation(HELLO, shape=Shape({"type": "object"}))
TOKENS = Tokens(text_in=10, cached_in=4, cache_write_in=3, text_out=30, reasoning_out=20)


def whole(message: dict[str, Any], conversation: Conversation = ASKED) -> Utterance:
    return decode(json.dumps(message).encode(), conversation)


def told(events: list[Event], conversation: Conversation = ASKED) -> list[Happening]:
    listener = MessageListener(conversation)
    return [happening for each in events for happening in listener.hear(each)]


def test_a_message() -> None:
    assert whole(MESSAGE) == Utterance(
        (
            Said(
                (
                    Reasoning("Let me see.", signature="sealed=="),
                    Reasoning(sealed="dark=="),
                    Text("It rains in Zürich ☔."),
                    ToolCall("toolu_1", "weather", '{"city":"Zürich","days":[1,2]}'),
                    ToolCall("toolu_2", "now", "{}"),
                ),
                "tool",
            ),
        ),
        "msg_01",
        "claude-opus-4-6",
        TOKENS,
    )


async def test_a_stream_says_the_same_wherever_it_is_cut() -> None:
    for cut in range(len(STREAM) + 1):
        assert fold(told(await heard(STREAM, cut=cut))) == whole(MESSAGE)


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", "end"), ("max_tokens", "length"), ("model_context_window_exceeded", "length"),
        ("stop_sequence", "stop_sequence"), ("tool_use", "tool"), ("pause_turn", "pause"), ("refusal", "refusal"),
        ("of_tomorrow", "end"), (None, "end"),
    ],
)  # fmt: skip
async def test_why_it_stopped(reason: str | None, stop: Stop) -> None:
    message = MESSAGE | {"stop_reason": reason, "stop_sequence": "X"}
    stream = b"".join(unfold(json.dumps(message).encode()))
    for utterance in (whole(message), fold(told(await heard(stream)))):
        assert (utterance.answers[0].stop, utterance.answers[0].stop_sequence) == (stop, "X")


async def test_an_answer_that_a_tool_took_is_told_as_text() -> None:
    block = {"type": "tool_use", "id": "t", "name": "give_answer", "input": {"city": "Zürich"}}
    message = MESSAGE | {"content": [block]}
    events = await heard(b"".join(unfold(json.dumps(message).encode())))
    for utterance in (whole(message, SHAPED), fold(told(events, SHAPED))):
        assert utterance.answers == (Said((Text('{"city":"Zürich"}'),), "end"),)
    assert whole(message).answers[0].stop == "tool"


def test_a_tool_of_the_clients_own_is_his() -> None:
    conversation = Conversation(HELLO, tools=(Tool("give_answer"),), shape=Shape())
    block = {"type": "tool_use", "id": "t", "name": "give_answer", "input": {}}
    assert whole(MESSAGE | {"content": [block]}, conversation).answers == (
        Said((ToolCall("t", "give_answer", "{}"),), "tool"),
    )


def test_nothing_is_said_before_there_is_content() -> None:
    listener = MessageListener(ASKED)
    start = event("message_start", message=MESSAGE | {"content": []})
    assert list(listener.hear(start)) == []
    assert list(listener.hear(event("ping"))) == []
    block = {"type": "text", "text": "H"}
    first = list(listener.hear(event("content_block_start", index=0, content_block=block)))
    assert first[0] == Begun("msg_01", "claude-opus-4-6")
    assert isinstance(first[1], Counted)
    assert not listener.ended
    list(listener.hear(event("message_stop")))
    assert listener.ended


def test_events_are_known_by_their_data_or_their_name() -> None:
    data = json.dumps({"type": "content_block_start", "index": 0, "content_block": {"type": "text"}}).encode()
    assert len(told([Event("message", data)])) == 1
    assert len(told([Event("content_block_start", data.replace(b'"type": "content_block_start", ', b""))])) == 1


@pytest.mark.parametrize(("kind", "error"), [("overloaded_error", UpstreamError),
                                             ("invalid_request_error", InvalidRequest)])  # fmt: skip
def test_an_error_amid_a_stream(kind: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        told([event("error", error={"type": kind, "message": "No."})])


@pytest.mark.parametrize("data", [b"{", b"[]", b""])
def test_half_an_event(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        told([Event("content_block_delta", data)])


def test_what_the_upstream_runs_itself_and_what_we_do_not_know_is_passed_over() -> None:
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    events = [
        event("content_block_start", index=0, content_block=block),
        event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": "{}"}),
        event("content_block_stop", index=0),
        event("of_tomorrow"),
        event("content_block_delta", index=0),
    ]
    assert told(events) == []
    assert whole(MESSAGE | {"content": [block]}).answers[0].parts == ()


def test_one_that_counts_while_it_goes_on_ends_once() -> None:
    going = [event("message_delta", delta={}, usage={"output_tokens": count}) for count in (1, 2)]
    last = event("message_delta", delta={"stop_reason": "max_tokens"}, usage={"output_tokens": 3})
    happened = told([*going, last, last, event("message_stop")])
    assert [each for each in happened if isinstance(each, Ended)] == [Ended("length")]
    assert [each.tokens.text_out for each in happened if isinstance(each, Counted)] == [1, 2, 3, 3]
    assert told([*going, event("message_stop")])[-1] == Ended("end")
