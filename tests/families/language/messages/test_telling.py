import json
from typing import Any

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tests.families.language.messages.said import events, occasion
from torana.families.language.messages.pieces import fold
from torana.families.language.messages.telling import MessageTeller, tell
from torana.families.language.saying import (
    Begun,
    Delta,
    Ended,
    Happening,
    PartBegun,
    Said,
    Sealed,
    Stop,
    Tokens,
    Utterance,
    unfold,
)
from torana.families.language.words import Media, Reasoning, Refusal, Text, ToolCall

EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
TOKENS = Tokens(text_in=5, cached_in=2, cache_write_in=1, audio_in=1, text_out=7, reasoning_out=3)
WORDS = st.text(min_size=1, max_size=9)
PARTS = st.one_of(
    st.builds(Text, WORDS),
    st.builds(Refusal, WORDS),
    st.builds(Reasoning, WORDS, signature=st.none() | WORDS),
    st.builds(Reasoning, sealed=WORDS),
    st.builds(ToolCall, WORDS, WORDS, st.sampled_from(['{"a":[1]}', "{}"])),
)


def streamed(happenings: list[Happening]) -> bytes:
    teller = MessageTeller(occasion(stream=True))
    frames = [frame for happening in happenings for frame in teller.tell(happening)]
    return b"".join([*frames, *teller.close()])


def test_a_message() -> None:
    parts = (Reasoning("hm", signature="s"), Reasoning(sealed="d"), Text("hi"), ToolCall("t", "f", '{"a":1}'))
    told = tell(Utterance((Said(parts, "tool"),), "up-1", "their-model", TOKENS), occasion())
    message = Message.model_validate_json(told)
    assert (message.id, message.model, message.stop_reason) == ("msg_0123456789abcdef", "their-model", "tool_use")
    assert json.loads(told)["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "text", "text": "hi", "citations": None},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    ]
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (6, 2, 1)
    assert usage.output_tokens == 10
    assert usage.output_tokens_details is not None
    assert usage.output_tokens_details.thinking_tokens == 3


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("end", "end_turn"), ("length", "max_tokens"), ("stop_sequence", "stop_sequence"), ("tool", "tool_use"),
        ("refusal", "refusal"), ("filter", "refusal"), ("pause", "pause_turn"),
    ],
)  # fmt: skip
def test_why_it_stopped(stop: Stop, reason: str) -> None:
    said = Said((Text("hi"),), stop, "X" if stop == "stop_sequence" else None)
    message = Message.model_validate_json(tell(Utterance((said,)), occasion()))
    assert (message.stop_reason, message.stop_sequence, message.model) == (reason, said.stop_sequence, "some-model")
    told = json.loads(fold([streamed(list(unfold(Utterance((said,)))))]))
    assert (told["stop_reason"], told["stop_sequence"]) == (reason, said.stop_sequence)


def test_a_refusal_is_why_it_stopped() -> None:
    utterance = Utterance((Said((Refusal("No."),)),))
    assert json.loads(tell(utterance, occasion()))["stop_reason"] == "refusal"
    assert json.loads(fold([streamed(list(unfold(utterance)))]))["stop_reason"] == "refusal"


@given(st.lists(PARTS, max_size=5), st.sampled_from(["end", "tool", "length"]))
def test_events_tell_what_the_message_says(parts: list[Any], stop: Stop) -> None:
    utterance = Utterance((Said(tuple(parts), stop),), "up-1", "their-model", TOKENS)
    frames = streamed(list(unfold(utterance)))
    for told in events(frames):
        EVENT.validate_python(told)
    assert json.loads(fold([frames])) == json.loads(tell(utterance, occasion()))


def test_words_come_in_pieces_and_seals_after_thoughts() -> None:
    told = events(
        streamed(
            [
                Begun("up-1", "their-model"),
                PartBegun(Reasoning()),
                Delta("hm"),
                Sealed("s"),
                PartBegun(Text("")),
                Delta("a"),
                Delta("b"),
                Delta("other", answer=1),
                Ended("end"),
            ]
        )
    )
    assert [each["type"] for each in told] == [
        "message_start",
        "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
        "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
        "message_delta", "message_stop",
    ]  # fmt: skip
    assert [each["delta"]["type"] for each in told if each["type"] == "content_block_delta"] == [
        "thinking_delta", "signature_delta", "text_delta", "text_delta",
    ]  # fmt: skip
    assert [each["index"] for each in told if "index" in each] == [0, 0, 0, 0, 1, 1, 1, 1]


def test_words_of_no_part_are_text() -> None:
    assert json.loads(fold([streamed([Delta("a"), Ended("end")])]))["content"][0]["text"] == "a"


def test_a_picture_is_told_as_a_link() -> None:
    utterance = Utterance((Said((Media("image", base64="iVBO", media_type="image/png"),)),))
    (block,) = json.loads(tell(utterance, occasion()))["content"]
    assert block["text"] == "![](data:image/png;base64,iVBO)"
    assert json.loads(fold([streamed(list(unfold(utterance)))]))["content"] == [block]


def test_arguments_that_are_no_json_are_not_lost() -> None:
    utterance = Utterance((Said((ToolCall("t", "f", '{"a": '),), "length"),))
    assert json.loads(tell(utterance, occasion()))["content"][0]["input"] == {"_incomplete": '{"a": '}


def test_nothing_said_is_a_message_all_the_same() -> None:
    assert Message.model_validate_json(tell(Utterance(()), occasion())).content == []
    assert Message.model_validate_json(fold([streamed([])])).content == []
