import base64
import json
import struct
from dataclasses import replace
from typing import Any

import pytest

from tests.providers.kit import CONTEXT
from torana.config.upstreams import Account
from torana.core.errors import DeadlineExceeded, InvalidRequest, Overloaded, WorkFailed
from torana.core.exchange import Target
from torana.families.language.embeddings import read_embeddings
from torana.families.language.rerank import read_rerank
from torana.media.job import Job, Made
from torana.providers.local_text import DECLARATIONS
from torana.providers.local_text.reader import MODEL, MOST_TOKENS, OPERATIONS

pytestmark = pytest.mark.asyncio(loop_scope="session")
(DECLARED,) = DECLARATIONS
DOCUMENTS = ["The stock market fell.", "Kittens rest on rugs.", "A cat sat on the mat."]


async def embed(lent, **members: Any):
    provider = DECLARED.build(Account(type="local-text"), None, lent)
    assert set(provider.operations) == OPERATIONS == DECLARED.operations(MODEL)
    request = read_embeddings(json.dumps({"model": MODEL, "input": "a cat", **members}).encode())
    assert provider.worst(request, Target("local-text", MODEL)) == 0
    return await provider.operations["embeddings"](request, MODEL, CONTEXT)


async def rank(lent, **members: Any):
    provider = DECLARED.build(Account(type="local-text"), None, lent)
    written = {"model": MODEL, "query": "Where is the cat?", "documents": DOCUMENTS, **members}
    return await provider.operations["rerank"](read_rerank(json.dumps(written).encode()), MODEL, CONTEXT)


async def test_texts_become_vectors(lent):
    reply = await embed(lent, input=["a cat", "a small dog"], user="ada")
    told = json.loads(reply.body.data)
    assert [(item["index"], len(item["embedding"])) for item in told["data"]] == [(0, 384), (1, 384)]
    assert (told["model"], told["usage"]["prompt_tokens"]) == (MODEL, 5)
    assert (reply.usage.tokens, reply.usage.cost, reply.ignored) == ({"text_in": 5}, 0, ("user",))


async def test_vectors_come_in_base64_where_that_is_asked_for(lent):
    plain = json.loads((await embed(lent, dimensions=384)).body.data)["data"][0]["embedding"]
    packed = json.loads((await embed(lent, encoding_format="base64")).body.data)["data"][0]["embedding"]
    assert list(struct.unpack("<384f", base64.b64decode(packed))) == pytest.approx(plain)


async def test_more_texts_than_a_job_takes_come_in_their_order(lent):
    texts = [f"number {index}" for index in range(150)]
    many = json.loads((await embed(lent, input=texts)).body.data)["data"]
    assert len(many) == 150
    for index in (0, 63, 64, 149):
        alone = json.loads((await embed(lent, input=texts[index])).body.data)["data"][0]["embedding"]
        assert many[index]["embedding"] == alone


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"dimensions": 256}, "dimensions", "unsupported_value"),
        ({"input": [1, 2]}, "input", "unsupported_value"),
        ({"input": ["a", "word " * (MOST_TOKENS + 1)]}, "input", "context_length_exceeded"),
        ({"input": "a" * 300_000}, "input", "context_length_exceeded"),
        ({"encoding_format": "int8"}, "encoding_format", "unsupported_value"),
    ],
)
async def test_what_cannot_be_had_is_refused(lent, members, param, code):
    with pytest.raises(InvalidRequest) as caught:
        await embed(lent, **members)
    assert (caught.value.param, caught.value.code) == (param, code)


async def test_documents_are_ranked_by_meaning(lent):
    reply = await rank(lent)
    results = json.loads(reply.body.data)["results"]
    assert [result["index"] for result in results] == [2, 1, 0]
    scores = [result["relevance_score"] for result in results]
    assert 1 >= scores[0] > 0.5 > scores[2] >= 0
    assert reply.emulated == ("rerank",)
    assert reply.usage.cost == 0


async def test_a_document_that_says_the_same_scores_1_and_none_less_than_0(lent):
    reply = await rank(lent, query="a cat", documents=["a cat", "0x7f", "..."], top_n=1, return_documents=True)
    (best,) = json.loads(reply.body.data)["results"]
    assert (best["index"], best["document"]) == (0, {"text": "a cat"})
    assert best["relevance_score"] == pytest.approx(1)


class Crew:
    """Workers that do not do what they are asked."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def run(self, job: Job) -> Made:
        raise self.error


@pytest.mark.parametrize("error", [Overloaded("busy with pictures", retry_after=3), WorkFailed("The picture broke.")])
async def test_what_befalls_the_workers_is_told_in_words_about_texts(lent, error):
    with pytest.raises(type(error)) as caught:
        await embed(replace(lent, workers=Crew(error)))
    assert "picture" not in caught.value.message
    assert caught.value.retry_after == error.retry_after


async def test_work_has_its_deadline(lent):
    with pytest.raises(DeadlineExceeded):
        await embed(replace(lent, work_deadline=0.001), input=["word " * 2000] * 20)
