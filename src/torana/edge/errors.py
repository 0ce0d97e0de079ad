"""Ours become bytes: every error as OpenAI's error object, with the status and headers that clients act on."""

import json
import math
from dataclasses import dataclass

from torana.core.errors import BudgetExceeded, MethodNotAllowed, ToranaError, Unauthenticated

_CHALLENGE = 'Bearer realm="torana"'


@dataclass(frozen=True, slots=True)
class Rendered:
    """An error on its way out."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def render(error: ToranaError) -> Rendered:
    """The answer that an error is."""
    headers = [("content-type", "application/json")]
    if isinstance(error, Unauthenticated):
        headers.append(("www-authenticate", _CHALLENGE))
    if isinstance(error, MethodNotAllowed):
        headers.append(("allow", ", ".join(error.allowed)))
    if error.retry_after is not None:
        headers.append(("retry-after", str(math.ceil(error.retry_after))))
    if error.rule is not None:
        headers.append(("x-torana-rule", error.rule))
    if error.spent or isinstance(error, BudgetExceeded):
        # OpenAI's clients retry by themselves. Whoever asks again after the one may pay twice, after the other in vain.
        headers.append(("x-should-retry", "false"))
    return Rendered(error.status, tuple(headers), error_body(error.message, error.type, error.param, error.code))


def render_unexpected(request_id: str) -> Rendered:
    """The answer to a failure that nobody foresaw: nothing of its inside, and the id to find it by."""
    message = f"The gateway failed to answer this request. Its operator can find it by the id {request_id}."
    body = error_body(message, ToranaError.type, None, "internal_error")
    return Rendered(ToranaError.status, (("content-type", "application/json"),), body)


def error_event(body: bytes) -> bytes:
    """An error's body as the event by which OpenAI's clients know it in a stream."""
    return b"event: error\ndata: %s\n\n" % body


def error_body(message: str, kind: str, param: str | None, code: str | None) -> bytes:
    """OpenAI's error object."""
    return json.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}}).encode()
