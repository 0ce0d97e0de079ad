"""Everything that can go wrong, as one small tree.

ToranaError
├── CallerError                     the caller's to mend; never tried on another target
│   ├── InvalidRequest      400
│   │   ├── InvalidImage    400     the picture itself
│   │   ├── Moderated       400     refused by an upstream's moderation
│   │   │   └── Filtered    400     and so were words
│   │   └── KeyReused       422     another request under an Idempotency-Key
│   ├── Unauthenticated     401
│   ├── Forbidden           403
│   ├── NotFound            404
│   │   └── ModelNotFound   404
│   ├── MethodNotAllowed    405
│   ├── SlowSender          408
│   ├── GuardrailBlocked    400     a check of the operator's, or of the caller's own, refused it
│   ├── Conflict            409     as things stand, an operator cannot have what he asks for
│   └── TooLarge            413
├── LimitExceeded           429     a limit of the operator's is used up
│   └── BudgetExceeded      429     and so is a budget
├── LimitsUnknown           503     it cannot be told whether it is
├── PriceUnknown            403     nobody knows what the call may cost, and a budget wants to
├── GuardrailFailed         503     a check that must not be passed over could not be made
├── Unwritable              503     the call cannot be written down, and must be
├── KeysUnknown             503     it cannot be told whose key it is
├── OfficeUnreachable       503     the admin API does not answer
├── RegistersUnavailable    503     the database does not
├── Overloaded              429     our own queues are full
├── DeadlineExceeded        504     our own time is up
├── WorkFailed              500     our own work went wrong
└── UpstreamError           502     a failure behind us; the next target may do better
    ├── UpstreamRejected    502     the upstream's 4xx that is not known to be the caller's fault
    ├── UpstreamAuth        502     our credentials there
    ├── UpstreamRateLimited 429
    ├── UpstreamTimeout     504
    │   └── AnswerLate      504     it took longer than the caller gave it
    │       └── FirstTokenLate 408  until it began to answer
    └── UpstreamUnreachable 502
        └── UpstreamCut     502     the connection broke after the request was under way

Two seams: foreign errors become these in ``upstream``, these become bytes in ``edge/errors``. The wire's four members
(``message``, ``type``, ``param``, ``code``) are OpenAI's; every message here may be shown to the caller.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar


class ToranaError(Exception):
    """An error with an answer: a status, OpenAI's four members, and whether another target may be tried.

    ``retry_after`` is in seconds. ``reason`` is one word for logs and metrics; it never reaches the caller.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    default_code: ClassVar[str | None] = None
    retryable: ClassVar[bool] = False

    spent = False
    """Whether an upstream may charge for what was done before it went wrong; clients are told not to ask again."""

    upstream_status: int | None = None
    """What the upstream answered with, where it answered; never shown to the caller."""

    rule: str | None = None
    """The limit, budget, grant or guardrail that refused the call."""

    beside: Mapping[str, object] = MappingProxyType({})
    """What the answer has beside the error, as its clients know it."""

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code or self.default_code
        self.retry_after = retry_after
        self.reason = reason


class CallerError(ToranaError):
    """The caller's to mend."""

    status = 400
    type = "invalid_request_error"


class InvalidRequest(CallerError):
    """A request that breaks the contract; ``param`` names the field."""

    default_code = "invalid_value"


class InvalidImage(InvalidRequest):
    """Bytes that are no picture we can take; ``code`` is one of OpenAI's image codes."""

    default_code = "invalid_image"

    def __init__(self, message: str, *, param: str | None = "image", code: str | None = None) -> None:
        super().__init__(message, param=param, code=code)


class Moderated(InvalidRequest):
    """An upstream's moderation refused the picture or what came of it."""

    type = "image_generation_user_error"
    default_code = "moderation_blocked"


class Filtered(Moderated):
    """So was what somebody said, or what a model would have said to it."""

    type = InvalidRequest.type
    default_code = "content_filter"


class KeyReused(InvalidRequest):
    """An ``Idempotency-Key`` that belongs to another request of the same caller."""

    status = 422
    default_code = "idempotency_key_reused"


class Unauthenticated(CallerError):
    """No token, or none that we accept. One message for all of them: it helps and reveals nothing."""

    status = 401
    default_code = "invalid_api_key"


class Forbidden(CallerError):
    """A known caller asks for what he may not have."""

    status = 403
    default_code = "model_not_allowed"


class NotFound(CallerError):
    """No such thing here."""

    status = 404
    default_code = "not_found"


class ModelNotFound(NotFound):
    """No model of that name."""

    default_code = "model_not_found"


class MethodNotAllowed(CallerError):
    """The path is known, the method is not."""

    status = 405
    default_code = "method_not_allowed"

    def __init__(self, method: str, *, allowed: tuple[str, ...]) -> None:
        super().__init__(f"This path takes {' or '.join(allowed)}, not {method}.")
        self.allowed = allowed


class SlowSender(CallerError):
    """The body came too slowly, or stopped coming."""

    status = 408
    default_code = "request_timeout"


class GuardrailBlocked(CallerError):
    """A guardrail refused what was asked, or what was answered; the message has nothing of it."""

    type = "guardrail_checks_failed"
    default_code = "guardrail_blocked"


class Conflict(CallerError):
    """What an operator asks for is not to be had as things stand."""

    status = 409
    default_code = "conflict"


class TooLarge(CallerError):
    """More bytes or parts than a setting allows."""

    status = 413
    default_code = "request_too_large"


class LimitExceeded(ToranaError):
    """A limit that the operator set is used up; no other target would change that."""

    status = 429
    type = "rate_limit_error"
    default_code = "rate_limit_exceeded"


class LimitsUnknown(ToranaError):
    """The counters fail, and a limit is such that nobody passes then."""

    status = 503
    default_code = "limits_unavailable"


class BudgetExceeded(LimitExceeded):
    """A budget that the operator set would be overspent; it is whole again in the next period."""

    type = "insufficient_quota"
    default_code = "insufficient_quota"


class PriceUnknown(ToranaError):
    """Nobody knows what the call may cost, and a budget admits only what it can count."""

    status = 403
    type = "invalid_request_error"
    default_code = "price_unknown"


class GuardrailFailed(ToranaError):
    """A guardrail could not be asked, and the operator lets nothing pass unchecked."""

    status = 503
    default_code = "guardrail_unavailable"


class Unwritable(ToranaError):
    """The call cannot be written down, and the operator wants none that is not."""

    status = 503
    default_code = "ledger_unavailable"


class KeysUnknown(ToranaError):
    """The gateway has not learnt yet which keys there are."""

    status = 503
    default_code = "keys_unavailable"


class OfficeUnreachable(ToranaError):
    """The process that has the database does not answer; calls are served all the same."""

    status = 503
    default_code = "admin_unavailable"


class RegistersUnavailable(ToranaError):
    """The database cannot be reached; nothing was changed."""

    status = 503
    default_code = "database_unavailable"


class Overloaded(ToranaError):
    """Our own queues are full; ``retry_after`` says when to come back, in seconds."""

    status = 429
    type = "rate_limit_error"
    default_code = "overloaded"
    retryable = True


class DeadlineExceeded(ToranaError):
    """Our own time for the call is up."""

    status = 504
    type = "timeout"
    default_code = "deadline_exceeded"


class WorkFailed(ToranaError):
    """Work of our own went wrong. The message says nothing of its inside."""

    default_code = "internal_error"
    retryable = True


class UpstreamError(ToranaError):
    """A failure behind us: the next target may do better."""

    status = 502
    default_code = "upstream_error"
    retryable = True


class UpstreamRejected(UpstreamError):
    """The upstream refused a call, and nothing shows that the caller could have known."""

    default_code = "upstream_rejected"


class UpstreamAuth(UpstreamError):
    """The upstream refused our credentials: the operator's to mend, never the caller's."""

    default_code = "upstream_auth"


class UpstreamRateLimited(UpstreamError):
    """The upstream asks us to wait."""

    status = 429
    type = "rate_limit_error"
    default_code = "rate_limit_exceeded"


class UpstreamTimeout(UpstreamError):
    """The upstream did not answer in time."""

    status = 504
    type = "timeout"
    default_code = "upstream_timeout"


class AnswerLate(UpstreamTimeout):
    """The upstream took longer than the caller gave it, which says nothing against it; another may be quicker."""

    default_code = "attempt_timeout"


class FirstTokenLate(AnswerLate):
    """The upstream did not begin to answer within the time that the caller gave it for that."""

    status = 408
    default_code = "first_token_timeout"


class UpstreamUnreachable(UpstreamError):
    """No connection: nothing was sent."""

    default_code = "upstream_unreachable"


class UpstreamCut(UpstreamUnreachable):
    """The connection broke after the request was under way: nobody can say whether the work was done."""
