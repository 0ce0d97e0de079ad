import json
from typing import Any

import pytest

from tests.dialects.sent import json_of
from torana.core.errors import InvalidRequest, UpstreamError
from torana.dialects.rerankers import jina, tei, voyage
from torana.dialects.steps import Received
from torana.dialects.ways import Asking, At, Way
from torana.families.language.rerank import read_rerank
from torana.families.language.voice import Occasion

DOCUMENTS = ["Vienna is in Austria.", {"text": "Paris is in France."}]


def asked(way: Way, parameters: dict[str, Any] | None = None, **members: object) -> Asking:
    body = {"model": "mine", "query": "Where is Paris?", "documents": DOCUMENTS, **members}
    request = read_rerank(json.dumps(body).encode())
    return way(request, At("upstream", Occasion(request, 0, "id0", "upstream"), parameters=parameters or {}))


def answered(asking: Asking, reply: object) -> tuple[Any, Any]:
    answer = asking.plain(Received(200, {}, json.dumps(reply).encode()))
    return json.loads(answer.data), answer.used


TEXTS = ["Vienna is in Austria.", "Paris is in France."]
QUERY = "Where is Paris?"


@pytest.mark.parametrize(
    ("way", "body"),
    [
        (jina(), {"query": QUERY, "model": "upstream", "documents": TEXTS, "top_n": 1}),
        (voyage(), {"query": QUERY, "model": "upstream", "documents": TEXTS, "top_k": 1}),
        (tei(), {"query": QUERY, "texts": TEXTS, "truncate": True}),
    ],
)
def test_each_is_asked_in_its_own_words(way, body):
    asking = asked(way, top_n=1, max_tokens_per_doc=100, priority=1, relevant_spans={"mode": "disabled"})
    assert json_of(asking.message) == body
    assert (asking.message.path, asking.relay) == ("/rerank", None)
    assert asking.ignored == ("max_tokens_per_doc", "priority", "relevant_spans")


def test_the_operators_fields_go_first():
    assert json_of(asked(jina("/v3/rerank"), {"top_n": 5}, top_n=1).message)["top_n"] == 5
    assert asked(jina("/v3/rerank")).message.path == "/v3/rerank"


@pytest.mark.parametrize("way", [jina(), voyage(), tei()])
def test_spans_are_cohere_alone(way):
    with pytest.raises(InvalidRequest) as error:
        asked(way, relevant_spans={"mode": "enabled"})
    assert (error.value.param, error.value.code) == ("relevant_spans", "unsupported_parameter")


ITEMS = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1, "document": {"text": "x"}}]
SCORES = [{"index": 0, "score": 0.1}, {"index": 1, "score": 0.9, "text": "x"}]


@pytest.mark.parametrize(
    ("reply", "id", "tokens", "units"),
    [
        ({"model": "m", "usage": {"total_tokens": 38}, "results": ITEMS}, "id0", 38, None),
        ({"object": "list", "data": ITEMS, "model": "m", "usage": {"total_tokens": 38}}, "id0", 38, None),
        (SCORES, "id0", None, None),
        ({"id": "x", "results": ITEMS, "meta": {"tokens": {"input_tokens": 7.0}}}, "x", 7, None),
        ({"id": "x", "results": ITEMS, "meta": {"billed_units": {"search_units": 1.0}}}, "x", None, 1),
        ({"results": ITEMS, "usage": {"prompt_tokens": 4}}, "id0", 4, None),
    ],
)
@pytest.mark.parametrize("wanted", [True, False])
def test_every_form_of_answer_is_read(reply, id, tokens, units, wanted):  # noqa: A002 - theirs
    told, used = answered(asked(jina(), return_documents=wanted), reply)
    assert told["id"] == id
    assert [(each["index"], each["relevance_score"]) for each in told["results"]] == [(1, 0.9), (0, 0.1)]
    assert [each.get("document") for each in told["results"]] == (
        [{"text": TEXTS[1]}, {"text": TEXTS[0]}] if wanted else [None, None]
    )
    assert (dict(used.tokens), used.units) == ({} if tokens is None else {"text_in": tokens}, units)


def test_of_a_server_that_orders_all_the_best_are_told():
    told, _ = answered(asked(tei(), top_n=1), SCORES)
    assert [each["index"] for each in told["results"]] == [1]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"5", b"{}", b"[5]", b'{"results": [{"index": 7, "relevance_score": 1}]}',
        b'{"results": [{"index": 0}]}', b'{"results": "none"}', b'{"error": "model is loading"}', b"[" * 5000,
    ],
)  # fmt: skip
def test_nonsense_is_the_upstreams_fault(body):
    with pytest.raises(UpstreamError):
        asked(jina()).plain(Received(200, {}, body))
