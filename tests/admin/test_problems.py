import json

import pytest

from torana.admin.problems import render
from torana.core.errors import Conflict, InvalidRequest, RegistersUnavailable, ToranaError, Unauthenticated


@pytest.mark.parametrize(
    ("error", "status", "headers", "members"),
    [
        (InvalidRequest("Wrong.", param="name"), 400, {}, ("Wrong.", "invalid_request_error", "name", "invalid_value")),
        (Conflict("Taken."), 409, {}, ("Taken.", "invalid_request_error", None, "conflict")),
        (
            Unauthenticated("Who?"), 401, {"www-authenticate": 'Bearer realm="torana"'},
            ("Who?", "invalid_request_error", None, "invalid_api_key"),
        ),
        (
            RegistersUnavailable("Gone.", retry_after=4.2), 503, {"retry-after": "5"},
            ("Gone.", "server_error", None, "database_unavailable"),
        ),
    ],
)  # fmt: skip
def test_errors_as_everywhere_in_the_gateway(
    error: ToranaError, status: int, headers: dict[str, str], members: tuple[str | None, ...]
) -> None:
    rendered = render(error)
    assert (rendered.status, rendered.headers) == (status, headers)
    assert json.loads(rendered.body) == {"error": dict(zip(("message", "type", "param", "code"), members, strict=True))}
