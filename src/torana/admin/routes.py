"""Every call that there is."""

from functools import cache
from importlib.metadata import version
from typing import Any

from torana.admin.calls import books, explain, keys, rules, spending, subjects, teams, whoami
from torana.admin.openapi import document
from torana.admin.operation import Ask, Desk, Operation
from torana.admin.wire import Nothing

ROOT = "/admin"


def description(_desk: Desk, _ask: Ask[Nothing, Nothing]) -> dict[str, Any]:
    """This API's own description."""
    return _described()


@cache
def _described() -> dict[str, Any]:
    # It costs as much as many other calls, and is always the same.
    return document(EVERY, root=ROOT, version=version("torana"))


EVERY: tuple[Operation[Any, Any], ...] = (
    *keys.OPERATIONS,
    *subjects.OPERATIONS,
    *teams.OPERATIONS,
    *rules.OPERATIONS,
    *spending.OPERATIONS,
    *books.OPERATIONS,
    *explain.OPERATIONS,
    *whoami.OPERATIONS,
    Operation("GET", "/openapi.json", "Describe this API", description, dict[str, Any], Nothing, Nothing),
)
