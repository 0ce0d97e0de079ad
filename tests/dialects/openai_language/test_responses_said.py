import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.openai_language.asking import MESSAGE, RESPONSE, USAGE, event
from torana.core.errors import InvalidRequest, UpstreamError, UpstreamRateLimited
from torana.core.exchange import Event
from torana.dialects.openai_language.responses_said import TONGUE
from torana.families.language.responses.events import replay
from torana.families.language.saying import Begun, PartBegun, Said, Tokens, fold
from torana.families.language.words import Conversation, Reasoning, Text, ToolCall
from torana.upstream.framing import read_events

NOTHING = Conversation(())
TOKENS = Tokens(text_in=5, cached_in=4, cache_write_in=1, text_out=5, reasoning_out=2)
CHANCE = {"token": "Hello", "logprob": -0.5, "bytes": [72], "top_logprobs": []}
CALL = {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'}
SUMMARY = [{"type": "summary_text", "text": "first"}, {"type": "summary_text", "text": "second"}]
THOUGHT = {"id": "rs_1", "type": "reasoning", "summary": SUMMARY, "encrypted_content": "gAAAA"}
SHUT = {"id": "rs_2", "type": "reasoning", "summary": [], "encrypted_content": "gAAAA"}
OPEN = {"id": "rs_3", "type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
REFUSAL = {**MESSAGE, "content": [{"type": "refusal", "refusal": "no"}]}
LIKELY = {**MESSAGE, "content": [MESSAGE["content"][0] | {"logprobs": [CHANCE]}]}
ODD = {"id": "ws_1", "type": "web_search_call", "status": "completed"}
OUTPUTS = {
    "words": [MESSAGE],
    "a call": [MESSAGE, CALL, CALL | {"call_id": "c2", "arguments": ""}],
    "thoughts": [THOUGHT, SHUT, OPEN, MESSAGE],
    "a refusal": [REFUSAL],
    "chances": [LIKELY],
    "what we know nothing of": [ODD, MESSAGE],
    "nothing": [],
}


def response(output, **changes):
    return RESPONSE | {"output": output} | changes


def heard(events):
    listener = TONGUE.listener(NOTHING)
    said = fold(happening for each in events for happening in listener.hear(each))
    assert listener.ended
    return said


async def events_of(data: bytes, size: int):
    async def chunks():
        for start in range(0, len(data), size):
            yield data[start : start + size]

    return [each async for each in read_events(chunks(), max_event=1 << 20)]


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)
@pytest.mark.parametrize("size", [1, 2, 7, 1 << 20])
async def test_what_comes_piece_by_piece_is_what_comes_whole(output, size):
    body = json.dumps(response(output)).encode()
    stream = b"".join(replay(body))
    assert heard(await events_of(stream, size)) == TONGUE.decode(body, NOTHING)


def test_a_response_is_understood():
    said = TONGUE.decode(json.dumps(response([THOUGHT, SHUT, MESSAGE, CALL])).encode(), NOTHING)
    assert (said.id, said.model, said.tokens) == ("resp_1", "m-1", TOKENS)
    assert said.answers == (
        Said(
            (
                Reasoning("first\n\nsecond", "gAAAA", id="rs_1"),
                Reasoning(sealed="gAAAA", id="rs_2"),
                Text("Hello"),
                ToolCall("c1", "f", '{"a":1}'),
            ),
            "tool",
        ),
    )


@pytest.mark.parametrize(
    ("changes", "stop"),
    [
        ({}, "end"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "filter"),
        ({"status": "incomplete"}, "length"),
        ({"output": [REFUSAL]}, "refusal"),
    ],
)
def test_why_it_stopped(changes, stop):
    body = json.dumps(RESPONSE | changes).encode()
    assert TONGUE.decode(body, NOTHING).answers[0].stop == stop
    assert heard([Event(*_split(frame)) for frame in replay(body)]).answers[0].stop == stop


def _split(frame):
    name, data = frame.decode().strip().split("\n")
    return name.removeprefix("event: "), data.removeprefix("data: ").encode()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{", UpstreamError),
        (b"[]", UpstreamError),
        (b"{}", UpstreamError),
        (json.dumps(response([], status="failed")).encode(), UpstreamError),
        (json.dumps(response([], error={"code": "rate_limit_exceeded"})).encode(), UpstreamRateLimited),
        (json.dumps(response([{"type": "message", "content": 3}])).encode(), UpstreamError),
    ],
)
def test_what_makes_no_sense_is_an_error(body, error):
    with pytest.raises(error):
        TONGUE.decode(body, NOTHING)


@pytest.mark.parametrize(
    ("failing", "error"),
    [
        (event("error", code="invalid_prompt", message="No."), InvalidRequest),
        (event("response.failed", response={"error": {"code": "server_error"}}), UpstreamError),
        (event("response.failed"), UpstreamError),
        (Event("message", b"{"), UpstreamError),
    ],
)
def test_an_event_may_be_an_error(failing, error):
    with pytest.raises(error):
        list(TONGUE.listener(NOTHING).hear(failing))


def test_nothing_begins_before_something_is_said():
    listener = TONGUE.listener(NOTHING)
    assert list(listener.hear(event("response.created", response=RESPONSE))) == []
    assert list(listener.hear(Event("message", b"[DONE]"))) == []
    begun, part = listener.hear(event("response.content_part.added", part={"type": "output_text"}))
    assert (begun, part) == (Begun("resp_1", "m-1"), PartBegun(Text("")))


def test_a_server_may_leave_out_how_things_begin():
    said = heard([
        event("response.reasoning_text.delta", delta="hm"),
        event("response.output_text.delta", delta="a"),
        event("response.refusal.delta", delta="b"),
        event("response.output_item.done", item=MESSAGE),
        event("response.output_item.done", item=CALL),
        event("response.output_item.added", item=CALL | {"arguments": ""}),
        event("response.output_item.done", item=CALL),
        event("response.completed", response={"usage": USAGE}),
    ])  # fmt: skip
    assert said.answers[0].parts[0] == Reasoning("hm")
    assert said.answers[0].parts[-2:] == (ToolCall("c1", "f", '{"a":1}'),) * 2
    assert said.answers[0].stop == "tool"
    assert said.tokens == TOKENS


@given(st.binary(max_size=40))
def test_rubbish_is_an_error_and_no_crash(data):
    with pytest.raises(UpstreamError):
        TONGUE.decode(b"\xff" + data, NOTHING)


def test_chances_that_are_none_do_no_harm():
    part = {"type": "output_text", "text": "a", "logprobs": [{"token": "a", "logprob": -1, "top_logprobs": 1}]}
    said = TONGUE.decode(json.dumps(response([{"type": "message", "content": [part]}])).encode(), NOTHING).answers[0]
    assert said.logprobs == ({"token": "a", "logprob": -1, "bytes": [97], "top_logprobs": []},)
