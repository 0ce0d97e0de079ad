import json
from typing import Any

import pytest
from openai.types import CreateEmbeddingResponse

from tests.dialects.sent import json_of
from torana.core.errors import InvalidRequest, UpstreamError
from torana.dialects.bedrock import cohere_embed, rerank, titan_embed
from torana.dialects.steps import Received
from torana.dialects.ways import Asking, At, Way
from torana.families.language.embeddings import read_embeddings
from torana.families.language.rerank import read_rerank
from torana.families.language.voice import Occasion

TITAN = "amazon.titan-embed-text-v2:0"


def embedding(way: Way, model: str, parameters: dict[str, Any] | None = None, **members: object) -> Asking:
    request = read_embeddings(json.dumps({"model": "m", "input": "a", **members}).encode())
    return way(request, At(model, Occasion(request, 0, "id0", model), parameters=parameters or {}))


def ranking(model: str, **members: object) -> Asking:
    request = read_rerank(json.dumps({"model": "m", "query": "q", "documents": ["a", "b"], **members}).encode())
    return rerank(request, At(model, Occasion(request, 0, "id0", model)))


def test_titan_is_asked_for_one_vector() -> None:
    asking = embedding(titan_embed, TITAN, {"normalize": False}, input=["a"], dimensions=256, user="u")
    assert asking.message.path == "/model/amazon.titan-embed-text-v2%3A0/invoke"
    assert json_of(asking.message) == {"inputText": "a", "dimensions": 256, "normalize": False}
    assert asking.ignored == ("user",)
    answer = asking.plain(
        Received(200, {}, b'{"embedding": [0.5, 1], "inputTextTokenCount": 3, "embeddingsByType": {}}')
    )
    told = CreateEmbeddingResponse.model_validate_json(answer.data, strict=True)
    assert (told.data[0].embedding, told.usage.total_tokens, dict(answer.used.tokens)) == ([0.5, 1], 3, {"text_in": 3})
    with pytest.raises(UpstreamError):
        asking.plain(Received(200, {}, b"{}"))


@pytest.mark.parametrize(
    ("model", "members", "param", "code"),
    [
        (TITAN, {"input": ["a", "b"]}, "input", "unsupported_value"),
        (TITAN, {"input": [1, 2]}, "input", "unsupported_value"),
        ("amazon.titan-embed-text-v1", {"dimensions": 256}, "dimensions", "unsupported_parameter"),
    ],
)
def test_what_titan_cannot_do_is_refused(model: str, members: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        embedding(titan_embed, model, **members)
    assert (error.value.param, error.value.code) == (param, code)


@pytest.mark.parametrize("vectors", [[[0.5], [1.0]], {"float": [[0.5], [1.0]]}])
def test_coheres_vectors_are_counted_by_a_header(vectors: object) -> None:
    asking = embedding(cohere_embed, "cohere.embed-english-v3", input=["a", "b"])
    assert json_of(asking.message) == {
        "texts": ["a", "b"], "input_type": "search_document", "embedding_types": ["float"],
    }  # fmt: skip
    assert asking.emulated == ("input_type",)
    body = json.dumps({"id": "e", "embeddings": vectors}).encode()
    answer = asking.plain(Received(200, {"x-amzn-bedrock-input-token-count": "4"}, body))
    assert [each["embedding"] for each in json.loads(answer.data)["data"]] == [[0.5], [1.0]]
    assert dict(answer.used.tokens) == {"text_in": 4}
    assert dict(asking.plain(Received(200, {}, body)).used.tokens) == {}


@pytest.mark.parametrize(
    ("model", "body", "ignored"),
    [
        (
            "cohere.rerank-v3-5:0",
            {"query": "q", "documents": ["a", "b"], "top_n": 1, "api_version": 2, "max_tokens_per_doc": 9},
            ("priority",),
        ),
        (
            "us.amazon.rerank-v1:0",
            {"query": "q", "documents": ["a", "b"], "top_n": 1},
            ("max_tokens_per_doc", "priority"),
        ),
    ],
)
def test_rankings(model: str, body: object, ignored: tuple[str, ...]) -> None:
    asking = ranking(model, top_n=1, max_tokens_per_doc=9, priority=1)
    assert (json_of(asking.message), asking.ignored) == (body, ignored)
    answer = asking.plain(Received(200, {}, b'{"results": [{"index": 1, "relevance_score": 0.9}]}'))
    assert json.loads(answer.data)["results"] == [{"index": 1, "relevance_score": 0.9}]
    assert "top_n" not in json_of(ranking(model).message)
