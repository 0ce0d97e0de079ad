import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.core.errors import InvalidRequest
from torana.core.exchange import CacheWish, GuardWish, Wishes
from torana.edge.headers.wishes import Header, credentials, first_within, metadata, wishes

PREFIXES = ["x-torana-", "x-tfy-"]


def sent(**headers: str) -> Header:
    return {name.replace("_", "-"): value for name, value in headers.items()}.get


def only(what: str, value: object, prefix: str = "x-torana-") -> Header:
    return {prefix + what: value if isinstance(value, str) else json.dumps(value)}.get


def refusal(header: Header) -> InvalidRequest | None:
    try:
        wishes(header)
    except InvalidRequest as error:
        return error
    return None


def test_who_says_nothing_wishes_nothing():
    assert wishes(sent()) == Wishes()
    assert first_within(sent()) == math.inf
    assert metadata(sent()) == {}


GOOD = [
    ("provider-name", "openai-main", Wishes(provider="openai-main")),
    ("retry-config", {"attempts": 3}, Wishes(attempts=3)),
    ("retry-config", {"attempts": 1}, Wishes(attempts=1)),
    ("retry-config", {"attempts": 0}, Wishes(attempts=1)),
    ("retry-config", {"onStatusCodes": [429, 503]}, Wishes(on_statuses=frozenset({429, 503}))),
    ("retry-config", {"onStatusCodes": []}, Wishes(on_statuses=frozenset())),
    ("retry-config", {"attempts": 2, "onStatusCodes": [500], "useRetryAfterHeader": True, "delay": 1},
     Wishes(attempts=2, on_statuses=frozenset({500}))),
    ("retry-config", {}, Wishes()),
    ("request-timeout", "1500", Wishes(request_timeout=1.5)),
    ("conversation-id", "chat/42:a", Wishes(conversation="chat/42:a")),
    ("strict-openai", "true", Wishes(strict_openai=True)),
    ("strict-openai", "False", Wishes()),
    ("logging-config", {"enabled": True, "tracing_project_fqn": "a/b"}, Wishes()),
    ("logging-config", {"enabled": False}, Wishes()),
    ("cache-config", {"type": "exact-match"}, Wishes(cache=CacheWish("exact-match"))),
    ("cache-config", {"type": "semantic", "similarity_threshold": 0.9, "ttl": 600, "namespace": "a"},
     Wishes(cache=CacheWish("semantic", 0.9, 600, "a"))),
    ("cache-config", {"type": "exact-match", "ttl": 259_200}, Wishes(cache=CacheWish("exact-match", ttl=259_200))),
    ("guardrails", {"llm_input_guardrails": ["g/pii"], "llm_output_guardrails": ["g/a", "g/b"]},
     Wishes(guards=GuardWish(("g/pii",), ("g/a", "g/b")))),
    ("guardrails", {"input_guardrails": ["a"], "output_guardrails": ["b"], "mcp_tool_pre_invoke_guardrails": ["c"]},
     Wishes(guards=GuardWish(("a",), ("b",)))),
    ("guardrails-scope", "last", Wishes(guards=GuardWish(last_only=True))),
    ("guardrails-scope", "all", Wishes(guards=GuardWish())),
]  # fmt: skip


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(("what", "value", "wished"), GOOD)
def test_what_is_said_is_wished(what, value, wished, prefix):
    assert wishes(only(what, value, prefix)) == wished


BAD = [
    *(("provider-name", value) for value in ("", "a b", "-a", "a" * 65, "a, b")),
    *(("request-timeout", value) for value in ("", "0", "-1", "1.5", "1e3", "1000000000", "soon", "1, 2", "\u0661")),
    *(("conversation-id", value) for value in ("", "a b", "a" * 129, "\xe4")),
    *(("strict-openai", value) for value in ("", "1", "yes", "true, false")),
    *(("guardrails-scope", value) for value in ("", "first", "ALL")),
    *((what, value) for what in ("retry-config", "logging-config", "cache-config", "guardrails")
      for value in ("", "null", "[]", "1", "{", '{"a": NaN}', "[" * 5000)),
    *(("retry-config", value) for value in (
        {"attempts": -1}, {"attempts": 101}, {"attempts": "2"}, {"attempts": 1.5}, {"onStatusCodes": [200]},
        {"onStatusCodes": ["429"]}, {"onStatusCodes": 429}, {"useRetryAfterHeader": "yes"},
        {"onStatusCodes": list(range(400, 465))},
    )),
    ("logging-config", {"enabled": "no"}),
    *(("cache-config", value) for value in (
        {}, {"type": "none"}, {"type": "semantic", "similarity_threshold": 1.1}, {"type": "semantic", "ttl": 0},
        {"type": "exact-match", "ttl": 259_201}, {"type": "exact-match", "namespace": ""},
        {"type": "exact-match", "namespace": "a" * 129},
    )),
    *(("guardrails", value) for value in (
        {"llm_input_guardrails": "a"}, {"llm_input_guardrails": [1]}, {"llm_input_guardrails": [""]},
        {"llm_output_guardrails": ["a"] * 17},
    )),
]  # fmt: skip


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(("what", "value"), BAD)
def test_what_says_nothing_we_know_is_refused_by_the_headers_name(what, value, prefix):
    with pytest.raises(InvalidRequest) as caught:
        wishes(only(what, value, prefix))
    assert caught.value.param == prefix + what
    assert prefix + what in caught.value.message
    assert not value or str(value) not in caught.value.message or len(str(value)) < 4


@given(st.dictionaries(st.sampled_from(sorted({f"{prefix}{what}" for what, *_ in BAD for prefix in PREFIXES})),
                       st.text(max_size=30), max_size=4))  # fmt: skip
def test_whatever_is_said_is_taken_or_refused(headers):
    refused = refusal(headers.get)
    assert refused is None or refused.param in headers


@pytest.mark.parametrize(
    ("value", "wished"),
    [
        ("no-cache", Wishes(afresh=True)),
        ("No-Store", Wishes(unkept=True)),
        ("no-store,  no-cache, max-age=0", Wishes(afresh=True, unkept=True)),
        ("max-age=60, x-no-cache", Wishes()),
        ("", Wishes()),
    ],
)
def test_http_has_words_for_answers_that_were_kept(value, wished):
    assert wishes(sent(cache_control=value)) == wished


def test_our_name_counts_more():
    assert wishes(sent(x_torana_request_timeout="5", x_tfy_request_timeout="rubbish")).request_timeout == 0.005


def test_who_wants_nothing_logged_is_in_no_conversation():
    told = {"x-torana-conversation-id": "c1", "x-torana-logging-config": '{"enabled": false}'}
    assert wishes(told.get).conversation is None


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_time_for_the_first_piece_is_told_in_milliseconds(prefix):
    assert first_within(only("ttft-timeout-ms", "250", prefix)) == 0.25
    with pytest.raises(InvalidRequest) as caught:
        first_within(only("ttft-timeout-ms", "0.25", prefix))
    assert caught.value.param == f"{prefix}ttft-timeout-ms"


@pytest.mark.parametrize("prefix", PREFIXES)
def test_metadata_is_an_object_of_short_texts(prefix):
    assert metadata(only("metadata", {"tier": "gold"}, prefix)) == {"tier": "gold"}
    for wrong in ("", "[]", {"a": 1}, {"a": "b" * 129}, {str(number): "" for number in range(17)}):
        with pytest.raises(InvalidRequest) as caught:
            metadata(only("metadata", wrong, prefix))
        assert caught.value.param == f"{prefix}metadata"


@pytest.mark.parametrize(
    ("headers", "bearer"),
    [
        ({"authorization": "Bearer a"}, "Bearer a"),
        ({"x_api_key": "a"}, "Bearer a"),
        ({"api_key": "a"}, "Bearer a"),
        ({"x_api_key": "a", "api_key": "b"}, "Bearer a"),
        ({"authorization": "Bearer a", "x_api_key": "b"}, "Bearer a"),
        ({"authorization": "Bearer a", "x_tfy_api_key": "b"}, "Bearer b"),
        ({"authorization": "Bearer a", "x_api_key": "c", "x_torana_api_key": "b", "x_tfy_api_key": "d"}, "Bearer b"),
        ({}, None),
    ],
)
def test_whose_call_it_is(headers, bearer):
    assert credentials(sent(**headers)).bearer == bearer


def test_an_empty_header_of_ours_opens_nothing():
    shown = credentials(sent(authorization="Bearer a", x_torana_api_key=""))
    assert shown.authorization is None
    assert shown.bearer == "Bearer "
