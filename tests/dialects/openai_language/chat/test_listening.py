import json

import pytest

from tests.dialects.openai_language.spoken import SPOKEN, call, events, piece
from torana.core.errors import InvalidRequest, UpstreamError, UpstreamRateLimited
from torana.core.exchange import Event
from torana.dialects.openai_language.chat.listening import ChatListener
from torana.dialects.openai_language.chat.tongue import decode
from torana.families.language.saying import Begun, Counted, Delta, Ended, PartBegun, Sealed, Tokens, fold
from torana.families.language.words import Conversation, Reasoning, Text, ToolCall


def event(*choices, name="message", **more):
    return Event(name, json.dumps({"choices": choices, **more}).encode())


def heard(*events):
    listener = ChatListener()
    return [happening for event in events for happening in listener.hear(event)]


@pytest.mark.parametrize("spoken", SPOKEN, ids=lambda spoken: spoken.name)
async def test_wherever_a_stream_is_cut_it_folds_to_the_whole_answer(spoken):
    whole = decode(spoken.whole, Conversation(()))
    for cut in range(len(spoken.stream)):
        assert fold(heard(*await events(spoken.stream, cut))) == whole


def test_words_come_in_pieces():
    assert heard(event(piece({"role": "assistant", "content": ""}), id="x", model="m"), event(piece({"content": "a"})),
                 event(piece({"content": "b"})), event(piece({}, "stop")), event(usage={"prompt_tokens": 3})) == [
        Begun("x", "m"), PartBegun(Text("")), Delta("a"), Delta("b"), Ended("end"), Counted(Tokens(3)),
    ]  # fmt: skip


def test_calls_that_are_all_numbered_alike():
    one, two = {"index": 0, **call("f", '{"a":1}', "x")}, {"index": 0, **call("g", "", "y")}
    more = {"index": 0, "function": {"arguments": "{}"}}
    assert heard(event(piece({"tool_calls": [one, two]})), event(piece({"tool_calls": [more]}, "stop")))[1:] == [
        PartBegun(ToolCall("x", "f", '{"a":1}')), PartBegun(ToolCall("y", "g", "")), Delta("{}"), Ended("tool"),
    ]  # fmt: skip


def test_a_call_whose_id_is_repeated_is_one():
    pieces = [{"index": 0, **call("f", "{", "x")}, {"index": 0, **call("f", "}", "x")}]
    happened = heard(*(event(piece({"tool_calls": [each]})) for each in pieces))
    assert happened[1:] == [PartBegun(ToolCall("x", "f", "{")), Delta("}")]


def test_a_call_of_the_older_kind():
    happened = heard(event(piece({"function_call": {"name": "f", "arguments": ""}})),
                     event(piece({"function_call": {"arguments": "{}"}}, "function_call")))  # fmt: skip
    assert happened[1:] == [PartBegun(ToolCall("call_0_0", "f", "")), Delta("{}"), Ended("tool")]


def test_a_seal_that_comes_after_its_call():
    later = {"index": 0, "extra_content": {"google": {"thought_signature": "s"}}}
    happened = heard(event(piece({"tool_calls": [{"index": 0, **call("f", "{}", "x")}]})),
                     event(piece({"tool_calls": [later]})))  # fmt: skip
    assert happened[2:] == [Sealed("s")]


def test_blocks_that_are_not_numbered_are_one_thought():
    happened = heard(*(event(piece({"thinking_blocks": [{"thinking": text}]})) for text in "ab"),
                     event(piece({"thinking_blocks": [{"thinking": "", "signature": "s"}]})))  # fmt: skip
    assert happened[1:] == [PartBegun(Reasoning()), Delta("a"), Delta("b"), Sealed("s")]


def test_an_end_without_a_reason():
    assert heard(event(piece({"content": "a"})), Event("message", b"[DONE]"))[-1] == Ended("end")


def test_nothing_follows_the_end():
    listener = ChatListener()
    assert not list(listener.hear(Event("message", b"[DONE]")))
    assert listener.ended
    assert not list(listener.hear(event(piece({"content": "a"}))))


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (Event("message", b'{"error":{"code":429,"message":"slow"}}'), UpstreamRateLimited),
        (Event("message", b'{"error":{"message":"no"},"choices":7}'), UpstreamError),
        (Event("error", b'{"message":"Wrong.","type":"invalid_request_error"}'), InvalidRequest),
        (Event("message", b'{"choices":7}'), UpstreamError),
        (Event("message", b'{"choices":[{"delta"'), UpstreamError),
        (event(piece({"tool_calls": [{"index": 0, **call("f", "{}", "x")}, {"index": 1, **call("g", "", "y")},
                                     {"index": 0, "function": {"arguments": "{}"}}]})), UpstreamError),
        (event(piece({"content": "a"}, "error")), UpstreamError),
        (event(piece({"content": "a"}, "insufficient_system_resource")), UpstreamError),
    ],
)  # fmt: skip
def test_what_cannot_be_understood(wrong, kind):
    with pytest.raises(kind):
        heard(wrong)
