import json

import pytest

from torana.core.errors import (
    Filtered,
    InvalidRequest,
    TooLarge,
    UpstreamAuth,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from torana.dialects.anthropic.faults import fault, fault_of_event
from torana.dialects.steps import Received


def body(kind: str, message: str = "No.") -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "r"}).encode()


CASES = [
    (400, "invalid_request_error", "messages: too few", InvalidRequest, "invalid_value"),
    (400, "invalid_request_error", "prompt is too long: 9 > 8", InvalidRequest, "context_length_exceeded"),
    (400, "invalid_request_error", "Output blocked by content filtering policy", Filtered, "content_filter"),
    (400, "invalid_request_error", "Your credit balance is too low", UpstreamRejected, "insufficient_quota"),
    (400, "invalid_request_error", "You have reached your specified API usage limits", UpstreamRejected,
     "insufficient_quota"),
    (401, "authentication_error", "invalid x-api-key", UpstreamAuth, "upstream_auth"),
    (402, "billing_error", "No.", UpstreamRejected, "insufficient_quota"),
    (403, "permission_error", "No.", UpstreamAuth, "upstream_auth"),
    (404, "not_found_error", "model: claude-0", UpstreamRejected, "upstream_rejected"),
    (413, "request_too_large", "No.", TooLarge, "request_too_large"),
    (429, "rate_limit_error", "No.", UpstreamRateLimited, "rate_limit_exceeded"),
    (500, "api_error", "No.", UpstreamError, "upstream_error"),
    (504, "timeout_error", "No.", UpstreamTimeout, "upstream_timeout"),
    (529, "overloaded_error", "Overloaded", UpstreamError, "upstream_overloaded"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "kind", "message", "error", "code"), CASES)
def test_an_error_is_whose_fault_it_is(status: int, kind: str, message: str, error: type[Exception], code: str) -> None:
    alone, amid = fault(Received(status, {}, body(kind, message))), fault_of_event(body(kind, message))
    for meant in (alone, amid):
        assert type(meant) is error
        assert (meant.code, meant.upstream_status) == (code, status)


def test_what_is_wrong_with_the_request_is_passed_on_within_bounds() -> None:
    meant = fault(Received(400, {}, body("invalid_request_error", "max_tokens: 9 > 8" + "!" * 5000)))
    assert meant.message.startswith("max_tokens: 9 > 8!")
    assert len(meant.message) == 1_000


def test_how_long_to_wait_is_passed_on_within_bounds() -> None:
    assert fault(Received(429, {"retry-after": "7"}, b"")).retry_after == 7
    assert fault(Received(429, {"retry-after": "7000"}, b"")).retry_after == 60
    assert fault(Received(429, {}, b"")).retry_after is None


@pytest.mark.parametrize("data", [b"", b"<html>", b"[]", b"\xff", b'{"error": "no"}', b"[" * 5000])
def test_errors_that_make_no_sense(data: bytes) -> None:
    assert type(fault(Received(400, {}, data))) is UpstreamRejected
    assert type(fault(Received(503, {}, data))) is UpstreamError
    assert type(fault_of_event(data)) is UpstreamError
