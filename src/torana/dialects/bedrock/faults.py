"""Bedrock's errors: their kind is in a header, or is the name of an event; their body has a ``message``."""

from collections.abc import Mapping
from typing import Final

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
from torana.core.exchange import Event
from torana.core.waits import retry_after
from torana.dialects.openai import decode_error
from torana.dialects.refusals import filtered
from torana.dialects.steps import Received

KIND: Final = "x-amzn-errortype"
_MOST_WORDS = 1000
_MAX_RETRY_AFTER = 60.0
_INVALID = "ValidationException"
_BUSY = frozenset({"ThrottlingException", "ModelNotReadyException", "ServiceQuotaExceededException"})
_SHUT = frozenset({
    "AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException",
    "IncompleteSignatureException", "MissingAuthenticationTokenException",
})  # fmt: skip
_LATE = frozenset({"ModelTimeoutException"})
_BROKEN = frozenset({
    "ModelErrorException", "ModelStreamErrorException", "InternalServerException", "ServiceUnavailableException",
})  # fmt: skip
_FILTERED = ("content filter",)
_TOO_LONG = ("too long", "too many input tokens", "maximum context length", "context window", "maximum tokens")
# What only the operator can mend: he names the model.
_MISNAMED = ("model identifier", "on-demand throughput", "inference profile", "model id")


class _Fault(Struct):
    message: str = ""
    Message: str = ""
    originalMessage: str = ""  # noqa: N815 - theirs
    code: str = ""


def decode_fault(received: Received) -> ToranaError:
    """What a reply that is no success means."""
    kind = received.headers.get(KIND, "").partition(":")[0]
    error = _meant(kind, _read(received.body), received.headers)
    if error is None:
        error = decode_error(received.status, received.headers, received.body)
    error.upstream_status = received.status
    return error


def fault_of(event: Event) -> ToranaError:
    """What an event means that ends a stream with an exception."""
    fault = _read(event.data)
    kind = fault.code or event.name
    return _meant(kind[:1].upper() + kind[1:], fault, {}) or UpstreamError("The upstream failed while it answered.")


def is_fault(event: Event) -> bool:
    """Whether an event is an exception, or an error of the framing's own."""
    return event.name == "error" or event.name.endswith("Exception")


def _meant(kind: str, fault: _Fault, headers: Mapping[str, str]) -> ToranaError | None:
    words = (fault.message or fault.Message or fault.originalMessage)[:_MOST_WORDS]
    if kind == _INVALID:
        return _invalid(words)
    if kind in _BUSY:
        wait = retry_after(headers)
        return UpstreamRateLimited(
            "The upstream asks to be called less often.",
            retry_after=None if wait is None else min(wait, _MAX_RETRY_AFTER),
        )
    if kind in _SHUT:
        return UpstreamAuth("The upstream did not accept the gateway's credentials.")
    if kind in _LATE:
        return UpstreamTimeout("The upstream did not finish in time.")
    return UpstreamError("The upstream's model failed.") if kind in _BROKEN else None


def _invalid(words: str) -> ToranaError:
    told = words.lower()
    if any(sign in told for sign in _FILTERED):
        return filtered()
    if not words or any(sign in told for sign in _MISNAMED):
        return UpstreamRejected("The upstream refused the request.")
    long = any(sign in told for sign in _TOO_LONG)
    return InvalidRequest(
        f"The upstream refused the request: {words}", code="context_length_exceeded" if long else "invalid_value"
    )


def _read(body: bytes) -> _Fault:
    try:
        return msgspec.json.decode(body, type=_Fault)
    except (ValueError, RecursionError):
        return _Fault()
