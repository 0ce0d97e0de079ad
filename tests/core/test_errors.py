import re

import pytest

from torana.core import errors
from torana.core.errors import (
    CallerError,
    DeadlineExceeded,
    Filtered,
    GuardrailBlocked,
    GuardrailFailed,
    InvalidImage,
    InvalidRequest,
    KeyReused,
    KeysUnknown,
    LimitExceeded,
    LimitsUnknown,
    MethodNotAllowed,
    ModelNotFound,
    Moderated,
    OfficeUnreachable,
    PriceUnknown,
    RegistersUnavailable,
    ToranaError,
    Unauthenticated,
    Unwritable,
    UpstreamRateLimited,
    WorkFailed,
)

_BRANCH = re.compile(r"([│├└─ ]*)([A-Z]\w+) *(\d{3})?")

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ToranaError)]
ANSWERS = [kind for kind in KINDS if kind not in {ToranaError, CallerError}]
WITH_MESSAGE = [kind for kind in KINDS if kind is not MethodNotAllowed]


def test_the_tree_in_the_docstring_is_the_tree():
    drawn: set[tuple[str, str, int]] = set()
    parents: list[str] = []
    picture = (errors.__doc__ or "").split("\n\n")[1]
    for line in picture.splitlines():
        match = _BRANCH.match(line)
        assert match is not None, line
        depth = len(match[1]) // 4
        parents[depth:] = [match[2]]
        if match[3]:
            drawn.add((parents[depth - 1], match[2], int(match[3])))
    assert drawn == {(kind.__bases__[0].__name__, kind.__name__, kind.status) for kind in ANSWERS}


@pytest.mark.parametrize("kind", ANSWERS, ids=lambda kind: kind.__name__)
def test_an_answer_has_an_error_status_and_a_code(kind):
    assert 400 <= kind.status < 600
    assert kind.default_code


@pytest.mark.parametrize("kind", ANSWERS, ids=lambda kind: kind.__name__)
def test_another_target_is_tried_unless_it_could_not_do_better(kind):
    ours = (
        DeadlineExceeded
        | LimitExceeded
        | LimitsUnknown
        | PriceUnknown
        | GuardrailFailed
        | Unwritable
        | KeysUnknown
        | OfficeUnreachable
        | RegistersUnavailable
    )
    hopeless = issubclass(kind, CallerError | ours)
    assert kind.retryable is not hopeless


@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, CallerError)], ids=lambda k: k.__name__)
def test_what_a_caller_can_mend_is_a_4xx(kind):
    assert 400 <= kind.status < 500
    own = {Moderated: "image_generation_user_error", GuardrailBlocked: "guardrail_checks_failed"}
    assert kind.type == own.get(kind, "invalid_request_error")


@pytest.mark.parametrize("kind", WITH_MESSAGE, ids=lambda kind: kind.__name__)
def test_the_message_is_the_callers_to_read(kind):
    error = kind("What is wrong.")
    assert error.message == str(error) == "What is wrong."
    assert error.code == kind.default_code
    assert (error.retry_after, error.reason) == (None, None)


def test_what_is_given_stays():
    error = UpstreamRateLimited("Wait.", param="n", code="slow_down", retry_after=1.5, reason="busy")
    assert (error.param, error.code, error.retry_after, error.reason) == ("n", "slow_down", 1.5, "busy")


@pytest.mark.parametrize(
    ("error", "status", "code", "param"),
    [
        (InvalidRequest("", param="n"), 400, "invalid_value", "n"),
        (InvalidImage(""), 400, "invalid_image", "image"),
        (InvalidImage("", param=None, code="image_too_large"), 400, "image_too_large", None),
        (Moderated(""), 400, "moderation_blocked", None),
        (Filtered(""), 400, "content_filter", None),
        (GuardrailBlocked(""), 400, "guardrail_blocked", None),
        (KeyReused("", param="Idempotency-Key"), 422, "idempotency_key_reused", "Idempotency-Key"),
        (Unauthenticated(""), 401, "invalid_api_key", None),
        (ModelNotFound("", param="model"), 404, "model_not_found", "model"),
        (WorkFailed(""), 500, "internal_error", None),
    ],
)
def test_members_are_those_that_clients_know(error, status, code, param):
    assert (error.status, error.code, error.param) == (status, code, param)


def test_what_is_not_the_callers_has_types_and_codes_that_clients_act_on():
    found = {kind.__name__: (kind.type, kind.default_code) for kind in ANSWERS if not issubclass(kind, CallerError)}
    assert found == {
        "LimitExceeded": ("rate_limit_error", "rate_limit_exceeded"),
        "BudgetExceeded": ("insufficient_quota", "insufficient_quota"),
        "LimitsUnknown": ("server_error", "limits_unavailable"),
        "PriceUnknown": ("invalid_request_error", "price_unknown"),
        "GuardrailFailed": ("server_error", "guardrail_unavailable"),
        "Unwritable": ("server_error", "ledger_unavailable"),
        "KeysUnknown": ("server_error", "keys_unavailable"),
        "OfficeUnreachable": ("server_error", "admin_unavailable"),
        "RegistersUnavailable": ("server_error", "database_unavailable"),
        "Overloaded": ("rate_limit_error", "overloaded"),
        "DeadlineExceeded": ("timeout", "deadline_exceeded"),
        "WorkFailed": ("server_error", "internal_error"),
        "UpstreamError": ("server_error", "upstream_error"),
        "UpstreamRejected": ("server_error", "upstream_rejected"),
        "UpstreamAuth": ("server_error", "upstream_auth"),
        "UpstreamRateLimited": ("rate_limit_error", "rate_limit_exceeded"),
        "UpstreamTimeout": ("timeout", "upstream_timeout"),
        "AnswerLate": ("timeout", "attempt_timeout"),
        "FirstTokenLate": ("timeout", "first_token_timeout"),
        "UpstreamUnreachable": ("server_error", "upstream_unreachable"),
        "UpstreamCut": ("server_error", "upstream_unreachable"),
    }


@pytest.mark.parametrize("kind", ANSWERS, ids=lambda kind: kind.__name__)
def test_nothing_is_spent_until_somebody_says_so(kind):
    assert kind.spent is False


def test_a_wrong_method_is_told_the_right_ones():
    error = MethodNotAllowed("PUT", allowed=("GET", "HEAD"))
    assert error.message == "This path takes GET or HEAD, not PUT."
    assert error.allowed == ("GET", "HEAD")
