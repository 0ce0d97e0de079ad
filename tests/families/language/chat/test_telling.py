import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from torana.families.language.asked import LanguageRequest
from torana.families.language.chat.folding import chunks, fold
from torana.families.language.chat.telling import DONE, reason, tell, teller, told_usage
from torana.families.language.saying import Delta, Ended, PartBegun, Said, Sealed, Tokens, Utterance, unfold
from torana.families.language.voice import Occasion
from torana.families.language.words import Media, Reasoning, Refusal, Text, ToolCall

USAGE = {"stream_options": {"include_usage": True}}
FUNCTIONS = {"functions": [{"name": "f"}]}
TOKENS = Tokens(text_in=5, cached_in=4, cache_write_in=3, audio_in=2, text_out=7, reasoning_out=6, audio_out=1)
LOGPROB = {"token": "a", "logprob": -0.5, "bytes": None, "top_logprobs": []}


def occasion(**members):
    body = {"model": "m", "messages": [], **members}
    return Occasion(LanguageRequest("chat.completions", "m", body, b""), 1700000000, "abc", "upstreams")


def whole(*parts, stop="end", **members):
    told = json.loads(tell(Utterance((Said(parts, stop),)), occasion(**members)))
    ChatCompletion.model_validate(told)
    return told["choices"][0]


def streamed(happenings, **members):
    telling = teller(occasion(**members))
    frames = [frame for happening in happenings for frame in telling.tell(happening)]
    return [*frames, *telling.close()]


def told(*happenings, **members):
    found = list(chunks(streamed(happenings, **members)))
    for chunk in found:
        ChatCompletionChunk.model_validate(chunk)
    return [choice for chunk in found for choice in chunk["choices"]]


def test_a_whole_answer():
    utterance = Utterance((Said((Text("Hel"), Text("lo")), logprobs=(LOGPROB,)),), "msg_1", "theirs", TOKENS)
    answer = json.loads(tell(utterance, occasion()))
    ChatCompletion.model_validate(answer)
    assert answer == {
        "id": "chatcmpl-abc", "object": "chat.completion", "created": 1700000000, "model": "theirs",
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": "Hello", "refusal": None},
            "logprobs": {"content": [LOGPROB], "refusal": None},
            "finish_reason": "stop",
        }],
        "usage": told_usage(TOKENS),
    }  # fmt: skip


def test_usage_holds_its_parts():
    assert told_usage(TOKENS) == {
        "prompt_tokens": 14, "completion_tokens": 14, "total_tokens": 28,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3, "audio_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 6, "audio_tokens": 1, "accepted_prediction_tokens": 0,
                                      "rejected_prediction_tokens": 0},
    }  # fmt: skip


def test_thoughts_can_be_sent_back():
    message = whole(Reasoning("Hm.", "s"), Reasoning(sealed="d", id="r"), Text("So."))["message"]
    assert message["reasoning_content"] == "Hm."
    assert message["thinking_blocks"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "redacted_thinking", "data": "d", "id": "r"},
    ]


def test_calls_refusals_and_media():
    message = whole(ToolCall("c", "f", "{}", "s"), stop="tool")["message"]
    assert message["content"] is None
    assert message["tool_calls"] == [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"},
         "extra_content": {"google": {"thought_signature": "s"}}}
    ]  # fmt: skip
    assert whole(Refusal("No."), stop="refusal")["message"]["refusal"] == "No."
    message = whole(Media("image", base64="A", media_type="image/webp"), Media("audio", base64="B"))["message"]
    assert message["images"] == [{"type": "image_url", "image_url": {"url": "data:image/webp;base64,A"}}]
    assert message["audio"] == {"id": "audio_abc", "data": "B", "expires_at": 1700003600, "transcript": ""}


@pytest.mark.parametrize(
    ("stop", "finish"),
    [("end", "stop"), ("stop_sequence", "stop"), ("pause", "stop"), ("length", "length"), ("tool", "tool_calls"),
     ("filter", "content_filter"), ("refusal", "content_filter")],
)  # fmt: skip
def test_why_it_stopped(stop, finish):
    assert whole(Text("a"), stop=stop)["finish_reason"] == finish
    assert told(Delta("a"), Ended(stop))[-1]["finish_reason"] == finish
    assert reason("refusal", refused=True) == "stop"
    assert reason("tool", legacy=True) == "function_call"


def test_a_client_of_functions_is_answered_in_kind():
    parts = (ToolCall("c", "f", '{"a":1}'), ToolCall("d", "g", "{}"))
    choice = whole(*parts, stop="tool", **FUNCTIONS)
    assert choice["message"]["function_call"] == {"name": "f", "arguments": '{"a":1}'}
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "function_call"
    frames = streamed(unfold(Utterance((Said(parts, "tool"),))), **FUNCTIONS)
    assert json.loads(fold(occasion().request, frames).data)["choices"] == [choice]


def test_a_stream():
    assert told(PartBegun(Text("")), Delta("Hel"), Delta("lo", logprobs=(LOGPROB,)), Ended("end")) == [
        {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None},
        {"index": 0, "delta": {"content": "Hel"}, "logprobs": None, "finish_reason": None},
        {"index": 0, "delta": {"content": "lo"}, "logprobs": {"content": [LOGPROB], "refusal": None},
         "finish_reason": None},
        {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"},
    ]  # fmt: skip


def test_a_stream_of_calls():
    happenings = (PartBegun(ToolCall("c", "f", "")), Delta('{"a"'), Delta(":1}"), Sealed("s"),
                  PartBegun(ToolCall("d", "g", "")), Delta("{}"), Ended("tool"))  # fmt: skip
    assert [choice["delta"].get("tool_calls") for choice in told(*happenings)] == [
        [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}],
        [{"index": 0, "function": {"arguments": '{"a"'}}],
        [{"index": 0, "function": {"arguments": ":1}"}}],
        [{"index": 0, "extra_content": {"google": {"thought_signature": "s"}}}],
        [{"index": 1, "id": "d", "type": "function", "function": {"name": "g", "arguments": ""}}],
        [{"index": 1, "function": {"arguments": "{}"}}],
        None,
    ]


def test_what_was_used_comes_last_where_it_is_wanted():
    utterance = Utterance((Said((Text("a"),)),), tokens=TOKENS)
    frames = streamed(unfold(utterance), **USAGE)
    found = list(chunks(frames))
    assert found[-1]["choices"] == []
    assert found[-1]["usage"] == told_usage(TOKENS)
    assert [chunk["usage"] for chunk in found[:-1]] == [None] * 3
    assert frames[-1] == DONE
    assert all("usage" not in chunk for chunk in chunks(streamed(unfold(utterance))))


PARTS = st.one_of(
    st.builds(Text, st.text(min_size=1)),
    st.builds(Refusal, st.text(min_size=1)),
    st.builds(Reasoning, st.text(min_size=1), st.none() | st.text()),
    st.builds(Reasoning, st.text(), sealed=st.text(), id=st.none() | st.text()),
    st.builds(ToolCall, st.text(min_size=1), st.text(), st.text(), st.none() | st.text()),
    st.builds(Media, st.just("image"), base64=st.just("AAAA")),
)
SAID = st.builds(Said, st.lists(PARTS, max_size=5).map(tuple), st.sampled_from(["end", "length", "tool", "refusal"]))


@given(st.lists(SAID, min_size=1, max_size=3), st.sampled_from([{}, FUNCTIONS]))
def test_folding_a_stream_gives_the_whole_answer(answers, members):
    utterance = Utterance(tuple(answers), None, "theirs", TOKENS)
    frames = streamed(unfold(utterance), **USAGE, **members)
    assert json.loads(fold(occasion().request, frames).data) == json.loads(tell(utterance, occasion(**members)))


@given(st.lists(SAID, min_size=1, max_size=2))
def test_the_official_client_gathers_the_same(answers):
    utterance = Utterance(tuple(answers), None, "theirs", TOKENS)
    state = ChatCompletionStreamState()
    for chunk in chunks(streamed(unfold(utterance), **USAGE)):
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    gathered = state.current_completion_snapshot
    for choice, expected in zip(gathered.choices, json.loads(tell(utterance, occasion()))["choices"], strict=True):
        message = expected["message"]
        assert choice.finish_reason == expected["finish_reason"]
        assert (choice.message.content or None) == (message["content"] or None)
        assert (choice.message.refusal or None) == (message["refusal"] or None)
        assert [(call.id, call.function.name, call.function.arguments) for call in choice.message.tool_calls or []] == [
            (call["id"], call["function"]["name"], call["function"]["arguments"])
            for call in message.get("tool_calls", [])
        ]
        blocks = (choice.message.model_extra or {}).get("thinking_blocks") or []
        assert [{k: v for k, v in block.items() if k != "index"} for block in blocks] == message.get(
            "thinking_blocks", []
        )
