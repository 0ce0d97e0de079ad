import asyncio

import pytest

from torana.core.errors import (
    AnswerLate,
    CallerError,
    DeadlineExceeded,
    FirstTokenLate,
    Forbidden,
    InvalidImage,
    InvalidRequest,
    ModelNotFound,
    Moderated,
    Overloaded,
    SlowSender,
    TooLarge,
    ToranaError,
    Unauthenticated,
    UpstreamAuth,
    UpstreamCut,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
    WorkFailed,
)
from torana.core.exchange import Routing
from torana.routing.failures import falls_back, is_beyond_target, speaks_against_target

USUAL = Routing().fallback_on
UPSTREAM = [
    *(UpstreamError, UpstreamAuth, UpstreamRateLimited, UpstreamRejected, UpstreamTimeout),
    *(UpstreamUnreachable, UpstreamCut),
]
OURS = [Overloaded, WorkFailed]
FINAL = [
    *(CallerError, InvalidRequest, InvalidImage, Moderated, Unauthenticated, Forbidden, ModelNotFound, SlowSender),
    *(TooLarge, DeadlineExceeded, ToranaError),
]


def spent(error: ToranaError) -> ToranaError:
    error.spent = True
    return error


@pytest.mark.parametrize("kind", [*UPSTREAM, *OURS])
def test_as_usual_whatever_went_wrong_behind_us_goes_on(kind):
    assert falls_back(kind("no"), USUAL)


@pytest.mark.parametrize("kind", FINAL)
def test_as_usual_nothing_else_does(kind):
    assert not falls_back(kind("no"), USUAL)


@pytest.mark.parametrize("fallback_on", [USUAL, frozenset()])
def test_what_is_beyond_a_target_is_no_failure_of_the_call(fallback_on):
    beyond = InvalidRequest("This model takes no mask.", param="mask", code="unsupported_parameter")
    assert is_beyond_target(beyond)
    assert falls_back(beyond, fallback_on)
    assert not speaks_against_target(beyond)


@pytest.mark.parametrize("kind", [*UPSTREAM, *OURS, *FINAL])
def test_whatever_else_went_wrong_is_not(kind):
    assert not is_beyond_target(kind("no"))


@pytest.mark.parametrize("kind", [*UPSTREAM, *OURS])
def test_an_operator_may_want_no_fallback(kind):
    assert not falls_back(kind("no"), frozenset())


@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        (401, {UpstreamAuth}),
        (403, {UpstreamAuth}),
        (404, {UpstreamRejected}),
        (408, {UpstreamTimeout}),
        (429, {UpstreamRateLimited, Overloaded}),
        (500, {UpstreamError, UpstreamUnreachable, UpstreamCut, WorkFailed}),
        (502, {UpstreamError, UpstreamUnreachable, UpstreamCut, UpstreamAuth, UpstreamRejected}),
        (503, {UpstreamError, UpstreamUnreachable, UpstreamCut}),
        (504, {UpstreamTimeout}),
        (400, {CallerError, InvalidRequest, InvalidImage, Moderated}),
        (413, {TooLarge}),
    ],
)
def test_what_a_status_names(status, kinds):
    assert {kind for kind in [*UPSTREAM, *OURS, *FINAL] if falls_back(kind("no"), frozenset({status}))} == kinds


@pytest.mark.parametrize("kind", UPSTREAM)
def test_what_an_upstream_may_charge_for_is_tried_elsewhere(kind):
    assert falls_back(spent(kind("no")), USUAL)


@pytest.mark.parametrize("kind", OURS)
def test_what_was_paid_for_and_lost_in_our_own_house_is_not_paid_for_again(kind):
    assert not falls_back(spent(kind("no")), USUAL)


@pytest.mark.parametrize("kind", [kind for kind in UPSTREAM if kind is not UpstreamRejected])
def test_what_may_befall_others_counts_for_the_circuit(kind):
    assert speaks_against_target(kind("no"))


@pytest.mark.parametrize(
    "error",
    [*(kind("no") for kind in [*FINAL, *OURS, UpstreamRejected]), asyncio.CancelledError(), ValueError("a bug")],
    ids=lambda error: type(error).__name__,
)
def test_what_is_a_callers_or_ours_does_not(error):
    assert not speaks_against_target(error)


def said(error: UpstreamError, status: int) -> UpstreamError:
    error.upstream_status = status
    return error


@pytest.mark.parametrize(
    ("error", "named", "goes_on"),
    [
        (said(UpstreamError("no"), 503), {503}, True),
        (said(UpstreamError("no"), 500), {503}, False),
        (said(UpstreamError("no"), 529), {503}, True),
        (said(UpstreamRejected("no"), 402), {404}, True),
        (said(UpstreamRejected("no"), 404), {500}, False),
        (said(UpstreamAuth("no"), 403), {401}, False),
        (said(UpstreamTimeout("no"), 504), {504}, True),
        (UpstreamTimeout("silent"), {504}, True),
    ],
)
def test_what_an_upstream_said_is_taken_by_its_word_where_operators_know_it(error, named, goes_on):
    assert falls_back(error, frozenset(named)) is goes_on


@pytest.mark.parametrize("kind", [AnswerLate, FirstTokenLate])
def test_who_was_given_too_little_time_is_followed_by_the_next_and_not_blamed(kind):
    assert falls_back(spent(kind("no")), frozenset())
    assert not speaks_against_target(kind("no"))
