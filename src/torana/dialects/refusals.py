"""What upstreams refuse in words of their own, in ours: the same words whoever it was."""

from torana.core.errors import Filtered, Moderated, UpstreamError, UpstreamRejected


def moderated() -> Moderated:
    """The upstream's moderation refused the picture, its prompt, or what came of them."""
    return Moderated("The request was rejected by the upstream's safety system.")


def filtered(code: str | None = None) -> Filtered:
    """The upstream's moderation refused what was said, or what it would have said."""
    return Filtered("The request was rejected by the upstream's safety system.", code=code)


def job_failed() -> UpstreamError:
    """A job that was accepted came to nothing."""
    return UpstreamError("The upstream's job failed.", code="upstream_job_failed")


def unpaid() -> UpstreamRejected:
    """The operator's account there is used up: his to mend, and no reason to ask again."""
    return UpstreamRejected("The account at the upstream has no credit left.", code="insufficient_quota")
