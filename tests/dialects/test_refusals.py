from torana.core.errors import CallerError, UpstreamError
from torana.dialects.refusals import filtered, job_failed, moderated, unpaid


def test_whose_fault_it_is() -> None:
    assert isinstance(moderated(), CallerError)
    assert (moderated().status, moderated().code, moderated().type) == (
        400,
        "moderation_blocked",
        "image_generation_user_error",
    )
    assert isinstance(filtered(), type(moderated()))
    assert (filtered().code, filtered("safety").code, filtered().type) == (
        "content_filter",
        "safety",
        "invalid_request_error",
    )
    assert isinstance(job_failed(), UpstreamError)
    assert (job_failed().status, job_failed().code) == (502, "upstream_job_failed")
    assert (unpaid().status, unpaid().code, unpaid().retryable) == (502, "insufficient_quota", True)
