"""Answers in pieces and whole: folding the one gives the other, however the words are cut."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.families.language.saying import (
    Begun,
    Counted,
    Delta,
    Ended,
    Happening,
    PartBegun,
    PartWhole,
    Said,
    Sealed,
    Tokens,
    Utterance,
    fold,
    unfold,
)
from torana.families.language.words import Part, Reasoning, Refusal, Text, ToolCall

WORDS = st.text(min_size=1, max_size=8)
PARTS: st.SearchStrategy[Part] = st.one_of(
    WORDS.map(Text),
    WORDS.map(Refusal),
    st.builds(Reasoning, WORDS, st.none() | WORDS),
    st.builds(Reasoning, st.just(""), st.none(), WORDS),
    st.builds(ToolCall, st.just("call_1"), st.just("look"), WORDS),
)
SAID = st.builds(
    Said,
    st.lists(PARTS, min_size=1, max_size=4).map(tuple),
    st.sampled_from(["end", "length", "tool"]),
)
UTTERANCES = st.builds(
    Utterance,
    st.lists(SAID, min_size=1, max_size=3).map(tuple),
    st.none() | st.just("id"),
    st.none() | st.just("model"),
    st.none() | st.builds(Tokens, st.integers(0, 9), text_out=st.integers(0, 9)),
)


def cut(happenings: Iterator[Happening], size: int) -> Iterator[Happening]:
    """The same, with words in pieces of ``size``."""
    for happening in happenings:
        if isinstance(happening, Delta):
            for start in range(0, len(happening.text), size):
                yield Delta(happening.text[start : start + size], happening.answer)
        else:
            yield happening


@given(UTTERANCES, st.integers(1, 3))
def test_what_is_told_in_pieces_is_the_whole(utterance, size):
    assert fold(cut(iter(unfold(utterance)), size)) == utterance


def test_answers_may_come_in_turns():
    happenings: list[Happening] = [
        Begun("id", "model"),
        PartBegun(Text(""), 0),
        PartBegun(Text(""), 1),
        Delta("a", 0),
        Delta("b", 1),
        Delta("c", 0),
        Ended("length", None, 1),
        Ended("stop_sequence", "END", 0),
    ]
    first, second = fold(happenings).answers
    assert first == Said((Text("ac"),), "stop_sequence", "END")
    assert second == Said((Text("b"),), "length")


def test_a_seal_belongs_to_the_part_that_began_last():
    happenings: list[Happening] = [
        PartBegun(Reasoning()),
        Delta("hm"),
        Sealed("s1"),
        PartBegun(ToolCall("c", "look", "")),
        Sealed("s2"),
        Delta("{}"),
        PartWhole(Text("so")),
    ]
    assert fold(happenings).answers[0].parts == (
        Reasoning("hm", "s1"),
        ToolCall("c", "look", "{}", "s2"),
        Text("so"),
    )


def test_the_last_word_on_tokens_counts():
    assert fold([Counted(Tokens(1)), Counted(Tokens(7, text_out=3))]).tokens == Tokens(7, text_out=3)


def test_words_before_any_part_are_text():
    assert fold([Delta("hi")]).answers == (Said((Text("hi"),)),)


@pytest.mark.parametrize(
    ("tokens", "goes_in", "comes_out", "charged"),
    [
        (Tokens(), 0, 0, {}),
        (
            Tokens(1, 2, 3, 4, 5, 6, 7),
            10,
            18,
            {
                "text_in": 1,
                "cached_in": 2,
                "cache_write_in": 3,
                "audio_in": 4,
                "text_out": 5,
                "reasoning_out": 6,
                "audio_out": 7,
            },
        ),
        (Tokens(5, text_out=2), 5, 2, {"text_in": 5, "text_out": 2}),
    ],
)
def test_each_token_is_counted_once(tokens, goes_in, comes_out, charged):
    assert (tokens.input, tokens.output, tokens.charged) == (goes_in, comes_out, charged)


def test_chances_are_told_once_however_many_texts_there_are():
    chance = {"token": "a", "logprob": -0.5}
    told = fold(unfold(Utterance((Said((Text("a"), Text("b")), logprobs=(chance,)),))))
    assert told.answers[0].logprobs == (chance,)


def test_what_an_upstream_counts_below_nothing_is_not_charged():
    assert Tokens(text_in=-3, text_out=2).charged == {"text_out": 2}
