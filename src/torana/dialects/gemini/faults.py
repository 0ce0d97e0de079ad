"""What Google's errors mean for our caller.

Source: ``google.rpc.Status`` with its details, and Google's list of what the Gemini API answers with.
"""

import re
from http import HTTPStatus

import msgspec
from msgspec import Struct

from torana.core.errors import (
    InvalidRequest,
    ToranaError,
    UpstreamAuth,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from torana.core.waits import retry_after
from torana.dialects.steps import Received

_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")
_MAX_DELAY = 60.0
_KEY_REASONS = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED", "ACCESS_TOKEN_EXPIRED"})
_TOO_LONG = re.compile(r"input token count|exceeds the maximum number of tokens|context (length|window)", re.IGNORECASE)
_MOST_WORDS = 1000
_STATUSES = {
    "INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "OUT_OF_RANGE": 400, "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403, "NOT_FOUND": 404, "ABORTED": 409, "ALREADY_EXISTS": 409, "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499, "DATA_LOSS": 500, "INTERNAL": 500, "UNKNOWN": 500, "UNIMPLEMENTED": 501, "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}  # fmt: skip


class Detail(Struct, rename="camel"):
    """One of an error's details, of whatever kind."""

    reason: str | None = None
    retry_delay: str | None = None


class Fault(Struct):
    """An error as Google says it."""

    code: int | None = None
    message: str = ""
    status: str = ""
    details: list[Detail] = []

    @property
    def http_status(self) -> int:
        """Its status, where no reply has one."""
        return self.code or _STATUSES.get(self.status, HTTPStatus.INTERNAL_SERVER_ERROR)


class _Body(Struct):
    error: Fault


def decode_fault(received: Received) -> ToranaError:
    """What a reply that is no success means: an argument that is wrong is the caller's, in the upstream's words."""
    return meant(_fault(received.body), received.status, wait=retry_after(received.headers))


def meant(fault: Fault, status: int, *, wait: float | None = None) -> ToranaError:
    """What an error means that comes with a status, or in the middle of a stream. ``wait`` is in seconds."""
    error = _told(fault, status, wait)
    error.upstream_status = status
    return error


def _told(fault: Fault, status: int, wait: float | None) -> ToranaError:
    refused = status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    if refused or any(detail.reason in _KEY_REASONS for detail in fault.details):
        return UpstreamAuth("The upstream did not accept the gateway's credentials.")
    match status:
        case 400 | 413 | 422 if fault.status in {"INVALID_ARGUMENT", "OUT_OF_RANGE"} and fault.message:
            code = "context_length_exceeded" if _TOO_LONG.search(fault.message) else None
            return InvalidRequest(f"The upstream refused the request: {fault.message[:_MOST_WORDS]}", code=code)
        case 408 | 504:
            return UpstreamTimeout("The upstream did not finish in time.")
        case 429:
            return UpstreamRateLimited(
                "The upstream asks to be called less often.",
                retry_after=_wait(fault) if wait is None else min(wait, _MAX_DELAY),
            )
        case _ if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return UpstreamRejected(f"The upstream refused the request with status {status}.")
        case _:
            return UpstreamError(f"The upstream failed with status {status}.")


def _wait(fault: Fault) -> float | None:
    delays = [_DELAY.fullmatch(detail.retry_delay or "") for detail in fault.details]
    waits = [float(delay[1]) for delay in delays if delay]
    return min(max(waits), _MAX_DELAY) if waits else None


def _fault(body: bytes) -> Fault:
    """The error of a body, which may be the first of a list."""
    try:
        read = msgspec.json.decode(body, type=_Body | list[_Body])
    except (ValueError, RecursionError):
        return Fault()
    if isinstance(read, list):
        return read[0].error if read else Fault()
    return read.error
