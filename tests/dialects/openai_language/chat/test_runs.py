import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.dialects.openai_language.chat.runs import Run, shape_of


def frame(words, *, finish="null"):
    return b'data: {"choices":[{"index":1,"delta":{"content":%s},"finish_reason":%s}]}\n\n' % (words, finish.encode())


FOUND = shape_of(frame(b'"hello"'), b'"hello"', 1)
assert FOUND is not None
SHAPE = FOUND


@given(st.lists(st.text(), min_size=1))
def test_a_run_has_the_words_of_all_its_events(texts):
    written = [json.dumps(text).encode() for text in texts]
    block = b"".join(map(frame, written))
    assert SHAPE.words_in(block) == sum(map(len, written)) - 2 * len(written)
    assert SHAPE.run_in(b"data: {}\n\n" + block + b"data: 1\n\n") == Run(
        10, 10 + len(block), sum(map(len, written)) - 2 * len(written)
    )


@pytest.mark.parametrize(
    "block",
    [
        frame(b'"a"', finish='"stop"'),
        frame(b'"a"') + frame(b'"b"', finish='"stop"') + frame(b'"c"'),
        frame(b'"a"') + b": ping\n\n" + frame(b'"b"'),
        frame(b'"a","content":"b"'),
        frame(b'"a","b"'),
        frame(b'"a\\"') + frame(b'","b"'),
        frame(b'"\xff"'),
        frame(b'"\\x"'),
        frame(b'"\n"'),
        frame(b"null"),
        SHAPE.before + SHAPE.after[1:],
        b"",
    ],
)
def test_anything_else_is_no_run(block):
    assert SHAPE.words_in(block) is None


def test_a_run_begins_where_an_event_does():
    assert SHAPE.run_in(b": " + frame(b'"a"')) is None
    assert SHAPE.run_in(b": \n\n" + frame(b'"a"')) is not None
    assert SHAPE.run_in(b"data: {}\n\n") is None


def test_there_is_no_shape_where_the_words_may_stand_elsewhere():
    assert shape_of(frame(b'"index"'), b'"index"', 0) is None
    assert shape_of(frame(b"null"), b"null", 0) is None
    assert shape_of(frame(b'"a"'), b'"b"', 0) is None
