import json
from typing import Any

import pytest
from cohere.core.unchecked_base_model import construct_type
from cohere.types import EmbedByTypeResponse
from openai.types import CreateEmbeddingResponse

from tests.dialects.sent import json_of
from torana.core.errors import InvalidRequest, UpstreamError
from torana.dialects.cohere import embed
from torana.dialects.steps import Received
from torana.dialects.ways import Asking, At
from torana.families.language.embeddings import read_embeddings, unpacked
from torana.families.language.voice import Occasion

REPLY = {
    "id": "e1",
    "embeddings": {"float": [[0.5, -0.25], [1.0, 0.0]]},
    "texts": ["a", "b"],
    "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 2.0}},
    "response_type": "embeddings_by_type",
}


def asked(parameters: dict[str, Any] | None = None, **members: object) -> Asking:
    request = read_embeddings(json.dumps({"model": "m", "input": ["a", "b"], **members}).encode())
    return embed(request, At("embed-v4.0", Occasion(request, 0, "id0", "embed-v4.0"), parameters=parameters or {}))


def test_the_purpose_is_documents_unless_it_is_told() -> None:
    asking = asked(user="u", encoding_format="float")
    assert (asking.message.path, asking.emulated, asking.ignored) == ("/v2/embed", ("input_type",), ("user",))
    assert json_of(asking.message) == {
        "texts": ["a", "b"], "input_type": "search_document", "embedding_types": ["float"], "model": "embed-v4.0",
    }  # fmt: skip
    asking = asked(input_type="search_query", truncate="NONE", dimensions=256)
    assert (asking.emulated, asking.ignored) == ((), ())
    told = json_of(asking.message)
    assert (told["input_type"], told["truncate"], told["output_dimension"]) == ("search_query", "NONE", 256)
    assert json_of(asked({"truncate": "START"}, truncate="END").message)["truncate"] == "START"


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"input_type": "poems"}, "input_type"), ({"truncate": "MIDDLE"}, "truncate"), ({"input": ["a"] * 97}, "input"),
        ({"input": [1, 2]}, "input"), ({"dimensions": 0}, "dimensions"), ({"input_type": ["a"]}, "input_type"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(members: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        asked(**members)
    assert error.value.param == param


def test_vectors_come_in_openais_words() -> None:
    construct_type(type_=EmbedByTypeResponse, object_=REPLY)
    answer = asked().plain(Received(200, {}, json.dumps(REPLY).encode()))
    told = CreateEmbeddingResponse.model_validate_json(answer.data, strict=True)
    assert [each.embedding for each in told.data] == [[0.5, -0.25], [1.0, 0.0]]
    assert (told.model, told.usage.prompt_tokens, dict(answer.used.tokens)) == ("embed-v4.0", 2, {"text_in": 2})
    packed = json.loads(asked(encoding_format="base64").plain(Received(200, {}, json.dumps(REPLY).encode())).data)
    assert unpacked(packed["data"][0]["embedding"]) == [0.5, -0.25]


def test_vectors_of_the_older_form_are_read() -> None:
    reply = {"id": "e1", "response_type": "embeddings_floats", "embeddings": [[0.5], [1.0]], "texts": ["a", "b"]}
    answer = asked().plain(Received(200, {}, json.dumps(reply).encode()))
    assert [each["embedding"] for each in json.loads(answer.data)["data"]] == [[0.5], [1.0]]
    assert dict(answer.used.tokens) == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"embeddings": {}}',
        b'{"embeddings": {"float": [[1.0]]}}',
        b'{"embeddings": {"float": "no"}}',
    ],
)
def test_nonsense_is_the_upstreams_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        asked().plain(Received(200, {}, body))
