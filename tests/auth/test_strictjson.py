"""JSON objects from strangers."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.auth.forge import PATIENT
from torana.auth.strictjson import read_object

TEXT = st.text('ab."\\/\x00\né\U0001f600', max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@PATIENT
@given(st.dictionaries(TEXT, JSON, max_size=4))
def test_reads_every_object_that_json_writes(value):
    assert read_object(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b'"text"',
        b"null",
        b"1",
        b"{",
        b"{} {}",
        b'{"a": 1, "a": 1}',
        b'{"in": {"a": 1, "a": 2}}',
        b'{"a": 1, "\\u0061": 2}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-32"),
        b'{"a": ' + b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
    ],
)
def test_refuses_what_two_readers_could_read_differently(document):
    with pytest.raises(ValueError):
        read_object(document)


@PATIENT
@given(st.binary(max_size=64))
def test_no_bytes_raise_anything_else(document):
    with suppress(ValueError):
        assert isinstance(read_object(document), dict)
