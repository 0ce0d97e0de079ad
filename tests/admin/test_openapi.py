from typing import Any

import pytest
from openapi_spec_validator import validate

from torana.admin.openapi import document
from torana.admin.operation import Operation
from torana.admin.routes import EVERY

DOCUMENT: dict[str, Any] = document(EVERY, root="/admin", version="1.2.3")


def described(operation: Operation[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"]["/admin" + operation.path.replace(":path", "")][operation.method.lower()]
    return found


def test_it_is_valid() -> None:
    validate(DOCUMENT)
    assert DOCUMENT["info"]["version"] == "1.2.3"


@pytest.mark.parametrize("operation", EVERY, ids=lambda each: f"{each.method} {each.path}")
def test_every_call_is_in_it(operation: Operation[Any, Any]) -> None:
    found = described(operation)
    assert found["summary"] == operation.summary
    assert str(operation.status) in found["responses"]
    named = {each["name"] for each in found["parameters"] if each["in"] == "path"}
    assert named == set(operation.parameters)
    assert all(f"{{{name}}}" in operation.path.replace(":path", "") for name in named)


def test_there_is_nothing_else_in_it() -> None:
    assert sum(len(calls) for calls in DOCUMENT["paths"].values()) == len(EVERY)
    identifiers = [call["operationId"] for calls in DOCUMENT["paths"].values() for call in calls.values()]
    assert len(set(identifiers)) == len(EVERY)


def test_what_is_said_of_a_parameter_goes_before_what_is_said_of_its_type() -> None:
    (call,) = (each for each in EVERY if each.path == "/usage")
    said = {each["name"]: each["schema"] for each in described(call)["parameters"]}
    assert said["since"]["description"] == "Calls that began then or later."
    assert said["since"]["format"] == "date-time"


def test_patterns_are_portable() -> None:
    assert "\\Z" not in str(DOCUMENT)


def test_what_a_rule_is_made_of_is_what_the_file_has() -> None:
    (call,) = (each for each in EVERY if each.method == "PUT" and each.path == "/limits/{name}")
    body = described(call)["requestBody"]["content"]["application/json"]["schema"]
    limit = DOCUMENT["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    assert set(limit["properties"]) == {"name", "of", "limit", "every", "per", "when", "unavailable"}
    assert "name" not in limit["required"]
    assert limit["additionalProperties"] is False
