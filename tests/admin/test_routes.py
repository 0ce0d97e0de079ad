import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.admin.kit import House
from torana.admin.operation import Operation
from torana.admin.routes import EVERY
from torana.core.registry import ROLES

RANKS = {role: rank for rank, role in enumerate(reversed(ROLES))}
VALUES = {"member": "user:anna"}
WORDS = "Your key or token does not open this API."


def path_of(operation: Operation[Any, Any]) -> str:
    return re.sub(r"{(\w+)(:path)?}", lambda name: VALUES.get(name[1], "it"), operation.path)


def cases() -> Iterator[Any]:
    for operation in EVERY:
        for role in ROLES:
            yield pytest.param(operation, role, id=f"{operation.method} {operation.path} {role}")


@pytest.mark.parametrize(("operation", "role"), [*cases()])
async def test_every_call_for_every_role(office: House, operation: Operation[Any, Any], role: str) -> None:
    answer = await office.ask(operation.method, path_of(operation), role=role)
    if role == "member":
        assert answer.problem == (403, None, WORDS)
    elif RANKS[role] < RANKS[operation.role]:
        assert answer.problem == (403, None, f"Your role, {role}, may look and not change.")
    else:
        # With nothing in the database and nothing in the body, most have something to complain of.
        assert answer.status in {200, 201, 400, 404}, answer.body
    assert bool(office.desk.registers.audit()) == (RANKS[role] >= RANKS[operation.role] and operation.method == "PUT"
                                                   and answer.status == 200)  # fmt: skip


@pytest.mark.parametrize("operation", EVERY, ids=lambda each: f"{each.method} {each.path}")
async def test_nobody_comes_in_unknown(office: House, operation: Operation[Any, Any]) -> None:
    answer = await office.ask(operation.method, path_of(operation), role="")
    assert answer.problem == (401, None, "No.")


def test_what_changes_anything_is_not_for_those_who_look() -> None:
    assert {each.role for each in EVERY if each.method == "GET"} == {"auditor"}
    assert {each.role for each in EVERY if each.method != "GET"} == {"operator"}


async def test_its_own_description(office: House) -> None:
    described = (await office.ask("GET", "openapi.json")).json
    assert described["openapi"] == "3.1.0"
    assert "/admin/openapi.json" in described["paths"]
