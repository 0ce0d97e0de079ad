import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import CreateEmbeddingResponse

from tests.dialects.sent import json_of
from torana.core.errors import UpstreamError
from torana.dialects.openai_language import Manner
from torana.dialects.openai_language.vectors import WAYS, vector_ways
from torana.dialects.steps import Received
from torana.dialects.ways import Asking, At, Consumption
from torana.families.language.embeddings import packed, read_embeddings, unpacked
from torana.families.language.moderations import read_moderation
from torana.families.language.voice import Occasion

READERS = {"embeddings": read_embeddings, "moderations": read_moderation}
USAGE = {"prompt_tokens": 5, "total_tokens": 5}
FLOATS = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1)


def asking(operation: str = "embeddings", parameters=(), **members: object) -> Asking:
    request = READERS[operation](json.dumps({"model": "ours", "input": ["a", "b"], **members}).encode())
    return WAYS[operation](request, At("theirs", Occasion(request, 1, "x", "theirs"), dict(parameters)))


def received(body: object) -> Received:
    return Received(
        200, {"content-type": "application/json"}, body if isinstance(body, bytes) else json.dumps(body).encode()
    )


def vectors(*written: object, **more: object) -> dict[str, object]:
    items = [{"object": "embedding", "index": i, "embedding": each, "odd": i} for i, each in enumerate(written)]
    return {"object": "list", "data": items, "model": "theirs", "usage": USAGE, **more}


@pytest.mark.parametrize("operation", READERS)
def test_a_body_goes_out_as_it_came_but_for_the_model_and_what_the_operator_set(operation):
    message = asking(operation, {"user": "gateway", "extra": 1}, user="ada", odd={"x": [None]}).message
    assert (message.method, message.path) == ("POST", f"/{operation}")
    assert json_of(message) == {
        "model": "theirs", "input": ["a", "b"], "user": "gateway", "odd": {"x": [None]}, "extra": 1,
    }  # fmt: skip


def test_a_vendor_may_have_a_manner_of_its_own():
    request = read_embeddings(b'{"model": "ours", "input": "a", "user": "ada"}')
    way = vector_ways(Manner(ignored=frozenset({"user"}), cost="cost"))["embeddings"]
    asked = way(request, At("theirs", Occasion(request, 1, "x", "theirs")))
    assert (json_of(asked.message), asked.ignored) == ({"model": "theirs", "input": "a"}, ("user",))
    answered = asked.plain(received(vectors([1.0], usage=USAGE | {"cost": 0.25})))
    assert answered.used == Consumption({"text_in": 5}, charged=Decimal("0.25"))


@pytest.mark.parametrize(
    ("members", "written"),
    [
        ({}, [0.5, 1.0]),
        ({"encoding_format": "float"}, [0.5, 1.0]),
        ({"encoding_format": "base64"}, packed([0.5, 1.0])),
        ({"encoding_format": "int8"}, [1, 2]),
    ],
)
def test_vectors_that_are_written_as_asked_pass_untouched(members, written):
    body = json.dumps(vectors(written, odd={"x": 1}), indent=1).encode()
    answered = asking(**members).plain(received(body))
    assert answered.data == body
    assert (answered.media_type, answered.used) == ("application/json", Consumption({"text_in": 5}))


@given(FLOATS)
def test_vectors_are_rewritten_where_the_upstream_knows_one_form_alone(vector):
    from_numbers = asking(encoding_format="base64").plain(received(vectors(vector)))
    assert json.loads(from_numbers.data) == vectors(packed(vector))
    from_base64 = asking().plain(received(vectors(packed(vector))))
    assert json.loads(from_base64.data) == vectors(vector)
    read = CreateEmbeddingResponse.model_validate_json(from_base64.data)
    assert read.data[0].embedding == vector == unpacked(json.loads(from_numbers.data)["data"][0]["embedding"])


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        {"error": {"message": "no"}},
        {"data": [{"index": 0}]},
        {"data": [{"embedding": "*"}]},
        {"data": [{"embedding": "AAA"}]},
        {"data": []},
    ],
)
def test_what_holds_no_vectors_is_the_upstream_s_fault(body):
    with pytest.raises(UpstreamError):
        asking().plain(received(body))


@pytest.mark.parametrize("vector", [["a"], [None]])
def test_what_are_no_numbers_is_too(vector):
    with pytest.raises(UpstreamError):
        asking(encoding_format="base64").plain(received(vectors(vector)))


@pytest.mark.parametrize("usage", [None, "many", {"prompt_tokens": "x"}, {}, {"total_tokens": 0}])
def test_odd_usage_does_not_lose_the_answer(usage):
    assert asking().plain(received(vectors([1.0], usage=usage))).used == Consumption()


def test_verdicts_pass_untouched():
    verdict = {"flagged": True, "categories": {"self-harm/intent": True}, "category_scores": {"self-harm/intent": 0.9}}
    body = json.dumps({"id": "m-1", "model": "theirs", "results": [verdict], "odd": 1}).encode()
    answered = asking("moderations").plain(received(body))
    assert (answered.data, answered.used.tokens, answered.used.charged) == (body, {}, None)


@pytest.mark.parametrize("body", [b"", {"error": "no"}, {"results": []}])
def test_what_holds_no_verdict_is_the_upstream_s_fault(body):
    with pytest.raises(UpstreamError):
        asking("moderations").plain(received(body))
