"""Gemini's answers; the replies are those of Google's references and of its guides to streaming and tools."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.gemini.kit import WEATHER, event, heard, piece, stream, talk
from torana.core.errors import InvalidRequest, Moderated, UpstreamError, UpstreamRateLimited
from torana.dialects.gemini.hearing import Hearing, decode
from torana.families.language.saying import Counted, Ended, Said, Tokens, Utterance, fold
from torana.families.language.words import Choice, Conversation, Media, Reasoning, Shape, Text, ToolCall

USAGE = {
    "promptTokenCount": 12, "candidatesTokenCount": 30, "totalTokenCount": 62, "thoughtsTokenCount": 20,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 12}],
}  # fmt: skip
TOKENS = Tokens(12, text_out=30, reasoning_out=20)
CALL_ID = "call_" + "[0-9a-f]{24}"

PLAIN = [
    piece({"text": "Once upon"}, usage={"promptTokenCount": 12, "totalTokenCount": 12}),
    piece({"text": " a time, "}),
    piece({"text": "é 🐟."}, stop="STOP", usage=USAGE),
]
THOUGHTS = [
    piece({"text": "**Adding**\n", "thought": True}),
    piece({"text": "2+2", "thought": True, "thoughtSignature": "SEAL"}),
    piece({"text": "Four"}),
    piece({"text": "."}),
    piece({"text": "", "thoughtSignature": "LAST"}, stop="STOP", usage=USAGE),
]
CALLS = [
    piece({"text": "Let me see."}),
    piece({"functionCall": {"name": "weather", "args": {"city": "Paris"}}, "thoughtSignature": "SEAL"}),
    piece({"functionCall": {"name": "weather", "args": {"city": "Rome"}, "id": "given"}}),
    piece({"functionCall": {"name": "now"}}, {"text": ""}, stop="STOP", usage=USAGE),
]
SEEN = [
    piece(
        {"text": "A draft", "thought": True},
        {"inlineData": {"mimeType": "image/png", "data": "RFJBRlQ="}, "thought": True},
    ),
    piece({"text": "Here:"}, {"inlineData": {"mimeType": "image/png", "data": "aGVsbG8="}}, {"text": "Nice?"}),
    piece({"executableCode": {"language": "PYTHON", "code": "1"}}, stop="MAX_TOKENS", usage=USAGE),
]
ALL = [PLAIN, THOUGHTS, CALLS, SEEN]


def whole(pieces: Sequence[Mapping[str, Any]]) -> bytes:
    """The same answer as it comes when nobody asks for a stream."""
    parts = [part for each in pieces for part in each["candidates"][0]["content"]["parts"]]
    last = pieces[-1]
    candidate = last["candidates"][0] | {"content": {"parts": parts, "role": "model"}}
    return json.dumps(dict(last) | {"candidates": [candidate]}, indent=2).encode()


def test_words_grow() -> None:
    said = decode(whole(PLAIN), talk())
    assert said == Utterance(
        (Said((Text("Once upon a time, é 🐟."),)),), "mAitaLmkHPPlz7IPvtfUqQ4", "gemini-3.5-flash-001", TOKENS
    )


def test_thoughts_stand_apart() -> None:
    said = decode(whole(THOUGHTS), talk()).answers[0]
    assert said.parts == (Reasoning("**Adding**\n2+2", signature="SEAL"), Text("Four."))


def test_calls_have_seals_and_ids() -> None:
    said = decode(whole(CALLS), talk(tools=(WEATHER,))).answers[0]
    text, paris, rome, now = said.parts
    assert text == Text("Let me see.")
    assert isinstance(paris, ToolCall)
    assert isinstance(now, ToolCall)
    assert (paris.name, paris.arguments, paris.signature) == ("weather", '{"city":"Paris"}', "SEAL")
    assert rome == ToolCall("given", "weather", '{"city":"Rome"}')
    assert (now.name, now.arguments, said.stop) == ("now", "{}", "tool")
    assert len({paris.id, "given", now.id}) == 3


def test_ids_are_the_same_each_time_and_no_others() -> None:
    twice = whole([piece(*[{"functionCall": {"name": "now"}}] * 2, stop="STOP")])
    ids = [part.id for part in decode(twice, talk()).answers[0].parts if isinstance(part, ToolCall)]
    again = [part.id for part in decode(twice, talk()).answers[0].parts if isinstance(part, ToolCall)]
    later = decode(twice, talk(*talk().turns * 3)).answers[0].parts[0]
    assert isinstance(later, ToolCall)
    assert ids == again
    assert len({*ids, later.id}) == 3


def test_pictures_are_parts_and_drafts_are_not() -> None:
    said = decode(whole(SEEN), talk()).answers[0]
    picture = Media("image", base64="aGVsbG8=", media_type="image/png")
    assert said.parts == (Reasoning("A draft"), Text("Here:"), picture, Text("Nice?"))
    assert said.stop == "length"


@pytest.mark.parametrize("pieces", ALL)
async def test_a_stream_cut_anywhere_comes_to_the_whole_answer(pieces: list[dict[str, Any]]) -> None:
    wire = stream(pieces)
    expected = decode(whole(pieces), talk())
    for cut in range(len(wire) + 1):
        assert fold(await heard(Hearing(talk()), wire, cut)) == expected


@given(st.lists(st.sampled_from(["a", "", "é\n", "🐟"]), min_size=1), st.booleans())
def test_pieces_of_any_length_come_to_the_whole_answer(texts: list[str], thought: bool) -> None:
    pieces = [piece({"text": text} | ({"thought": True} if thought else {})) for text in texts]
    pieces.append(piece(stop="STOP"))
    hearing = Hearing(talk())
    told = fold(each for one in pieces for each in hearing.hear(event(one)))
    assert told == decode(whole(pieces), talk())
    kind = Reasoning if thought else Text
    assert told.answers[0].parts == ((kind("".join(texts)),) if "".join(texts) else ())


async def test_a_stream_that_breaks_off_has_not_ended() -> None:
    happened = await heard(Hearing(talk()), stream(PLAIN[:2]), 0)
    assert not any(isinstance(happening, Ended) for happening in happened)


def test_several_answers_end_together() -> None:
    hearing = Hearing(talk())
    both = piece({"text": "A"}, stop="STOP")
    both["candidates"].append(piece({"text": "B"}, index=1)["candidates"][0])
    first = list(hearing.hear(event(both)))
    assert not any(isinstance(happening, Ended) for happening in first)
    last = list(hearing.hear(event(piece({"text": "C"}, index=1, stop="MAX_TOKENS"))))
    assert [happening for happening in last if isinstance(happening, Ended)] == [
        Ended("end"),
        Ended("length", answer=1),
    ]
    assert fold([*first, *last]).answers == (Said((Text("A"),)), Said((Text("BC"),), "length"))


@pytest.mark.parametrize(
    ("indices", "texts"), [((1, None), ["B", "A"]), ((None, 1), ["A", "B"]), ((None, None), ["A", "B"])]
)
def test_answers_are_numbered_but_for_the_first(indices: tuple[int | None, ...], texts: list[str]) -> None:
    said = {
        "candidates": [
            piece({"text": text}, stop="STOP", index=index)["candidates"][0]
            for text, index in zip("AB", indices, strict=True)
        ]
    }
    answers = decode(json.dumps(said).encode(), talk()).answers
    assert [answer.parts for answer in answers] == [(Text(text),) for text in texts]


def test_tokens_are_told_as_they_come_before_the_end() -> None:
    last = list(Hearing(talk()).hear(event(PLAIN[-1])))
    assert last.index(Counted(TOKENS)) < last.index(Ended("end"))


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("STOP", "end"), ("MAX_TOKENS", "length"), ("SAFETY", "filter"), ("RECITATION", "filter"),
        ("PROHIBITED_CONTENT", "filter"), ("BLOCKLIST", "filter"), ("SPII", "filter"), ("LANGUAGE", "filter"),
        ("OTHER", "filter"), ("MODEL_ARMOR", "filter"), ("SOMETHING_NEW", "filter"),
    ],
)  # fmt: skip
def test_why_it_stopped(reason: str, stop: str) -> None:
    said = decode(json.dumps({"candidates": [{"finishReason": reason}]}).encode(), talk())
    assert said.answers == (Said((), stop),)  # type: ignore[arg-type]


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MISSING_THOUGHT_SIGNATURE"])
def test_what_went_wrong_there_is_the_upstreams(reason: str) -> None:
    with pytest.raises(UpstreamError, match=reason) as caught:
        decode(json.dumps({"candidates": [{"finishReason": reason}]}).encode(), talk())
    assert caught.value.retryable


def test_a_prompt_that_is_refused() -> None:
    blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 7}}
    with pytest.raises(Moderated):
        decode(json.dumps(blocked).encode(), talk())


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "status": "RESOURCE_EXHAUSTED"}, UpstreamRateLimited),
        ({"code": 503, "status": "UNAVAILABLE", "message": "overloaded"}, UpstreamError),
        ({"status": "INVALID_ARGUMENT", "message": "No."}, InvalidRequest),
        ({}, UpstreamError),
    ],
)
def test_an_error_in_the_middle(error: dict[str, Any], kind: type[Exception]) -> None:
    hearing = Hearing(talk())
    list(hearing.hear(event(PLAIN[0])))
    with pytest.raises(kind):
        list(hearing.hear(event({"error": error})))


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"null", b"[]", b"5", b"<html>", b"\xff", b"[" * 9999, b'{"candidates":[]}', b'{"candidates":[{}]}',
     b'{"candidates":5}', b'{"candidates":[{"content":{"parts":[{"text":5}]},"finishReason":"STOP"}]}'],
)  # fmt: skip
def test_nonsense_is_the_upstreams(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        decode(body, talk())


SHAPED = talk(tools=(WEATHER,), shape=Shape({"type": "object"}))


@pytest.mark.parametrize(
    ("conversation", "names", "stop"),
    [
        (SHAPED, [], "end"),
        (talk(tools=(WEATHER,)), ["answer_answer"], "tool"),
    ],
)
def test_a_shape_that_is_given_by_a_tool_is_words(conversation: Conversation, names: list[str], stop: str) -> None:
    answer = piece({"functionCall": {"name": "answer_answer", "args": {"city": "Rome"}}}, stop="STOP")
    said = decode(json.dumps(answer).encode(), conversation).answers[0]
    assert [part.name for part in said.parts if isinstance(part, ToolCall)] == names
    assert said.stop == stop
    if not names:
        assert said.parts == (Text('{"city":"Rome"}'),)


def test_one_call_at_a_time() -> None:
    said = decode(whole(CALLS), talk(tools=(WEATHER,), choice=Choice(parallel=False))).answers[0]
    assert [part.name for part in said.parts if isinstance(part, ToolCall)] == ["weather"]


def test_likelihoods_come_with_the_words() -> None:
    likely = {"chosenCandidates": [{"token": "Hi", "logProbability": -0.1}]}
    said = decode(json.dumps(piece({"text": "Hi"}, stop="STOP", logprobsResult=likely)).encode(), talk()).answers[0]
    assert said.logprobs == ({"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []},)
