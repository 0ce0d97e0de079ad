"""Ours become bytes: every error in its family's words, with the status and headers that clients act on."""

import math
from dataclasses import dataclass

from torana.core.errors import BudgetExceeded, MethodNotAllowed, ToranaError, Unauthenticated, WorkFailed
from torana.families.faults import OPENAI, Fault, Wording

_CHALLENGE = 'Bearer realm="torana"'


@dataclass(frozen=True, slots=True)
class Rendered:
    """An error on its way out."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    event: bytes
    """The same, for a stream that it ends."""


def render(error: ToranaError, request_id: str, wording: Wording = OPENAI) -> Rendered:
    """The answer that an error is, as the family's clients know it."""
    headers = [("content-type", "application/json")]
    if wording.request_id != OPENAI.request_id:
        headers.append((wording.request_id, request_id))
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
    fault = Fault(error.status, error.message, error.type, error.param, error.code, request_id, error.beside)
    return Rendered(error.status, tuple(headers), wording.body(fault), wording.event(fault))


def render_unexpected(request_id: str, wording: Wording = OPENAI) -> Rendered:
    """The answer to a failure that nobody foresaw: nothing of its inside, and the id to find it by."""
    message = f"The gateway failed to answer this request. Its operator can find it by the id {request_id}."
    return render(WorkFailed(message), request_id, wording)
