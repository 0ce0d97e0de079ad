"""Calls of tools that come in pieces, however these are mixed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.core.errors import UpstreamError
from torana.dialects.openai_language.chat.answers import Call, Function
from torana.dialects.openai_language.chat.calling import Calls
from torana.families.language.saying import Delta, PartBegun, Sealed, fold
from torana.families.language.words import ToolCall

ARGUMENTS = ['{"city":"Zürich"}', "{}", '{"a":{"b":[1,2]}}']
SEAL = {"google": {"thought_signature": "s"}}


def begun(name: str, arguments: str = "") -> Call:
    return Call(id=name, function=Function(name, arguments))


def more(arguments: str, **members: Any) -> Call:
    return Call(function=Function(None, arguments), **members)


@given(st.lists(st.sampled_from([0, 1, 2]), max_size=60), st.integers(1, 5))
def test_however_the_pieces_are_mixed_every_call_gets_its_own(order, size):
    cut = [[text[at : at + size] for at in range(0, len(text), size)] for text in ARGUMENTS]
    calls = Calls(0)
    told = [happening for place in range(3) for happening in calls.hear(begun("abc"[place]), place)]
    rest = [place for place in range(3) for _ in cut[place]]
    for place in [*order, *rest]:
        if cut[place]:
            told += calls.hear(more(cut[place].pop(0)), place)
    assert fold([*told, *calls.close()]).answers[0].parts == tuple(
        ToolCall(name, name, text) for name, text in zip("abc", ARGUMENTS, strict=True)
    )


def test_those_that_come_one_after_the_other_do_not_wait():
    calls = Calls(0)
    assert list(calls.hear(begun("a", "{}"), 0)) == [PartBegun(ToolCall("a", "a", "{}"))]
    assert list(calls.hear(begun("b"), 1)) == [PartBegun(ToolCall("b", "b", ""))]
    assert list(calls.hear(more("{}"), 1)) == [Delta("{}")]


def test_nothing_more_of_one_that_is_complete_is_no_harm():
    calls = Calls(0)
    list(calls.hear(begun("a", "{}"), 0))
    list(calls.hear(begun("b", "{}"), 1))
    assert not list(calls.hear(more("", extra_content=SEAL), 0))
    with pytest.raises(UpstreamError):
        list(calls.hear(more("{}"), 0))


def test_the_seal_of_one_that_waits_stays_its_own():
    calls = Calls(0)
    list(calls.hear(begun("a"), 0))
    list(calls.hear(begun("b", "{}"), 1))
    list(calls.hear(more("", extra_content=SEAL), 1))
    assert list(calls.close()) == [PartBegun(ToolCall("b", "b", "{}")), Sealed("s")]
    assert not list(calls.close())
