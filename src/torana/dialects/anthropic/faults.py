"""What this dialect's errors mean for our caller, whether they come alone or end a stream.

Source: Anthropic's API reference, "Errors"; the anthropic Python client 2.12.0.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus

import msgspec
from msgspec import Struct

from torana.core.errors import (
    InvalidRequest,
    TooLarge,
    ToranaError,
    UpstreamAuth,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from torana.core.waits import retry_after
from torana.dialects.refusals import filtered, unpaid
from torana.dialects.steps import Received
from torana.families.language.messages import OVERLOADED

_STATUSES: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_MOST_WORDS = 1_000
_MAX_RETRY_AFTER = 60.0
# Anthropic says so with status 400, of which only its message tells whose fault it is.
_UNPAID = ("credit balance", "usage limits", "spend limit")
_FILTERED = ("content filtering policy",)
_TOO_LONG = ("prompt is too long", "exceed context limit", "context window", "too many total text bytes")
_SERVERS = 500


class _Error(Struct):
    type: str = ""
    message: str = ""


class _Body(Struct):
    error: _Error = msgspec.field(default_factory=_Error)


def fault(reply: Received) -> ToranaError:
    """What a reply that is no success means."""
    try:
        error = msgspec.json.decode(reply.body, type=_Body).error
    except (ValueError, RecursionError):
        error = _Error()
    return _meant(reply.status, error, reply.headers)


def fault_of_event(data: bytes) -> ToranaError:
    """What an event says that ends a stream with an error."""
    try:
        error = msgspec.json.decode(data, type=_Body).error
    except (ValueError, RecursionError):
        error = _Error()
    return _meant(_STATUSES.get(error.type, _SERVERS), error, {})


def _meant(status: int, error: _Error, headers: Mapping[str, str]) -> ToranaError:
    meant = _callers(status, error) or _upstreams(status, error, headers)
    meant.upstream_status = status
    return meant


def _callers(status: int, error: _Error) -> ToranaError | None:
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLarge("The upstream takes no request as large as this.")
    if status not in {400, 422} or not error.type or _says(error, _UNPAID):
        return None
    if _says(error, _FILTERED):
        return filtered()
    code = "context_length_exceeded" if _says(error, _TOO_LONG) else None
    return InvalidRequest(error.message[:_MOST_WORDS] or "The upstream does not accept this request.", code=code)


def _says(error: _Error, words: Iterable[str]) -> bool:
    told = error.message.lower()
    return any(each in told for each in words)


def _upstreams(status: int, error: _Error, headers: Mapping[str, str]) -> UpstreamError:
    if status == HTTPStatus.PAYMENT_REQUIRED or _says(error, _UNPAID):
        return unpaid()
    match status:
        case 401 | 403:
            return UpstreamAuth("The upstream did not accept the gateway's credentials.")
        case 408 | 504:
            return UpstreamTimeout("The upstream did not finish in time.")
        case 429:
            wait = retry_after(headers)
            return UpstreamRateLimited(
                "The upstream asks to be called less often.",
                retry_after=None if wait is None else min(wait, _MAX_RETRY_AFTER),
            )
        case 503 | 529:
            return UpstreamError("The upstream has too much to do.", code=OVERLOADED)
    told = f"with status {status}."
    return (
        UpstreamRejected(f"The upstream refused the request {told}")
        if status < _SERVERS
        else UpstreamError(f"The upstream failed {told}")
    )
