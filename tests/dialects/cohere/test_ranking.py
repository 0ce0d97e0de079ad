import json
from typing import Any

import pytest

from tests.dialects.sent import json_of
from torana.core.errors import UpstreamError
from torana.dialects.cohere import rerank
from torana.dialects.steps import Received
from torana.dialects.ways import Asking, At
from torana.families.language.rerank import read_rerank
from torana.families.language.voice import Occasion

SPANS = [{"start": 0, "end": 5, "score": 0.7}]
REPLY = {
    "id": "07734bd2",
    "results": [
        {"index": 1, "relevance_score": 0.999071, "relevant_spans": SPANS},
        {"index": 0, "relevance_score": 0.32713068},
    ],
    "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}, "new": True},
}


def asked(parameters: dict[str, Any] | None = None, **members: object) -> Asking:
    request = read_rerank(json.dumps({"model": "m", "query": "q", "documents": ["a", "b"], **members}).encode())
    return rerank(request, At("rerank-v4.0", Occasion(request, 0, "id0", "rerank-v4.0"), parameters=parameters or {}))


def test_what_is_not_known_passes_through_both_ways() -> None:
    asking = asked({"priority": 3}, top_n=1, relevant_spans={"mode": "enabled"}, novelty=[1])
    assert (asking.message.path, asking.ignored) == ("/v2/rerank", ())
    assert json_of(asking.message) == {
        "model": "rerank-v4.0", "query": "q", "documents": ["a", "b"], "top_n": 1, "novelty": [1], "priority": 3,
        "relevant_spans": {"mode": "enabled"},
    }  # fmt: skip
    body = json.dumps(REPLY).encode()
    answer = asking.plain(Received(200, {}, body))
    assert (answer.data, answer.used.units, dict(answer.used.tokens)) == (body, 1, {})


def test_what_only_the_first_version_knows_is_done_here() -> None:
    asking = asked(documents=["a", {"text": "b", "title": "B"}], return_documents=True, max_chunks_per_doc=3)
    assert json_of(asking.message) == {"model": "rerank-v4.0", "query": "q", "documents": ["a", "b"]}
    assert asking.ignored == ("max_chunks_per_doc",)
    told = json.loads(asking.plain(Received(200, {}, json.dumps(REPLY).encode())).data)
    assert told["results"] == [
        {"index": 1, "relevance_score": 0.999071, "relevant_spans": SPANS, "document": {"text": "b", "title": "B"}},
        {"index": 0, "relevance_score": 0.32713068, "document": {"text": "a"}},
    ]
    assert told["meta"] == REPLY["meta"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"results": 5}', b'{"results": [{"index": "x"}]}', b'{"meta": 5}']
)
@pytest.mark.parametrize("wanted", [True, False])
def test_nonsense_is_the_upstreams_fault(body: bytes, wanted: bool) -> None:
    with pytest.raises(UpstreamError):
        asked(return_documents=wanted).plain(Received(200, {}, body))


@pytest.mark.parametrize("body", [b"{}", b'{"results": [{"index": 5, "relevance_score": 1.0}]}'])
def test_an_answer_must_hold_results_of_documents_that_were_sent(body: bytes) -> None:
    for wanted in (True, False):
        with pytest.raises(UpstreamError):
            asked(return_documents=wanted).plain(Received(200, {}, body))
