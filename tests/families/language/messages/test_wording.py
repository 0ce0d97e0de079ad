import json

import pytest
from anthropic.types.shared import ErrorResponse

from torana.families.faults import Fault
from torana.families.language.messages.wording import HEARTBEAT, OVERLOADED, WORDING


def told(status: int, code: str | None = None) -> Fault:
    return Fault(status, "No.", "server_error", "model", code, "req-1")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_an_error_is_one_of_its_clients(status: int, kind: str) -> None:
    body = WORDING.body(told(status))
    assert json.loads(body) == {"type": "error", "error": {"type": kind, "message": "No."}, "request_id": "req-1"}
    assert ErrorResponse.model_validate_json(body).error.type == kind


@pytest.mark.parametrize(("status", "kind"), [(405, "invalid_request_error"), (408, "timeout_error"),
                                              (409, "conflict_error"), (413, "request_too_large")])  # fmt: skip
def test_statuses_that_its_clients_have_no_type_for(status: int, kind: str) -> None:
    assert json.loads(WORDING.body(told(status)))["error"]["type"] == kind


def test_an_upstream_that_is_overloaded_is_told_so() -> None:
    assert json.loads(WORDING.body(told(502, OVERLOADED)))["error"]["type"] == "overloaded_error"


def test_an_error_ends_a_stream() -> None:
    name, data, *rest = WORDING.event(told(502)).split(b"\n")
    assert (name, rest) == (b"event: error", [b"", b""])
    assert json.loads(data.removeprefix(b"data: "))["error"]["type"] == "api_error"


def test_its_clients_look_for_the_id_elsewhere_and_know_pings() -> None:
    assert WORDING.request_id == "request-id"
    assert HEARTBEAT == b'event: ping\ndata: {"type": "ping"}\n\n'
