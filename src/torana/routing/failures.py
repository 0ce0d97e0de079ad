"""What a failed attempt means: whether the next target is tried, and whether it speaks against the one that failed."""

from torana.core.errors import (
    AnswerLate,
    CallerError,
    InvalidRequest,
    ToranaError,
    UpstreamAuth,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)

_UPSTREAM_STATUSES = {
    UpstreamAuth: frozenset({401, 403}),
    UpstreamRateLimited: frozenset({429}),
    UpstreamRejected: frozenset({404}),
    UpstreamTimeout: frozenset({408, 504}),
}
"""What the upstream said, or would have said, for each kind of failure that has statuses of its own."""

_OTHER_STATUSES = frozenset({500, 502, 503})
_SAID = frozenset({401, 403, 404, 408, 429, 500, 502, 503, 504})
"""What operators name one by one; an upstream's other answers go by the kind of failure that they are."""
_CALLER_STATUSES = frozenset({400, 413, 422})
"""Statuses that name a caller's mistake; 401, 403, 404, 408 and 429 are an upstream's answer to us."""

_BEYOND = frozenset({"unsupported_parameter", "unsupported_value"})


def falls_back(error: ToranaError, fallback_on: frozenset[int]) -> bool:
    """Whether the next target is tried after this failure.

    A failure is named by the status that our caller would get, or by one that the upstream gives for it. Failures in
    our own house that an upstream may charge for end the walk: nobody pays twice for what we have lost.
    """
    if is_beyond_target(error) or isinstance(error, AnswerLate):
        return True
    if isinstance(error, UpstreamError):
        if error.upstream_status in _SAID:
            return error.upstream_status in fallback_on
        named = _UPSTREAM_STATUSES.get(type(error), _OTHER_STATUSES)
        return not fallback_on.isdisjoint(named | {error.status})
    if isinstance(error, CallerError):
        return error.status in fallback_on & _CALLER_STATUSES
    return error.retryable and not error.spent and error.status in fallback_on


def is_beyond_target(error: ToranaError) -> bool:
    """Whether a target was not even asked, as it knows no such field or value: another may, and nothing was spent."""
    return isinstance(error, InvalidRequest) and error.code in _BEYOND


def speaks_against_target(error: BaseException) -> bool:
    """Whether a target that fails so may fail others too: then it counts for its circuit.

    A refusal does not, whether it is known to be the caller's mistake or not: the target is alive, and no caller may
    close it to all others by sending it odd requests, or by giving it no time.
    """
    return isinstance(error, UpstreamError) and not isinstance(error, UpstreamRejected | AnswerLate)
