"""Cohere's errors, ``{"message": ...}``, in ours."""

from http import HTTPStatus

from msgspec import Struct

from torana.core.errors import InvalidRequest, ToranaError, UpstreamAuth, UpstreamError
from torana.dialects.openai import decode_error
from torana.dialects.refusals import unpaid
from torana.dialects.steps import Received

_MOST_WORDS = 1000
_CALLERS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
_INVALID_TOKEN = 498
_TOO_LONG = ("too many tokens", "context length", "token limit")


class _Fault(Struct):
    message: str = ""


def decode_fault(received: Received) -> ToranaError:
    """What an error means: of one that is about the request, the upstream's own words reach the caller."""
    error = _fault(received)
    error.upstream_status = received.status
    return error


def _fault(received: Received) -> ToranaError:
    words = _words(received)
    if received.status in _CALLERS and words:
        long = any(sign in words.lower() for sign in _TOO_LONG)
        return InvalidRequest(
            f"The upstream refused the request: {words}", code="context_length_exceeded" if long else "invalid_value"
        )
    if received.status == _INVALID_TOKEN:
        return UpstreamAuth("The upstream did not accept the gateway's credentials.")
    if received.status == HTTPStatus.PAYMENT_REQUIRED:
        return unpaid()
    return decode_error(received.status, received.headers, received.body)


def _words(received: Received) -> str:
    try:
        return received.read(_Fault).message[:_MOST_WORDS]
    except UpstreamError:
        return ""
