import json
from typing import Any

import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tests.families.language.messages.said import MESSAGE, events
from torana.families.language.messages.pieces import event, fold, unfold

EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
WORDS = st.text(max_size=12)
CITATION = {"type": "char_location", "cited_text": "rain", "document_index": 0, "document_title": None,
            "start_char_index": 0, "end_char_index": 4, "file_id": None}  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
BLOCKS = st.one_of(
    st.builds(lambda text, cited: {"type": "text", "text": text, "citations": cited}, WORDS,
              st.none() | st.lists(st.just(CITATION), max_size=2)),
    st.builds(lambda text, seal: {"type": "thinking", "thinking": text, "signature": seal}, WORDS, WORDS),
    st.builds(lambda data: {"type": "redacted_thinking", "data": data}, WORDS),
    st.builds(lambda name, value: {"type": "tool_use", "id": "t", "name": name, "input": value}, WORDS,
              st.dictionaries(WORDS, JSON, max_size=3)),
    st.just({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "rain"}}),
    st.just({"type": "web_search_tool_result", "tool_use_id": "s", "content": []}),
)  # fmt: skip


def test_a_message_is_told_in_its_clients_events() -> None:
    told = events(b"".join(unfold(json.dumps(MESSAGE).encode())))
    assert [each["type"] for each in told[:1] + told[-2:]] == ["message_start", "message_delta", "message_stop"]
    assert (told[0]["message"]["content"], told[0]["message"]["stop_reason"]) == ([], None)
    snapshot, json_bufs = None, {}  # type: Any, Any
    for each in told:
        snapshot = accumulate_event(event=EVENT.validate_python(each), current_snapshot=snapshot, json_bufs=json_bufs)
    assert snapshot is not None
    expected = Message.model_validate(MESSAGE)
    assert snapshot.model_dump(exclude={"usage"}) == expected.model_dump(exclude={"usage"})
    assert snapshot.usage.output_tokens == 50


@given(st.lists(BLOCKS, max_size=5), st.sampled_from(["end_turn", "refusal"]))
def test_nothing_is_lost_between_a_message_and_its_events(blocks: list[Any], reason: str) -> None:
    message = MESSAGE | {"content": blocks, "stop_reason": reason, "container": {"id": "c"}, "of_tomorrow": [1]}
    frames = list(unfold(json.dumps(message).encode()))
    assert json.loads(fold(frames)) == message
    whole = b"".join(frames)
    assert fold([whole[:40], b"", whole[40:]]) == fold(frames)


def test_what_is_said_at_the_end_counts() -> None:
    frames = [
        event("message_start", message=MESSAGE | {"content": [], "usage": {"input_tokens": 7, "output_tokens": 1}}),
        b'event: ping\ndata: {"type": "ping"}\n\n',
        event("message_delta", delta={"stop_reason": "max_tokens"}, usage={"output_tokens": 9, "input_tokens": None}),
        event("message_stop"),
    ]
    told = json.loads(fold(frames))
    assert (told["content"], told["stop_reason"]) == ([], "max_tokens")
    assert told["usage"] == {"input_tokens": 7, "output_tokens": 9}


@pytest.mark.parametrize("cut", ["", '{"city": "Zür'])
def test_arguments_that_are_cut_short_are_not_lost(cut: str) -> None:
    frames = [
        event("message_start", message=MESSAGE | {"content": []}),
        event("content_block_start", index=0, content_block={"type": "tool_use", "id": "t", "name": "f", "input": {}}),
        event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": cut}),
        event("content_block_delta", index=0, delta={"type": "of_tomorrow", "value": 1}),
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "max_tokens"}, usage={"output_tokens": 9}),
        event("message_stop"),
    ]
    (block,) = json.loads(fold(frames))["content"]
    assert block["input"] == ({"_incomplete": cut} if cut else {})
