import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.core.errors import (
    Filtered,
    InvalidRequest,
    TooLarge,
    ToranaError,
    UpstreamAuth,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from torana.dialects.openai_language import decode_language_fault, fault_inside
from torana.dialects.openai_language.errors import empty
from torana.dialects.steps import Received


def fault(status, body, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode_language_fault(Received(status, headers, data))


def error(**members):
    return {"error": {"message": "Wrong.", "type": "invalid_request_error", "param": None, "code": None} | members}


LONG = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."


@pytest.mark.parametrize(
    ("status", "body", "message", "param", "code"),
    [
        (400, error(param="temperature", code="unsupported_value"), "Wrong.", "temperature", "unsupported_value"),
        (422, error(), "Wrong.", None, "invalid_value"),
        (400, error(message=LONG, param="messages"), LONG, "messages", "context_length_exceeded"),
        (400, error(message=LONG, code="context_length_exceeded"), LONG, None, "context_length_exceeded"),
        (400, error(code="invalid_prompt"), "Wrong.", None, "invalid_prompt"),
        (400, {"object": "error", "message": "Wrong.", "type": "BadRequestError", "param": None, "code": 400},
         "Wrong.", None, "invalid_value"),
        (400, {"error": "Wrong."}, "Wrong.", None, "invalid_value"),
        (400, {"code": "Client specified an invalid argument", "error": "Wrong."}, "Wrong.", None,
         "Client specified an invalid argument"),
        (422, {"detail": "Wrong."}, "Wrong.", None, "invalid_value"),
        (422, {"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "field required", "type": "missing"}]},
         "Invalid value for 'messages[0].role': field required", "messages[0].role", "invalid_value"),
        (422, {"object": "error", "message": {"detail": [{"loc": ["body", "n"], "msg": "too many"}]}},
         "Invalid value for 'n': too many", "n", "invalid_value"),
        (400, [{"error": {"code": 400, "message": "Wrong.", "status": "INVALID_ARGUMENT"}}], "Wrong.", None,
         "invalid_value"),
        (400, {"errors": [{"message": "Wrong.", "code": 5007}], "success": False}, "Wrong.", None, "invalid_value"),
        (400, error(message="a\x00b" + "c" * 2000), "a b" + "c" * 997, None, "invalid_value"),
    ],
)  # fmt: skip
def test_what_was_asked_wrongly_is_the_callers_in_the_upstreams_words(status, body, message, param, code):
    found = fault(status, body)
    assert type(found) is InvalidRequest
    assert (found.message, found.param, found.code, found.upstream_status) == (message, param, code, status)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, error(code="invalid_api_key"), UpstreamAuth),
        (403, error(), UpstreamAuth),
        (400, error(message="API key not valid. Please pass a valid API key."), UpstreamAuth),
        (404, error(code="model_not_found", param="model"), UpstreamRejected),
        (400, error(code="model_not_found"), UpstreamRejected),
        (400, error(param="stream_options"), UpstreamRejected),
        (400, error(param="model"), UpstreamRejected),
        (400, b"<html>", UpstreamRejected),
        (400, {}, UpstreamRejected),
        (402, error(), UpstreamRejected),
        (429, error(code="insufficient_quota"), UpstreamRejected),
        (400, error(message="Your credit balance is too low to access the API."), UpstreamRejected),
        (409, error(), UpstreamRejected),
        (413, error(), TooLarge),
        (408, error(), UpstreamTimeout),
        (504, b"", UpstreamTimeout),
        (429, error(code="rate_limit_exceeded"), UpstreamRateLimited),
        (498, error(), UpstreamRateLimited),
        (500, error(), UpstreamError),
        (529, error(type="overloaded_error"), UpstreamError),
        (400, error(code="tool_use_failed"), UpstreamError),
        (400, error(code="content_filter", param="prompt", innererror={}), Filtered),
        (400, error(code=None, innererror={"code": "ResponsibleAIPolicyViolation"}), Filtered),
        (400, error(code="content_policy_violation"), Filtered),
        (403, error(code=403, metadata={"reasons": ["violence"], "flagged_input": "..."}), Filtered),
        (500, error(code="content_filter"), UpstreamError),
    ],
)
def test_the_kind_of_an_error(status, body, kind):
    found = fault(status, body)
    assert type(found) is kind
    assert found.upstream_status == status


def test_what_is_not_the_callers_shows_him_nothing_of_the_upstreams():
    for status in (401, 402, 403, 404, 409, 429, 500, 503):
        assert "secret" not in fault(status, error(message="org-secret")).message


def test_the_wait_that_an_upstream_asks_for_is_bounded():
    assert fault(429, error(), **{"retry-after": "7"}).retry_after == 7
    assert fault(503, error(), **{"retry-after": "7000"}).retry_after == 60


def test_a_quota_that_is_used_up_is_told_from_a_rate():
    assert fault(429, error(code="insufficient_quota")).code == "insufficient_quota"
    assert fault(429, error(type="insufficient_quota")).code == "insufficient_quota"


@pytest.mark.parametrize(
    ("inside", "kind", "status"),
    [
        ({"code": 429, "message": "Slow down."}, UpstreamRateLimited, 429),
        ({"code": "503", "message": "No."}, UpstreamError, 503),
        ({"message": "Wrong.", "type": "invalid_request_error"}, InvalidRequest, 400),
        ({"message": "Later.", "type": "rate_limit_exceeded"}, UpstreamRateLimited, 429),
        ({"message": "No.", "code": "insufficient_quota"}, UpstreamRejected, 502),
        ({"message": "No.", "type": "server_error"}, UpstreamError, 502),
        ("No.", UpstreamError, 502),
        (True, UpstreamError, 502),
    ],
)
def test_errors_inside_a_success(inside, kind, status):
    found = fault_inside(inside)
    assert type(found) is kind
    assert found.upstream_status == status


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["error", "errors", "message", "code", "type", "param", "detail", "loc", "msg", "status",
                         "metadata", "innererror"]), inner),
)  # fmt: skip


@given(st.sampled_from([400, 401, 422, 429, 500]), JSON)
def test_no_reply_is_beyond_understanding(status, body):
    assert isinstance(fault(status, body), ToranaError)
    assert isinstance(fault_inside(body), ToranaError)


def test_an_answer_with_nothing_in_it():
    assert (empty().code, empty().retryable) == ("upstream_empty_reply", True)


def test_depth_does_no_harm():
    deep = b'{"detail":' * 5000 + b"1" + b"}" * 5000
    assert type(fault(400, deep)) is UpstreamRejected
