import base64
import json
import struct
from typing import Any

import pytest

from tests.dialects.gemini.kit import at, request, sent
from torana.core.errors import InvalidRequest, UpstreamError
from torana.dialects.gemini.embeddings import in_batches, in_project, predicted
from torana.dialects.steps import Received
from torana.dialects.ways import Asking, At, Way

MODEL = "gemini-embedding-001"


def path(at: At, method: str) -> str:
    return f"/models/{at.model}:{method}"


def ask(way: Way, given: Any = ("a", "b"), parameters: dict[str, Any] | None = None, **body: Any) -> Asking:
    told = {"model": "m", "input": list(given) if isinstance(given, tuple) else given, **body}
    asked = request("embeddings", told)
    return way(asked, at(MODEL, asked=asked, parameters=parameters or {}))


def answer(asking: Asking, **said: Any) -> tuple[Any, Any]:
    answered = asking.plain(Received(200, {}, json.dumps(said).encode()))
    return json.loads(answered.data), dict(answered.used.tokens)


def test_batches() -> None:
    asking = ask(in_batches(path), dimensions=2, task_type="RETRIEVAL_QUERY", user="ann", title="T", odd=None)
    assert asking.message.path == f"/models/{MODEL}:batchEmbedContents"
    options = {"taskType": "RETRIEVAL_QUERY", "title": "T", "outputDimensionality": 2}
    assert sent(asking.message) == {
        "requests": [
            {"model": f"models/{MODEL}", "content": {"parts": [{"text": text}]}, **options} for text in ("a", "b")
        ]
    }
    assert (asking.ignored, asking.relay) == (("user",), None)
    body, used = answer(asking, embeddings=[{"values": [0.5, 1]}, {"values": [0, -1]}])
    assert body == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, 1]},
            {"object": "embedding", "index": 1, "embedding": [0, -1]},
        ],
        "model": MODEL,
        "usage": {"prompt_tokens": 0, "total_tokens": 0},
    }
    assert used == {}


def test_tokens_count_where_they_are_told() -> None:
    body, used = answer(ask(in_batches(path), "a"), embeddings=[{"values": [1]}], usageMetadata={"promptTokenCount": 3})
    assert (body["usage"], used) == ({"prompt_tokens": 3, "total_tokens": 3}, {"text_in": 3})


def test_vectors_in_base64_are_made_here() -> None:
    body, _ = answer(ask(in_batches(path), "a", encoding_format="base64"), embeddings=[{"values": [0.5, -2]}])
    assert struct.unpack("<2f", base64.b64decode(body["data"][0]["embedding"])) == (0.5, -2)


def test_a_project_has_one_word_for_one_and_another_for_many() -> None:
    one = ask(in_project(path), "a", task_type="CLUSTERING")
    assert one.message.path == f"/models/{MODEL}:embedContent"
    assert sent(one.message) == {
        "content": {"parts": [{"text": "a"}]},
        "embedContentConfig": {"taskType": "CLUSTERING"},
    }
    body, used = answer(one, embedding={"values": [1]}, usageMetadata={"promptTokenCount": 2})
    assert (len(body["data"]), used) == (1, {"text_in": 2})
    many = ask(in_project(path))
    assert many.message.path == f"/models/{MODEL}:batchEmbedContents"
    assert sent(many.message) == {"requests": [{"content": {"parts": [{"text": text}]}} for text in ("a", "b")]}


def test_older_models_predict() -> None:
    asking = ask(predicted(path), dimensions=2, task_type="CLUSTERING", parameters={"autoTruncate": False})
    assert asking.message.path == f"/models/{MODEL}:predict"
    assert sent(asking.message) == {
        "instances": [{"content": "a", "task_type": "CLUSTERING"}, {"content": "b", "task_type": "CLUSTERING"}],
        "parameters": {"outputDimensionality": 2, "autoTruncate": False},
    }
    vector = {"embeddings": {"values": [1], "statistics": {"truncated": False, "token_count": 6}}}
    body, used = answer(asking, predictions=[vector, vector])
    assert (body["usage"]["prompt_tokens"], used) == (12, {"text_in": 12})


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"given": [[1, 2]]}, "input"),
        ({"given": ["a"] * 101}, "input"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"dimensions": 0}, "dimensions"),
        ({"task_type": 5}, "task_type"),
    ],
)
def test_what_cannot_be_asked_is_refused(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        ask(in_batches(path), **body)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"embeddings": []},
        {"embeddings": [{"values": [1]}]},
        {"embeddings": [{"values": [1]}, {}]},
        {"predictions": 5},
    ],
)
def test_nonsense_is_the_upstreams(said: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError):
        answer(ask(in_batches(path)), **said)
