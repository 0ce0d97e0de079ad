import json
from typing import Any

import pytest
from cohere.core.unchecked_base_model import construct_type
from cohere.types.rerank_response import RerankResponse
from cohere.v2.types.v2rerank_response import V2RerankResponse

from torana.core.errors import InvalidRequest
from torana.families.faults import Fault
from torana.families.language.rerank import COHERE, RERANKING, Rank, Units, read_rerank, write_ranking

DOCUMENTS = ["Vienna is in Austria.", {"text": "Berlin is in Germany.", "title": "B"}, "Paris is in France."]
NONE = Units()
RANKS = [Rank(0, 0.2), Rank(2, 0.9), Rank(1, 0.5)]


def body(**members: object) -> bytes:
    asked = {"model": "rerank-v3.5", "query": "Where is Paris?", "documents": DOCUMENTS, **members}
    return json.dumps({name: value for name, value in asked.items() if value is not None}).encode()


def written(units: Units = NONE, **members: object) -> Any:
    return json.loads(write_ranking(read_rerank(body(**members)), RANKS, id="r1", units=units))


def test_it_answers_where_clients_of_either_version_look():
    assert set(RERANKING.paths) == {"/rerank", "/v1/rerank", "/v2/rerank"}


def test_a_request_is_read():
    request = read_rerank(body(top_n=2, priority=5, max_tokens_per_doc=None))
    assert (request.model, request.query, request.top_n, request.stream) == ("rerank-v3.5", "Where is Paris?", 2, False)
    assert request.texts == ("Vienna is in Austria.", "Berlin is in Germany.", "Paris is in France.")
    assert dict(request.further) == {"priority": 5}
    assert (request.longest, request.amounts["tokens"]) == (0, len(request.raw) // 4)


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"query": None}, "query", "missing_required_parameter"),
        ({"query": ""}, "query", "invalid_value"),
        ({"query": 5}, "query", "invalid_value"),
        ({"documents": None}, "documents", "missing_required_parameter"),
        ({"documents": []}, "documents", "invalid_value"),
        ({"documents": "one"}, "documents", "invalid_value"),
        ({"documents": ["a"] * 10_001}, "documents", "invalid_value"),
        ({"documents": ["a", {"title": "b"}]}, "documents[1]", "invalid_type"),
        ({"documents": [5]}, "documents[0]", "invalid_type"),
        ({"top_n": 0}, "top_n", "invalid_type"),
        ({"top_n": True}, "top_n", "invalid_type"),
        ({"return_documents": "yes"}, "return_documents", "invalid_type"),
        ({"rank_fields": ["title"]}, "rank_fields", "unsupported_parameter"),
    ],
)
def test_what_is_wrong_is_named(members, param, code):
    with pytest.raises(InvalidRequest) as error:
        read_rerank(body(**members))
    assert (error.value.param, error.value.code) == (param, code)


def test_the_best_come_first_as_many_as_asked():
    told = written(top_n=2, units=Units(search_units=1, input_tokens=30))
    assert [(each["index"], each["relevance_score"]) for each in told["results"]] == [(2, 0.9), (1, 0.5)]
    assert told["meta"] == {
        "billed_units": {"search_units": 1, "input_tokens": 30},
        "api_version": {"version": "2"},
        "tokens": {"input_tokens": 30},
    }
    assert "document" not in told["results"][0]
    read = construct_type(type_=V2RerankResponse, object_=told)
    assert (read.id, read.results[0].index, read.meta.billed_units.search_units) == ("r1", 2, 1)


def test_what_nobody_counted_is_not_told():
    assert written()["meta"] == {"billed_units": {}, "api_version": {"version": "2"}}


def test_documents_come_back_to_who_wants_them():
    told = written(return_documents=True)
    assert [each["document"] for each in told["results"]] == [
        {"text": DOCUMENTS[2]},
        DOCUMENTS[1],
        {"text": DOCUMENTS[0]},
    ]
    read = construct_type(type_=RerankResponse, object_=told)
    assert read.results[0].document.text == DOCUMENTS[2]


@pytest.mark.parametrize(
    ("documents", "units"),
    [
        (["a"], 1),
        (["a"] * 100, 1),
        (["a"] * 101, 2),
        (["a" * 999], 1),
        (["a" * 600] * 100, 2),
        (["a" * 10**6] * 100, 9),
    ],
)
def test_long_documents_count_as_several(documents, units):
    assert read_rerank(body(documents=documents)).most_units == units


def test_errors_are_told_to_clients_of_cohere_and_of_openai():
    fault = Fault(400, "No.", "invalid_request_error", "query", "invalid_value", "req_1")
    told = json.loads(COHERE.body(fault))
    assert (told["message"], told["id"]) == ("No.", "req_1")
    assert told["error"] == {
        "message": "No.",
        "type": "invalid_request_error",
        "param": "query",
        "code": "invalid_value",
    }
    assert COHERE.event(fault) == b"event: error\ndata: " + COHERE.body(fault) + b"\n\n"
