import base64
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import CreateEmbeddingResponse

from torana.core.errors import InvalidRequest
from torana.families.language.embeddings import (
    EMBEDDINGS,
    MOST_INPUTS,
    UntoldRequest,
    dimensions_of,
    encoding_of,
    packed,
    read_embeddings,
    texts_of,
    unpacked,
    write_vectors,
)

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def asked(**members: object) -> UntoldRequest:
    return read_embeddings(json.dumps({"model": "m", "input": "a", **members}).encode())


@pytest.mark.parametrize("given", ["a", ["a", "b"], [1, 2], [[1, 2], [3]], [{"image": "x"}]])
def test_every_shape_of_input_is_taken(given):
    request = asked(input=given, odd={"x": 1})
    assert (request.operation, request.model, request.stream) == ("embeddings", "m", False)
    assert (request.body["input"], request.body["odd"]) == (given, {"x": 1})
    assert EMBEDDINGS.ignored(request) == ()


@pytest.mark.parametrize("given", [None, "", [], 7, {"text": "a"}])
def test_what_is_no_input_is_refused(given):
    with pytest.raises(InvalidRequest) as caught:
        asked(input=given)
    assert caught.value.param == "input"


def test_nothing_comes_out_that_is_counted():
    request = asked(input="a" * 400, max_tokens=5000)
    assert request.longest == 0
    assert request.amounts["tokens"] == len(request.raw) // 4


def test_texts_are_told_as_one_or_several():
    assert texts_of(asked(input="a")) == ("a",)
    assert texts_of(asked(input=["a", "b"])) == ("a", "b")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([1, 2], "unsupported_value"),
        ([[1]], "unsupported_value"),
        (["a", 1], "unsupported_value"),
        (["a", ""], "invalid_value"),
        (["a"] * (MOST_INPUTS + 1), "invalid_value"),
    ],
)
def test_what_is_no_text_is_refused_where_texts_alone_are_taken(given, code):
    with pytest.raises(InvalidRequest) as caught:
        texts_of(asked(input=given))
    assert (caught.value.param, caught.value.code) == ("input", code)


def test_as_many_texts_as_at_openai_are_taken():
    assert len(texts_of(asked(input=["a"] * MOST_INPUTS))) == MOST_INPUTS


@pytest.mark.parametrize("wanted", [0, -1, True, "3", 1.5])
def test_what_is_no_width_is_refused(wanted):
    with pytest.raises(InvalidRequest) as caught:
        dimensions_of(asked(dimensions=wanted))
    assert caught.value.param == "dimensions"


def test_the_width_is_told():
    assert dimensions_of(asked(dimensions=256)) == 256
    assert dimensions_of(asked()) is None


def test_an_encoding_that_nobody_knows_is_refused():
    assert encoding_of(asked()) == encoding_of(asked(encoding_format=None)) == "float"
    with pytest.raises(InvalidRequest) as caught:
        encoding_of(asked(encoding_format="ubinary"))
    assert caught.value.param == "encoding_format"


def test_vectors_are_written_as_the_official_client_reads_them():
    data = write_vectors(asked(), [[0.5, -1.0], [0.0, 2.0]], model="m-1", tokens=7)
    read = CreateEmbeddingResponse.model_validate_json(data, strict=True)
    assert [(item.index, item.embedding) for item in read.data] == [(0, [0.5, -1.0]), (1, [0.0, 2.0])]
    assert (read.model, read.usage.prompt_tokens, read.usage.total_tokens) == ("m-1", 7, 7)


def test_vectors_are_written_in_base64_where_that_is_asked_for():
    data = json.loads(write_vectors(asked(encoding_format="base64"), [[0.5, -1.0]], model="m", tokens=None))
    assert base64.b64decode(data["data"][0]["embedding"]) == struct.pack("<2f", 0.5, -1.0)
    assert data["usage"] == {"prompt_tokens": 0, "total_tokens": 0}


@given(st.lists(FLOATS))
def test_what_is_packed_can_be_unpacked(vector):
    assert unpacked(packed(vector)) == vector
    assert base64.b64decode(packed(vector)) == struct.pack(f"<{len(vector)}f", *vector)


@pytest.mark.parametrize("text", ["*", "AAA", "AAAA"])
def test_what_is_no_vector_cannot_be_unpacked(text):
    with pytest.raises(ValueError):
        unpacked(text)
