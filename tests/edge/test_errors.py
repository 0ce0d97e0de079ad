import inspect
import json

import pytest

from torana.core import errors
from torana.core.errors import (
    BudgetExceeded,
    InvalidRequest,
    LimitExceeded,
    MethodNotAllowed,
    Overloaded,
    ToranaError,
    Unauthenticated,
    UpstreamRateLimited,
)
from torana.edge.errors import render, render_unexpected
from torana.families.faults import OPENAI, Fault
from torana.families.language.messages.wording import WORDING

ID = "req_1"
KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ToranaError)]
TYPES = {
    "invalid_request_error",
    "guardrail_checks_failed",
    "image_generation_user_error",
    "insufficient_quota",
    "rate_limit_error",
    "server_error",
    "timeout",
}


def made(kind: type[ToranaError]) -> ToranaError:
    return MethodNotAllowed("GET", allowed=("POST",)) if kind is MethodNotAllowed else kind("Något gick fel.")


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_openais_four_members(kind):
    error = made(kind)
    rendered = render(error, ID)
    assert rendered.status == kind.status >= 400
    assert ("content-type", "application/json") in rendered.headers
    told = json.loads(rendered.body)
    assert told == {
        "error": {"message": error.message, "type": kind.type, "param": error.param, "code": error.code},
    }
    assert list(told["error"]) == ["message", "type", "param", "code"]
    assert kind.type in TYPES


def test_a_rule_that_refuses_is_named_and_a_spent_budget_is_not_asked_again():
    error = LimitExceeded("Too much.", retry_after=2.1)
    error.rule = "pictures"
    assert {("x-torana-rule", "pictures"), ("retry-after", "3")} <= set(render(error, ID).headers)
    assert "x-should-retry" not in dict(render(error, ID).headers)
    assert ("x-should-retry", "false") in render(BudgetExceeded("Spent."), ID).headers


def test_what_the_raiser_says_is_told():
    error = InvalidRequest("'n' must be a number.", param="n", code="invalid_type", reason="for us alone")
    rendered = render(error, ID)
    assert json.loads(rendered.body)["error"] == {
        "message": "'n' must be a number.",
        "type": "invalid_request_error",
        "param": "n",
        "code": "invalid_type",
    }


def test_a_refused_token_is_told_how_to_come_back():
    assert ("www-authenticate", 'Bearer realm="torana"') in render(
        Unauthenticated("who?", reason="expired"), ID
    ).headers


def test_a_refused_method_is_told_which_are_taken():
    headers = render(MethodNotAllowed("PUT", allowed=("GET", "HEAD")), ID).headers
    assert ("allow", "GET, HEAD") in headers


@pytest.mark.parametrize(("seconds", "header"), [(1, "1"), (1.2, "2"), (0, "0"), (60.0, "60")])
@pytest.mark.parametrize("kind", [Overloaded, UpstreamRateLimited])
def test_a_wait_is_told_in_whole_seconds(kind, seconds, header):
    assert ("retry-after", header) in render(kind("later", retry_after=seconds), ID).headers


@pytest.mark.parametrize("kind", KINDS)
def test_no_error_says_what_is_anothers(kind):
    names = {name for name, _ in render(made(kind), ID).headers}
    expected = {
        Unauthenticated: {"www-authenticate"},
        MethodNotAllowed: {"allow"},
        BudgetExceeded: {"x-should-retry"},
    }
    assert names == {"content-type"} | expected.get(kind, set())


@pytest.mark.parametrize("kind", KINDS)
def test_what_may_have_cost_is_not_to_be_asked_again(kind):
    error = made(kind)
    error.spent = True
    assert ("x-should-retry", "false") in render(error, ID).headers


def test_the_unexpected_says_nothing_but_its_id():
    rendered = render_unexpected("req_1")
    assert (rendered.status, rendered.headers) == (500, (("content-type", "application/json"),))
    (error,) = json.loads(rendered.body).values()
    assert "req_1" in error.pop("message")
    assert error == {"type": "server_error", "param": None, "code": "internal_error"}


WORDINGS = [OPENAI, WORDING]


@pytest.mark.parametrize("wording", WORDINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_worded_as_its_clients_know_it_and_is_otherwise_the_same(kind, wording):
    error = made(kind)
    rendered = render(error, ID, wording)
    fault = Fault(error.status, error.message, error.type, error.param, error.code, ID)
    assert (rendered.body, rendered.event) == (wording.body(fault), wording.event(fault))
    assert rendered.status == kind.status
    own = () if wording is OPENAI else (("request-id", ID),)
    assert set(rendered.headers) == {*render(error, ID).headers, *own}


@pytest.mark.parametrize("wording", WORDINGS)
def test_an_error_can_be_an_event_of_a_stream(wording):
    rendered = render(Overloaded("One\nline."), ID, wording)
    name, data, *rest = rendered.event.split(b"\n")
    assert (name, rest) == (b"event: error", [b"", b""])
    assert json.loads(data.removeprefix(b"data: ")) == json.loads(rendered.body)


@pytest.mark.parametrize("wording", WORDINGS)
def test_what_nobody_foresaw_is_worded_too(wording):
    rendered = render_unexpected(ID, wording)
    assert rendered.status == 500
    message = json.loads(rendered.body)["error"]["message"]
    assert ID in message
