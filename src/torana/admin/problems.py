"""Errors on their way out: OpenAI's error object, as everywhere in the gateway."""

import math
from dataclasses import dataclass

import msgspec

from torana.core.errors import ToranaError, Unauthenticated
from torana.families.faults import Fault, openai_body

_CHALLENGE = 'Bearer realm="torana"'


class Problem(msgspec.Struct, frozen=True):
    """What is wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorReply(msgspec.Struct, frozen=True):
    """An error, as its reply's body is described."""

    error: Problem


@dataclass(frozen=True, slots=True)
class Rendered:
    """An error as a reply."""

    status: int
    headers: dict[str, str]
    body: bytes


def render(error: ToranaError) -> Rendered:
    """The reply that an error is."""
    headers = {}
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = _CHALLENGE
    if error.retry_after is not None:
        headers["retry-after"] = str(math.ceil(error.retry_after))
    fault = Fault(error.status, error.message, error.type, error.param, error.code, request_id="")
    return Rendered(error.status, headers, openai_body(fault))
