import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.openai_language.spoken import SPOKEN, USAGE, asked, events, piece
from torana.core.errors import InvalidRequest, ToranaError, UpstreamCut, UpstreamError, UpstreamRateLimited
from torana.core.exchange import Event
from torana.dialects.openai_language.manner import PLAIN, Manner
from torana.dialects.openai_language.relaying import ChatRelay, failure_in
from torana.families.language.chat.folding import chunks, fold

BY_NAME = pytest.mark.parametrize("spoken", SPOKEN, ids=lambda spoken: spoken.name)


def relay(*, shows_usage=True, manner=PLAIN):
    return ChatRelay(400, shows_usage, manner)


def relayed(relay, events):
    return b"".join([*(b"".join(relay.take(event)) for event in events), *relay.close()])


def event(*choices, name="message", **more):
    return Event(name, json.dumps({"choices": choices, **more}).encode())


SAID = event(piece({"content": "hello there"}))
LAST = event(piece({}, "stop"))


@BY_NAME
def test_a_stream_passes_as_it_is(spoken):
    assert relayed(relay(), spoken.events) == spoken.stream


@BY_NAME
async def test_wherever_it_is_cut_it_folds_to_the_whole_answer(spoken):
    for cut in range(len(spoken.stream)):
        told = relayed(relay(), await events(spoken.stream, cut))
        assert told == spoken.stream
    folded = fold(asked(), [told])
    assert json.loads(folded.data) == json.loads(spoken.whole)


async def test_a_stream_that_comes_byte_by_byte():
    spoken = SPOKEN[0]
    assert relayed(relay(), await events(spoken.stream, *range(1, len(spoken.stream)))) == spoken.stream


def test_what_nobody_knows_survives_to_the_byte():
    odd = Event("message", b'{ "new":1.50, "choices":[{"index":0,"delta":{"content":"a","later":[1e3]}}]}')
    assert b"".join(relay().take(odd)) == b"data: " + odd.data + b"\n\n"


def test_data_of_several_lines_stays_one_event():
    assert b"".join(relay().take(Event("message", b'{"choices":[{"delta":\n{"content":"a"}}]}'))).count(b"\n") == 2


def test_usage_is_not_shown_to_a_client_who_did_not_ask():
    spoken = SPOKEN[0]
    told = relay(shows_usage=False)
    shown = relayed(told, spoken.events)
    assert not [chunk for chunk in chunks([shown]) if chunk.get("usage")]
    assert shown.endswith(b"data: [DONE]\n\n")
    assert told.used.tokens == {"text_in": 15, "cached_in": 4, "text_out": 8, "reasoning_out": 2}


def test_usage_beside_words_is_shown():
    said = event(piece({"content": "a"}), usage=USAGE)
    assert b"".join(relay(shows_usage=False).take(said))


def test_nothing_is_told_before_the_first_words():
    told = relay()
    assert not list(told.take(event(piece({"role": "assistant", "content": ""}))))
    assert not list(told.take(Event("message", b'{"choices":[],"prompt_filter_results":[]}')))
    assert len(list(told.take(SAID))) == 3
    assert len(list(told.take(event(piece({"content": ""}))))) == 1


def test_not_much_is_held_back():
    told = relay()
    pieces = [list(told.take(event(piece({"role": "assistant"})))) for _ in range(30)]
    assert len(pieces[16]) == 17
    assert sum(map(len, pieces)) == 30


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (Event("message", b'{"error":{"code":429,"message":"slow"}}'), UpstreamRateLimited),
        (Event("message", b'{"error":{"type":"server_error","message":"no"}}'), UpstreamError),
        (Event("message", b'{"error":"no","choices":"?"}'), UpstreamError),
        (Event("error", b'{"message":"Wrong.","type":"invalid_request_error"}'), InvalidRequest),
        (Event("message", b'{"object":"error","message":"Wrong.","code":400}'), InvalidRequest),
        (Event("message", b'{"choices":[{"delta":{"content":"a"}}'), UpstreamError),
        (Event("message", b'{"choices":7}'), UpstreamError),
        (Event("message", b"[" * 10_000), UpstreamError),
        (Event("message", b"hello"), UpstreamError),
    ],
)
def test_errors_in_the_stream(wrong, kind):
    told = relay()
    assert not list(told.take(event(piece({"role": "assistant"}))))
    with pytest.raises(kind):
        list(told.take(wrong))


def test_an_end_that_is_left_out_is_added():
    assert relayed(relay(), [SAID, LAST]).endswith(b'"stop"}]}\n\ndata: [DONE]\n\n')


def test_a_stream_that_says_nothing_is_no_answer():
    told = relay()
    assert not list(told.take(event(piece({"role": "assistant"}))))
    with pytest.raises(UpstreamError) as wrong:
        list(told.take(Event("message", b"[DONE]")))
    assert wrong.value.code == "upstream_empty_reply"


def test_an_answer_that_breaks_off():
    for came in ([], [SAID], [SAID, event(piece({"content": "b"}, index=1)), LAST]):
        with pytest.raises(UpstreamCut):
            relayed(relay(), came)


def test_nothing_follows_the_end():
    told = relay()
    list(told.take(SAID))
    assert list(told.take(Event("message", b"[DONE]"))) == [b"data: [DONE]\n\n"]
    assert told.ended
    assert not list(told.take(SAID))
    assert not list(told.close())


def test_what_was_used_is_estimated_until_it_is_said():
    told = relay(manner=Manner(cost="cost"))
    assert told.used.tokens == {"text_in": 100}
    list(told.take(event(piece({"role": "assistant", "content": "x" * 40}))))
    call = {"index": 0, "id": "call_1", "function": {"name": "", "arguments": "y" * 40}}
    list(told.take(event(piece({"tool_calls": [call]}))))
    assert told.used.tokens == {"text_in": 100, "text_out": 20}
    list(told.take(event({"index": 0, "text": "z" * 40, "finish_reason": "stop"})))
    assert told.used.tokens == {"text_in": 100, "text_out": 30}
    list(told.take(event(usage={**USAGE, "cost": 0.5})))
    assert told.used.tokens["text_in"] == 15
    assert told.used.charged == pytest.approx(0.5)


def test_usage_that_is_told_all_along_is_no_less_than_what_was_said():
    told = relay()
    list(told.take(event(piece({"content": "x" * 400}), usage={"prompt_tokens": 7, "completion_tokens": 1})))
    assert told.used.tokens == {"text_in": 7, "text_out": 100}


def test_failures():
    assert failure_in(SAID) is None
    assert failure_in(Event("message", b"?")) is None
    assert failure_in(Event("error", b"[]")) is None


def block_of(*events):
    return b"".join(b"data: " + event.data + b"\n\n" for event in events)


@BY_NAME
def test_a_block_passes_as_it_is(spoken):
    told = relay()
    # Of what is all silence each event is looked at.
    assert told.take_block(block_of(*spoken.events)) == (None if spoken.name == "nothing" else spoken.stream)
    if spoken.name == "nothing":
        return
    assert told.ended
    one_by_one = relay()
    relayed(one_by_one, spoken.events)
    assert told.used == one_by_one.used


def test_usage_in_a_block_is_not_shown_to_a_client_who_did_not_ask():
    told = relay(shows_usage=False)
    passed = told.take_block(block_of(SAID, LAST, event(usage=USAGE), Event("message", b"[DONE]")))
    assert passed == block_of(SAID, LAST) + b"data: [DONE]\n\n"
    assert told.used.tokens["text_in"] == 15


DONE = Event("message", b"[DONE]")
ROLE = event(piece({"role": "assistant"}))


@pytest.mark.parametrize(
    "block",
    [
        block_of(ROLE),
        block_of(ROLE, LAST),
        block_of(DONE),
        block_of(SAID, event(error={"message": "no"})),
        block_of(SAID, Event("message", b'{"object":"error","message":"Wrong."}')),
        block_of(SAID, Event("message", b'{"object":"\\u0065rror","message":"Wrong."}')),
        block_of(SAID, DONE, SAID),
        block_of(SAID) + b": a word between\n\n",
        block_of(SAID) + b"event: error\ndata: {}\n\n",
        block_of(SAID) + b"\n" + block_of(SAID),
        # One object that two events share, and two that are one event's.
        b'data: {"choices":[{}\n\ndata: {}]}\n\n' + b"data: {}{}\n\n",
        b'data: {"choices":[{}]},\n\ndata: {},{}\n\n',
        b'data: {"a":"}\n\ndata: {"}\n\n',
        b"data: " + b'{"a":' * 10_000 + b"}" * 10_000 + b"\n\n",
    ],
)
def test_what_is_unusual_is_taken_one_by_one(block):
    told = relay()
    before = told.used
    assert told.take_block(block) is None
    assert (told.used, told.ended) == (before, False)


def test_an_end_without_words_is_no_answer_in_a_block_either():
    told = relay()
    for _ in range(17):
        list(told.take(ROLE))
    assert told.take_block(block_of(ROLE, DONE)) is None
    assert told.take_block(block_of(ROLE)) == block_of(ROLE)


WORDS = st.sampled_from(["", "a", "Hello there", "ä" * 9, "\n\n"])
PIECES = st.builds(
    lambda words, index, finish, kind: piece(
        {kind: [{"index": 0, "function": {"arguments": words}}] if kind == "tool_calls" else words}, finish, index
    ),
    WORDS,
    st.integers(0, 2),
    st.sampled_from([None, None, None, "stop"]),
    st.sampled_from(["content", "content", "role", "reasoning_content", "tool_calls"]),
)
EVENTS = st.lists(
    st.one_of(
        st.lists(PIECES, max_size=2).map(lambda pieces: event(*pieces)),
        st.just(event(usage=USAGE)),
        st.sampled_from([event(error={"message": "no"}), Event("message", b"?"), Event("message", b"[DONE]")]),
    ),
    max_size=8,
)


def outcome(relay, blocks, *, at_once):
    """All that the client gets, what was used, and how it ended."""
    told: list[bytes] = []
    try:
        for events in blocks:
            shown = relay.take_block(block_of(*events)) if at_once and events else None
            for frames in map(relay.take, events) if shown is None else [[shown]]:
                told += frames
        told += relay.close()
        ended = None
    except ToranaError as error:
        ended = type(error), error.code
    return b"".join(told), relay.used, ended


@given(st.lists(EVENTS, max_size=4), st.booleans())
def test_blocks_come_to_what_their_events_come_to(blocks, shows):
    one_by_one = outcome(relay(shows_usage=shows), blocks, at_once=False)
    assert outcome(relay(shows_usage=shows), blocks, at_once=True) == one_by_one
