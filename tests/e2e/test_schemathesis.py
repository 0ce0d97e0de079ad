"""The gateway keeps what its own description promises, whatever is asked of it."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.e2e.gateway import Gateway, token

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BOUNDED = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def described(gateway: Gateway) -> Any:
    """The gateway's description, its models narrowed down to a quick one."""
    document = gateway.get("/openapi.json").json
    for path in document["paths"].values():
        for body in path.get("post", {}).get("requestBody", {}).get("content", {}).values():
            body["schema"]["properties"]["model"]["enum"] = ["echo"]
    return document


def test_the_description_holds_together(gateway: Gateway) -> None:
    from_dict(gateway.get("/openapi.json").json).validate()


def statuses_of(gateway: Gateway, method: str, path: str, mode: GenerationMode) -> Counter[int]:
    """The statuses of many replies, each of them as the description has it."""
    operation = from_dict(described(gateway))[path][method]
    statuses: Counter[int] = Counter()

    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        reply = case.call(base_url=gateway.url, headers={"Authorization": f"Bearer {token()}"})
        case.validate_response(reply, checks=CHECKS)
        statuses[reply.status_code] += 1

    ask()
    return statuses


@pytest.mark.parametrize("path", ["/images/variations", "/v1/images/variations"])
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
def test_replies_are_as_described(gateway: Gateway, path: str, mode: GenerationMode) -> None:
    assert statuses_of(gateway, "POST", path, mode)[200 if mode.is_positive else 400]


@pytest.mark.parametrize(("path", "status"), [("/v1/models", 200), ("/v1/models/{model}", 404)])
def test_models_are_as_described(gateway: Gateway, path: str, status: int) -> None:
    assert statuses_of(gateway, "GET", path, GenerationMode.POSITIVE).keys() == {status}
