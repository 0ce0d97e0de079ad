import pytest

from torana.core.errors import (
    Filtered,
    InvalidRequest,
    UpstreamAuth,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from torana.dialects.openai_language.responses_failed import ErrorEvent, Failure, failed


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Failure("rate_limit_exceeded"), UpstreamRateLimited),
        (Failure(429), UpstreamRateLimited),
        (Failure("insufficient_quota"), UpstreamRejected),
        (Failure("401"), UpstreamAuth),
        (Failure("vector_store_timeout"), UpstreamTimeout),
        (Failure("server_error"), UpstreamError),
        (Failure(), UpstreamError),
        (Failure("context_length_exceeded", "Too long.", "input"), InvalidRequest),
        (Failure("odd", "No.", type="invalid_request_error"), InvalidRequest),
        (Failure("image_content_policy_violation"), Filtered),
    ],
)
def test_each_failure_is_one_of_ours(failure, kind):
    assert type(failed(failure)) is kind


def test_the_callers_own_is_told_in_the_upstreams_words():
    told = failed(Failure("invalid_prompt", "x" * 2000, "input"))
    assert (len(told.message), told.param, told.code) == (1000, "input", "invalid_prompt")
    assert "secret" not in failed(Failure("server_error", "secret")).message


def test_an_event_says_it_in_one_of_two_ways():
    assert ErrorEvent("a", "b", "c").failure == Failure("a", "b", "c")
    assert ErrorEvent(error=Failure("a")).failure == Failure("a")
