import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.families.language.responses.asking import events_of, occasion, response_of
from torana.families.language.responses.events import ResponseTeller, fold, replay, whole
from torana.families.language.responses.telling import tell
from torana.families.language.saying import Said, Tokens, Utterance, unfold
from torana.families.language.words import Reasoning, Refusal, Text, ToolCall

WORDS = st.text(min_size=1, max_size=8)
PARTS = st.one_of(
    st.builds(Text, WORDS),
    st.builds(Refusal, WORDS),
    st.builds(Reasoning, WORDS, st.none() | WORDS, id=st.none()),
    st.builds(lambda seal: Reasoning(sealed=seal), WORDS),
    st.builds(ToolCall, WORDS, WORDS, WORDS, st.none() | WORDS),
)
STOPS = st.sampled_from(["end", "length", "tool", "refusal", "filter", "pause", "stop_sequence"])
TOKENS = st.none() | st.builds(Tokens, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
UTTERANCES = st.builds(
    Utterance,
    st.builds(lambda parts, stop: (Said(tuple(parts), stop),), st.lists(PARTS, max_size=5), STOPS),
    model=st.none() | st.just("said"),
    tokens=TOKENS,
)


def frames(utterance, at):
    teller = ResponseTeller(at)
    told = [piece for happening in unfold(utterance) for piece in teller.tell(happening)]
    return [*told, *teller.close()]


@given(UTTERANCES, st.booleans())
def test_what_is_told_as_it_comes_is_what_is_told_whole(utterance, summarised):
    at = occasion(stream=True, reasoning={"summary": "auto"} if summarised else None)
    told = frames(utterance, at)
    events = events_of(told)
    assert json.loads(fold(None, told).data) == response_of(tell(utterance, at))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]


@given(UTTERANCES)
def test_a_whole_response_can_be_told_once_more(utterance):
    data = tell(utterance, occasion())
    told = list(replay(data))
    events_of(told)
    assert json.loads(fold(None, told).data) == json.loads(data)


def test_telling_goes_on_after_an_event():
    data = tell(Utterance((Said((Text("a"),)),)), occasion())
    assert list(replay(data, 2)) == list(replay(data))[3:]


def test_a_response_is_created_before_anything_is_said():
    teller = ResponseTeller(occasion())
    first, second = events_of(teller.tell(next(iter(unfold(Utterance((), model="said"))))))
    assert first["response"]["status"] == second["response"]["status"] == "in_progress"
    assert first["response"]["model"] == "said"


@pytest.mark.parametrize(
    "pieces",
    [
        b"",
        b'event: response.output_text.delta\ndata: {"delta":"event: response.completed\\ndata: "}\n\n',
        b"event: response.completed\ndata: {\n\n",
        b"event: response.completed\ndata: {}\n\n",
    ],
)
def test_no_other_event_holds_a_response(pieces):
    assert whole(pieces) is None
    assert fold(None, [pieces]).data == b""


def test_a_last_event_may_come_with_others():
    last = b'event: response.incomplete\ndata: {"response":{"id":"r"}}\n\n'
    assert whole(b"event: x\ndata: {}\n\n" + last) == b'{"id":"r"}'
