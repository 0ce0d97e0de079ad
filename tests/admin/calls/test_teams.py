from collections.abc import Callable

from tests.admin.kit import House


async def test_made_and_shown_with_its_members(office: House) -> None:
    made = await office.ask("PUT", "teams/design", {"description": "Those who draw."})
    assert made.json == {"name": "design", "description": "Those who draw.", "created": "2027-01-15T08:00:00Z"}
    await office.ask("PUT", "users/anna")
    await office.ask("PUT", "service-accounts/ou=a/cn=b")
    await office.ask("PUT", "teams/design/members/user:anna")
    added = await office.ask("PUT", "teams/design/members/service_account:ou=a/cn=b")
    assert added.json["members"] == ["user:anna", "service_account:ou=a/cn=b"]
    assert (await office.ask("GET", "teams/design")).json == added.json
    removed = await office.ask("DELETE", "teams/design/members/user:anna")
    assert removed.json["members"] == ["service_account:ou=a/cn=b"]
    assert [each["name"] for each in (await office.ask("GET", "teams")).json["data"]] == ["design"]


async def test_twice_is_once(office: House) -> None:
    await office.ask("PUT", "teams/design")
    await office.ask("PUT", "users/anna")
    await office.ask("PUT", "teams/design/members/user:anna")
    revision = office.desk.registers.revision()
    assert (await office.ask("PUT", "teams/design/members/user:anna")).status == 200
    assert (await office.ask("DELETE", "teams/design/members/user:anna")).status == 200
    assert (await office.ask("DELETE", "teams/design/members/user:anna")).status == 200
    assert office.desk.registers.revision() == revision + 1


async def test_taken_away_from_its_members_too(office: House) -> None:
    await office.ask("PUT", "teams/design")
    await office.ask("PUT", "users/anna", {"teams": ["design"]})
    assert (await office.ask("DELETE", "teams/design")).json == {"deleted": "design", "keys_revoked": 0}
    assert (await office.ask("GET", "users/anna")).json["teams"] == []
    assert (await office.ask("DELETE", "teams/design")).problem == (404, "team", "There is no team 'design'.")


async def test_mistakes(office: House) -> None:
    await office.ask("PUT", "teams/design")
    assert (await office.ask("PUT", "teams/design/members/user:ben")).problem[:2] == (404, "member")
    assert (await office.ask("PUT", "teams/design/members/ben")).problem[:2] == (400, "member")
    assert (await office.ask("PUT", "teams/nobody/members/user:ben")).problem[:2] == (404, "team")
    assert (await office.ask("PUT", "teams/a team", {})).problem[:2] == (400, "team")
    assert (await office.ask("PUT", "teams/design", {"members": []})).problem[:2] == (400, "members")


async def test_an_operator_lets_nobody_into_a_team_with_a_role(make: Callable[..., House]) -> None:
    house = make("access: {roles: {admin: ['team:plat*']}}")
    for team in ("platform", "design"):
        await house.ask("PUT", f"teams/{team}")
    await house.ask("PUT", "users/boss", {"teams": ["platform"]})
    await house.ask("PUT", "users/op", {"roles": ["operator"]})
    for method, path in (
        ("PUT", "teams/platform/members/user:op"),
        ("DELETE", "teams/platform/members/user:boss"),
        ("PUT", "teams/design/members/user:boss"),
        ("DELETE", "teams/platform"),
    ):
        assert (await house.ask(method, path, role="operator", who="op")).status == 403, path
    assert (await house.ask("PUT", "teams/design/members/user:op", role="operator", who="op")).status == 200
    assert (await house.ask("DELETE", "teams/design", role="operator", who="op")).status == 200
    assert (await house.ask("GET", "users/boss")).json["teams"] == ["platform"]
