from collections.abc import Callable

import pytest

from tests.admin.kit import House

ROLES = "access: {roles: {admin: ['team:platform', 'user:root'], auditor: ['user:aud*']}}"


async def test_made_changed_and_taken_away(office: House) -> None:
    await office.ask("PUT", "teams/design", {})
    made = await office.ask("PUT", "users/anna", {"teams": ["design"]})
    assert made.json == {
        "kind": "user", "name": "anna", "teams": ["design"], "roles": [], "role": "member", "disabled": False,
        "created": "2027-01-15T08:00:00Z",
    }  # fmt: skip
    changed = await office.ask("PUT", "users/anna", {"disabled": True, "roles": ["auditor"]})
    assert changed.json == {**made.json, "disabled": True, "roles": ["auditor"], "role": "auditor"}
    assert (await office.ask("GET", "users/anna")).json == changed.json
    assert (await office.ask("DELETE", "users/anna")).json == {"deleted": "user:anna", "keys_revoked": 0}
    assert (await office.ask("GET", "users/anna")).problem == (404, "name", "There is no user 'anna'.")


@pytest.mark.parametrize("name", ["anna@example.com", "auth0|7", "ou=a/cn=b", "Anna Müller", "日本"])
async def test_names_as_issuers_have_them(office: House, name: str) -> None:
    assert (await office.ask("PUT", f"service-accounts/{name}")).json["name"] == name
    assert (await office.ask("GET", f"service-accounts/{name}")).status == 200
    assert (await office.ask("GET", f"users/{name}")).status == 404


@pytest.mark.parametrize("name", [" ", "an\u200bna", "\u202eanna", "anna\u00a0", "a" * 257], ids=ascii)
async def test_names_that_no_token_can_have_or_that_look_like_others(office: House, name: str) -> None:
    answer = await office.ask("PUT", f"users/{name}")
    assert answer.problem == (400, "name", "A name has 1 to 256 characters, all of them visible, as in tokens.")
    assert (await office.ask("GET", "users")).json["data"] == []


async def test_lists_in_pages(office: House) -> None:
    for name in ("c", "a", "d", "b", "e"):
        await office.ask("PUT", f"users/{name}")
    first = (await office.ask("GET", "users", limit="2")).json
    assert [each["name"] for each in first["data"]] == ["a", "b"]
    second = (await office.ask("GET", "users", limit="2", after=first["next"])).json
    assert [each["name"] for each in second["data"]] == ["c", "d"]
    last = (await office.ask("GET", "users", limit="2", after=second["next"])).json
    assert ([each["name"] for each in last["data"]], last["next"]) == (["e"], None)


async def test_a_team_that_is_not_there(office: House) -> None:
    answer = await office.ask("PUT", "users/anna", {"teams": ["desing"]})
    assert answer.problem == (400, "teams", "There is no team 'desing'. Make it first: `torana teams set desing`.")
    assert (await office.ask("GET", "users")).json["data"] == []


async def test_with_somebody_go_all_his_keys(office: House) -> None:
    await office.ask("PUT", "users/anna")
    await office.ask("PUT", "users/ben")
    for owner in ("user:anna", "user:anna", "user:ben"):
        assert (await office.ask("POST", "keys", {"owner": owner})).status == 201
    assert (await office.ask("DELETE", "users/anna")).json["keys_revoked"] == 2
    states = {(key["owner"], key["state"]) for key in (await office.ask("GET", "keys")).json["data"]}
    assert states == {("user:anna", "revoked"), ("user:ben", "active")}
    assert [key.owner for key in office.desk.registers.registry().keys] == ["ben"]


async def test_an_operator_makes_nobody_more_than_he_was(make: Callable[..., House]) -> None:
    house = make(ROLES)
    for team in ("platform", "design"):
        await house.ask("PUT", f"teams/{team}")
    await house.ask("PUT", "users/op", {"roles": ["operator"]})
    await house.ask("PUT", "users/eve", {"teams": ["platform"]})
    before = house.desk.registers.revision()
    for name, body in (
        ("op", {"roles": ["admin"]}),
        ("op", {"roles": ["operator", "admin"]}),
        ("op", {"teams": ["platform"]}),
        ("new", {"roles": ["auditor"]}),
        ("new", {"teams": ["platform"]}),
        ("root", {"disabled": True}),
        ("eve", {"teams": []}),
        ("eve", {"disabled": True}),
    ):
        answer = await house.ask("PUT", f"users/{name}", body, role="operator", who="op")
        assert (answer.status, answer.json["error"]["code"]) == (403, "role_too_low"), (name, body)
    for name in ("eve", "op"):
        assert (await house.ask("DELETE", f"users/{name}", role="operator", who="op")).status == 403
    assert house.desk.registers.revision() == before
    assert (await house.ask("PUT", "users/new", {"teams": ["design"]}, role="operator")).status == 200
    assert (await house.ask("PUT", "users/op", {"roles": ["admin"]})).json["role"] == "admin"
