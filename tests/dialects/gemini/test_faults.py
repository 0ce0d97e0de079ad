import json
from typing import Any

import pytest

from torana.core.errors import (
    InvalidRequest,
    ToranaError,
    UpstreamAuth,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from torana.dialects.gemini.faults import Fault, decode_fault
from torana.dialects.steps import Received

INFO = "type.googleapis.com/google.rpc.ErrorInfo"


def said(status: int, name: str = "", message: str = "No.", *details: dict[str, Any], **headers: str) -> ToranaError:
    body = {"error": {"code": status, "message": message, "status": name, "details": list(details)}}
    return decode_fault(Received(status, headers, json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "INVALID_ARGUMENT", InvalidRequest),
        (400, "FAILED_PRECONDITION", UpstreamRejected),
        (401, "UNAUTHENTICATED", UpstreamAuth),
        (403, "PERMISSION_DENIED", UpstreamAuth),
        (404, "NOT_FOUND", UpstreamRejected),
        (429, "RESOURCE_EXHAUSTED", UpstreamRateLimited),
        (499, "CANCELLED", UpstreamRejected),
        (500, "INTERNAL", UpstreamError),
        (503, "UNAVAILABLE", UpstreamError),
        (504, "DEADLINE_EXCEEDED", UpstreamTimeout),
    ],
)
def test_what_each_status_means(status: int, name: str, kind: type[ToranaError]) -> None:
    error = said(status, name)
    assert type(error) is kind
    assert error.upstream_status == status
    assert Fault(status=name).http_status == status


def test_what_the_caller_did_wrong_is_told_in_the_upstreams_words_and_no_more_than_a_thousand_letters() -> None:
    error = said(400, "INVALID_ARGUMENT", 'Unknown name "x". ' + "y" * 2000)
    assert error.message.startswith('The upstream refused the request: Unknown name "x". yyy')
    assert len(error.message) == len("The upstream refused the request: ") + 1000
    assert error.code == "invalid_value"


def test_too_many_words_have_a_code_of_their_own() -> None:
    message = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
    assert said(400, "INVALID_ARGUMENT", message).code == "context_length_exceeded"


def test_a_key_that_is_none_is_not_the_callers() -> None:
    wrong = {"@type": INFO, "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
    assert type(said(400, "INVALID_ARGUMENT", "API key not valid.", wrong)) is UpstreamAuth


@pytest.mark.parametrize(
    ("delay", "headers", "wait"),
    [
        ("34s", {}, 34),
        ("34.07s", {}, 34.07),
        ("600s", {}, 60),
        ("soon", {}, None),
        (None, {}, None),
        ("34s", {"retry-after": "3"}, 3),
        (None, {"retry-after": "900"}, 60),
    ],
)
def test_how_long_to_wait(delay: str | None, headers: dict[str, str], wait: float | None) -> None:
    details: list[dict[str, Any]] = [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay},
        {"violations": [{}]},
    ]
    assert said(429, "RESOURCE_EXHAUSTED", "Quota.", *details, **headers).retry_after == wait


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", b'{"error":"x"}', b'{"error":{"code":"x"}}', b"[" * 9999]
)
def test_what_cannot_be_understood_is_the_upstreams(body: bytes) -> None:
    assert type(decode_fault(Received(400, {}, body))) is UpstreamRejected
    assert type(decode_fault(Received(502, {}, body))) is UpstreamError


def test_an_error_may_be_the_first_of_a_list() -> None:
    body = b'[{"error":{"code":400,"message":"Bad.","status":"INVALID_ARGUMENT"}}]'
    assert decode_fault(Received(400, {}, body)).message == "The upstream refused the request: Bad."
