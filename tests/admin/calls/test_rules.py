from collections.abc import Callable
from typing import Any

import pytest

from tests.admin.kit import House
from torana.config.access import Grant
from torana.config.books import Budget
from torana.config.load import from_document
from torana.config.policies import Limit

FILE = """
limits: [{name: bytes-a-day, of: bytes, limit: 1000000, every: 1d}]
budgets: [{name: all, limit: 500.50, per: [team]}]
access: {grants: [{name: everybody, to: [everyone], models: [house]}]}
"""
RULES: list[tuple[str, dict[str, Any], type[Any]]] = [
    ("grants", {"to": ["team:design"], "models": ["house"], "operations": ["images.*"]}, Grant),
    ("limits", {"of": "images", "limit": 20, "every": "1m", "per": ["user"], "when": {"teams": ["design"]}}, Limit),
    ("budgets", {"limit": "0.10", "every": "quarter", "when": {"metadata": {"project": "a: b"}}}, Budget),
]


@pytest.mark.parametrize(("kind", "rule", "shape"), RULES, ids=[kind for kind, _, _ in RULES])
async def test_made_listed_and_taken_away(office: House, kind: str, rule: dict[str, Any], shape: type[Any]) -> None:
    made = await office.ask("PUT", f"{kind}/mine", rule)
    assert made.status == 200, made.body
    assert (made.json["name"], made.json["source"]) == ("mine", "database")
    assert from_document(made.json["rule"], shape) == from_document({"name": "mine", **rule}, shape)
    assert (await office.ask("GET", f"{kind}/mine")).json == made.json
    assert (await office.ask("GET", kind)).json == {"data": [made.json], "next": None}
    registry = office.desk.registers.registry()
    assert [from_document(each, shape).name for each in getattr(registry, kind)] == ["mine"]
    # What was shown can be sent back as it is.
    assert (await office.ask("PUT", f"{kind}/mine", made.json["rule"])).json == made.json
    assert (await office.ask("DELETE", f"{kind}/mine")).json == {"deleted": "mine", "keys_revoked": 0}
    assert (await office.ask("GET", f"{kind}/mine")).problem[:2] == (404, "name")
    assert (await office.ask("DELETE", f"{kind}/mine")).problem[:2] == (404, "name")


@pytest.mark.parametrize(("kind", "name"), [("grants", "everybody"), ("limits", "bytes-a-day"), ("budgets", "all")])
async def test_those_of_the_file_are_only_shown(make: Callable[..., House], kind: str, name: str) -> None:
    house = make(FILE)
    shown = (await house.ask("GET", f"{kind}/{name}")).json
    assert shown["source"] == "file"
    assert (await house.ask("GET", kind)).json["data"] == [shown]
    for method in ("PUT", "DELETE"):
        answer = await house.ask(method, f"{kind}/{name}", shown["rule"])
        assert answer.problem[:2] == (409, "name")
        assert "stands in the configuration file and can only be changed there" in answer.problem[2]


async def test_budgets_of_several_processes_want_counters_that_they_share(make: Callable[..., House]) -> None:
    several = "server: {processes: 2}"
    refused = await make(several).ask("PUT", "budgets/all", {"limit": "5"})
    assert refused.status == 409
    assert "set `counters.valkey` first" in refused.problem[2]
    shared = f"{several}\ncounters: {{valkey: {{env: STORE}}}}"
    assert (await make(shared).ask("PUT", "budgets/all", {"limit": "5"})).status == 200


async def test_the_file_goes_before_the_database(make: Callable[..., House]) -> None:
    await make().ask("PUT", "limits/bytes-a-day", {"of": "requests", "limit": 1})
    (shown,) = (await make(FILE).ask("GET", "limits")).json["data"]
    assert (shown["source"], shown["rule"]["of"]) == ("file", "bytes")


@pytest.mark.parametrize(
    ("kind", "rule", "field", "says"),
    [
        ("limits", {"of": "images"}, "limit", "`limit` is missing."),
        ("limits", {"of": "image", "limit": 1}, "of", "expected one of requests, images, tokens, bytes, concurrent."),
        ("limits", {"of": "images", "limit": 0}, "limit", "whole number"),
        ("limits", {"of": "images", "limit": 1, "evry": 1}, "evry", "no such setting. Did you mean `every`?"),
        ("limits", {"of": "images", "limit": 1, "every": 0}, "every", "must be more than 0."),
        ("limits", {"of": "images", "limit": 10**18}, None, "a limit is 1,000,000,000,000,000 at most"),
        ("limits", {"of": "images", "limit": 1, "every": "0.00001s"}, None, "every 1ms to 3650d"),
        ("limits", {"of": "images", "limit": 1, "when": {"team": []}}, "when.team", "Did you mean `teams`?"),
        ("limits", {"of": "images", "limit": 1, "per": ["colour"]}, "per[0]", "metadata.project"),
        ("limits", {"of": "images", "limit": 1, "name": "other"}, "name", "another name"),
        ("limits", {"of": "images", "limit": 1, "when": {"metadata": {"a": "b\u0000"}}}, None, "invisible"),
        ("budgets", {"limit": -1}, None, "a budget is 0 to 9,000,000 dollars."),
        ("budgets", {"limit": "lots"}, "limit", "500.00"),
        ("grants", {"to": []}, "to", "needs at least 1."),
        ("grants", {"to": ["anna"]}, "to[0]", "user:anna"),
        ("grants", {"to": ["everyone"], "models": "house"}, "models", "expected a list"),
    ],
)
async def test_mistakes_are_those_of_the_file(
    office: House, kind: str, rule: object, field: str | None, says: str
) -> None:
    answer = await office.ask("PUT", f"{kind}/mine", rule)
    assert answer.status == 400, answer.body
    assert field is None or answer.problem[1] == field
    assert says in answer.problem[2]
    assert (await office.ask("GET", kind)).json["data"] == []


async def test_every_mistake_is_told(office: House) -> None:
    answer = await office.ask("PUT", "limits/mine", {"of": "image", "limit": "many"})
    assert "of: " in answer.problem[2]
    assert "limit: " in answer.problem[2]


@pytest.mark.parametrize("name", ["a b", "a/b", "ä", "x" * 65])
async def test_names_that_rules_cannot_have(office: House, name: str) -> None:
    assert (await office.ask("PUT", f"limits/{name}", {"of": "images", "limit": 1})).status in {400, 404}
    assert (await office.ask("GET", "limits")).json["data"] == []


async def test_a_rule_has_its_size(office: House) -> None:
    rule = {"of": "images", "limit": 1, "when": {"users": ["x" * 100] * 1000}}
    assert (await office.ask("PUT", "limits/mine", rule)).status == 413


@pytest.mark.parametrize("depth", [20, 40, 500, 900, 980, 990, 1000, 2000])
async def test_a_rule_that_goes_deeper_than_anybody_reads(office: House, depth: int) -> None:
    body = b'{"of": ' + b"[" * depth + b"]" * depth + b"}"
    assert (await office.ask("PUT", "limits/mine", body)).status == 400


@pytest.mark.parametrize("body", [b"[1]", b'"text"', b"7", b"{", b"&a *a", b"\xff"])
async def test_what_is_no_rule(office: House, body: bytes) -> None:
    assert (await office.ask("PUT", "limits/mine", body)).status == 400
