import re

from torana.admin.routes import EVERY


def test_every_name_in_a_path_is_told_of() -> None:
    for operation in EVERY:
        assert set(re.findall(r"{(\w+)", operation.path)) == set(operation.parameters)


def test_each_has_its_own_place() -> None:
    assert len({(operation.method, operation.path) for operation in EVERY}) == len(EVERY)


def test_the_noun_that_each_is_about() -> None:
    assert {operation.tag for operation in EVERY} == {
        "keys", "users", "service-accounts", "teams", "grants", "limits", "budgets", "ledger", "usage", "audit",
        "explain", "whoami", "openapi.json",
    }  # fmt: skip
