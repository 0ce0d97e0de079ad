import json
from time import process_time

import pytest
from openai.types.chat import ChatCompletionChunk

from tests.families.language.written import whole
from torana.core.exchange import Reply
from torana.families.language.asked import LanguageRequest, Spoken
from torana.families.language.chat import unfold
from torana.families.language.chat.folding import chunks, fold, write

HEAD = {"id": "chatcmpl-1", "created": 1, "model": "m", "provider": "new"}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
MESSAGE = {
    "role": "assistant", "content": "Hi", "refusal": None, "annotations": [{"type": "url_citation", "new": 1}],
    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                   {"id": "d", "type": "function", "function": {"name": "g", "arguments": "[]"}}],
}  # fmt: skip
CHOICES = [{"index": 0, "message": MESSAGE, "logprobs": None, "finish_reason": "tool_calls", "new": {"a": [1]}},
           {"index": 1, "message": {"role": "assistant", "content": None, "refusal": "No."}, "logprobs": None,
            "finish_reason": "stop"}]  # fmt: skip
WHOLE = HEAD | {"object": "chat.completion", "choices": CHOICES, "usage": USAGE}


def asked(**members):
    return LanguageRequest("chat.completions", "m", members, b"", bool(members.get("stream")))


COUNTED = asked(stream=True, stream_options={"include_usage": True})


def frame(**members):
    return b"data: " + json.dumps(members).encode() + b"\n\n"


def delta(**members):
    return frame(choices=[{"index": 0, "delta": members}])


def folded(*frames):
    return json.loads(fold(asked(), frames).data)


def message(*frames):
    return folded(*frames)["choices"][0]["message"]


def test_what_was_kept_whole_comes_as_events_and_folds_again():
    frames = unfold(Spoken(json.dumps(WHOLE).encode()), COUNTED)
    for chunk in chunks(frames):
        ChatCompletionChunk.model_validate(chunk)
        assert chunk["provider"] == "new"
    assert frames[-1] == b"data: [DONE]\n\n"
    assert folded(*frames) == WHOLE


def test_usage_is_for_those_who_ask():
    frames = unfold(Spoken(json.dumps(WHOLE).encode()), asked(stream=True))
    assert b"usage" not in b"".join(frames)


def test_the_last_word_counts_and_padding_is_no_part_of_an_answer():
    assert folded(
        frame(id="a", object="chat.completion.chunk", choices=[], usage=None, obfuscation="xx", service_tier="auto"),
        delta(content="H"),
        delta(content="i"),
        frame(id="a", choices=[], usage=USAGE, service_tier=None),
    ) == {
        "id": "a", "object": "chat.completion", "usage": USAGE, "service_tier": "auto",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi", "refusal": None}}],
    }  # fmt: skip


def test_words_grow_and_names_do_not():
    first = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":'}}
    again = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "1}"}}
    told = message(delta(role="assistant", tool_calls=[first]), delta(role="assistant", tool_calls=[again]))
    assert told["tool_calls"] == [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}]
    assert told["role"] == "assistant"


def test_details_of_thoughts_grow_by_their_index():
    pieces = [{"index": 0, "type": "reasoning.text", "text": text} for text in ("a", "b")]
    told = message(*(delta(reasoning_details=[piece]) for piece in pieces))
    assert told["reasoning_details"] == [{"type": "reasoning.text", "text": "ab"}]


def test_lists_that_are_not_numbered_grow_longer():
    told = folded(
        *(frame(choices=[{"index": 0, "delta": {"content": ""}, "logprobs": {"content": [n]}}]) for n in (1, 2))
    )
    assert told["choices"][0]["logprobs"] == {"content": [1, 2]}


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_that_came_whole_is_written_as_it_was_asked_for(stream):
    async def publish(_picture):
        raise NotImplementedError

    spoken = Spoken(json.dumps(WHOLE).encode())
    body = await write(asked(stream=stream), Reply(spoken), publish)
    data = whole(body)
    assert body.length == len(data)
    assert body.media_type == ("text/event-stream" if stream else "application/json")
    assert data.startswith(b"data: " if stream else b"{")


async def test_an_answer_that_was_told_is_not_told_again():
    async def publish(_picture):
        raise NotImplementedError

    body = await write(asked(stream=True), Reply(Spoken(b"", "text/event-stream", told=True)), publish)
    assert (body.length, whole(body)) == (0, b"")


def test_a_long_answer_takes_no_longer_than_its_length():
    chance = {"token": "a", "logprob": -0.5, "top_logprobs": []}
    piece = {"index": 0, "delta": {"content": "a"}, "logprobs": {"content": [chance]}}
    began = process_time()
    told = json.loads(fold(COUNTED, [b"data: " + json.dumps({"choices": [piece]}).encode() + b"\n\n"] * 20_000).data)
    assert process_time() - began < 5
    assert told["choices"][0]["message"]["content"] == "a" * 20_000
    assert len(told["choices"][0]["logprobs"]["content"]) == 20_000


def test_a_content_that_changes_its_kind_does_no_harm():
    deltas = [{"content": "a"}, {"content": "b"}, {"content": [{"type": "text", "text": "c"}]}, {"content": "d"}]
    pieces = [json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() for delta in deltas]
    told = json.loads(fold(COUNTED, [b"data: %s\n\n" % piece for piece in pieces]).data)
    assert told["choices"][0]["message"]["content"] == "d"
