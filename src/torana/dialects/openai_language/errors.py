"""What errors of upstreams that speak OpenAI's dialect mean for our caller.

Shapes: OpenAI's error object; an error that is a text; FastAPI's ``detail``; an object or a list of them at the top.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec

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

_LONGEST = 1000
_MAX_RETRY_AFTER = 60.0
_FILTERED = "content_filter"
_MODERATION = frozenset({
    _FILTERED, "content_policy_violation", "moderation_blocked", "responsibleaipolicyviolation", "content_filter_error",
    "data_inspection_failed", "safety",
})  # fmt: skip
_UNPAID = frozenset({
    "insufficient_quota", "billing_hard_limit_reached", "insufficient_balance", "billing_not_active",
    "insufficient_credits", "insufficient_balance_error",
})  # fmt: skip
# What the operator wrote down, and what we ask for ourselves.
_OURS = frozenset({"model", "stream_options", "stream_options.include_usage"})
_OPERATORS = frozenset({"model_not_found", "model_not_available", "deploymentnotfound", "model_decommissioned"})
_MODELS_OWN = frozenset({"tool_use_failed", "json_validate_failed"})
_KEY = re.compile(r"api[ _-]?key|authenticat|unauthorized|credential", re.IGNORECASE)
_CREDIT = re.compile(r"credit balance|insufficient (?:balance|credit|fund)|exceeded your current quota", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"context (?:length|window|size)|maximum context|prompt is too long|too many (?:input )?tokens"
    r"|reduce the length of|input (?:is )?too long|longer than the model",
    re.IGNORECASE,
)
_OVERFLOW = "context_length_exceeded"
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BY_WORD = {
    "invalid_request": HTTPStatus.BAD_REQUEST,
    "authentication": HTTPStatus.UNAUTHORIZED,
    "permission": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "rate_limit": HTTPStatus.TOO_MANY_REQUESTS,
    "overloaded": HTTPStatus.SERVICE_UNAVAILABLE,
    "timeout": HTTPStatus.GATEWAY_TIMEOUT,
}


@dataclass(frozen=True, slots=True)
class _Fault:
    """An error as far as it can be read."""

    message: str = ""
    type: str = ""
    code: str = ""
    param: str | None = None
    status: int | None = None
    """Its own word for the status, where it has one."""
    inner: str = ""
    flagged: bool = False

    @property
    def words(self) -> frozenset[str]:
        """By which it may be known."""
        return frozenset({self.type.lower(), self.code.lower(), self.inner.lower()})


def decode_language_fault(received: Received) -> ToranaError:
    """What a reply that is no success means: what the caller asked wrongly becomes his, in the upstream's words."""
    try:
        fault = _read(msgspec.json.decode(received.body))
    except (ValueError, RecursionError):
        fault = _Fault()
    return _judged(received.status, fault, received.headers)


def fault_inside(error: object, headers: Mapping[str, str] | None = None) -> ToranaError:
    """What an error means that came in a reply, or an event, of success."""
    try:
        fault = _read({"error": error})
    except RecursionError:
        fault = _Fault()
    return _judged(fault.status or _likely(fault), fault, headers or {})


def empty() -> UpstreamError:
    """The upstream says that it succeeded, and says nothing else."""
    return UpstreamError("The upstream answered with nothing in it.", code="upstream_empty_reply")


def _judged(status: int, fault: _Fault, headers: Mapping[str, str]) -> ToranaError:
    error = _operators(status, fault) or _callers(status, fault) or _upstreams(status, headers)
    error.upstream_status = status
    return error


def _operators(status: int, fault: _Fault) -> ToranaError | None:
    """Errors that other words than the status tell, and those that are for the operator to mend."""
    client_error = status < HTTPStatus.INTERNAL_SERVER_ERROR
    if client_error and (fault.words & _MODERATION or fault.flagged):
        code = fault.code if fault.code in _MODERATION else _FILTERED
        return filtered(code)
    if (
        status == HTTPStatus.PAYMENT_REQUIRED
        or fault.words & _UNPAID
        or (client_error and _CREDIT.search(fault.message))
    ):
        return unpaid()
    refused_key = status == HTTPStatus.BAD_REQUEST and fault.param is None and _KEY.search(fault.message)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} or refused_key:
        return UpstreamAuth("The upstream did not accept the gateway's credentials.")
    if fault.words & _OPERATORS:
        return UpstreamRejected("The upstream does not have this model, or not for this account.")
    if fault.words & _MODELS_OWN:
        return UpstreamError(
            "The model's answer was not in the form that was asked for.", code="upstream_invalid_reply"
        )
    return None


def _callers(status: int, fault: _Fault) -> ToranaError | None:
    message = _shown(fault.message)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLarge(message or "The request is larger than the upstream takes.")
    if status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}:
        return None
    if not message or fault.param in _OURS:
        return None
    code = None if not fault.code or fault.code.isdigit() else fault.code
    return InvalidRequest(message, param=fault.param, code=_OVERFLOW if _TOO_LONG.search(message) else code)


def _upstreams(status: int, headers: Mapping[str, str]) -> UpstreamError:
    wait = retry_after(headers)
    later = None if wait is None else min(wait, _MAX_RETRY_AFTER)
    match status:
        case 408 | 504:
            return UpstreamTimeout("The upstream did not finish in time.")
        case 429 | 498:
            return UpstreamRateLimited("The upstream asks to be called less often.", retry_after=later)
        case _ if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return UpstreamRejected(f"The upstream refused the request with status {status}.")
        case _:
            return UpstreamError(f"The upstream failed with status {status}.", retry_after=later)


def _likely(fault: _Fault) -> int:
    """The status that an error would have had."""
    for word, status in _BY_WORD.items():
        if any(word in told for told in fault.words):
            return status
    return HTTPStatus.BAD_GATEWAY


def _shown(message: str) -> str:
    return _UNSEEN.sub(" ", message).strip()[:_LONGEST]


def _read(body: object) -> _Fault:
    if isinstance(body, list):
        return _read(body[0]) if body and isinstance(body[0], dict) else _Fault()
    if not isinstance(body, dict):
        return _Fault()
    match body.get("error", body.get("errors")):
        case str(error):
            # Beside it there may be more: {"code": ..., "error": "..."}.
            return _members({**body, "message": error})
        case dict(error):
            return _members(error)
        case list(errors):
            return _read(errors)
        case _:
            return _detail(body["detail"]) if "detail" in body else _members(body)


def _detail(detail: object) -> _Fault:
    if isinstance(detail, str):
        return _Fault(detail)
    if isinstance(detail, dict):
        return _read(detail)
    first = detail[0] if isinstance(detail, list) and detail else None
    if not isinstance(first, dict):
        return _Fault()
    place = first.get("loc")
    words = [word for word in place if word != "body"] if isinstance(place, list) else []
    param = "".join(f"[{word}]" if isinstance(word, int) else f".{word}" for word in words).lstrip(".")
    told = _text(first.get("msg"))
    return _Fault(f"Invalid value for '{param}': {told}" if param and told else told, param=param or None)


def _members(error: Mapping[str, Any]) -> _Fault:
    message, code = error.get("message"), error.get("code")
    if isinstance(message, dict):
        return _detail(message.get("detail")) if "detail" in message else _members(message)
    inner = error.get("innererror") or error.get("inner_error")
    metadata = error.get("metadata")
    return _Fault(
        message=_text(message),
        type=_text(error.get("type")) or _text(error.get("status")),
        code=_text(code),
        param=_text(error.get("param")) or None,
        status=_status(code) or _status(error.get("status")) or _status(error.get("status_code")),
        inner=_text(inner.get("code")) if isinstance(inner, dict) else "",
        flagged=isinstance(metadata, dict) and "flagged_input" in metadata,
    )


def _status(value: object) -> int | None:
    number = int(value) if isinstance(value, str) and value.isdigit() else value
    is_error = isinstance(number, int) and HTTPStatus.BAD_REQUEST <= number < 600  # noqa: PLR2004 - where statuses end
    return number if is_error and isinstance(number, int) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
