from collections.abc import Callable

import pytest

from tests.admin.kit import NOW, House
from torana.auth.virtual_keys import digest, is_virtual_key


async def made(office: House, **given: object) -> dict[str, str]:
    await office.ask("PUT", "users/anna", {})
    answer = await office.ask("POST", "keys", {"owner": "user:anna", **given})
    assert answer.status == 201, answer.body
    key: dict[str, str] = answer.json
    return key


async def test_a_key_is_shown_once(office: House) -> None:
    key = await made(office, name="laptop", models=["house", "lab/*"])
    assert is_virtual_key(key["key"])
    assert key["key"].startswith(key["id"])
    assert key == {
        "id": key["id"], "key": key["key"], "owner": "user:anna", "name": "laptop", "state": "active",
        "created": "2027-01-15T08:00:00Z", "expires": None, "revoked": None, "models": ["house", "lab/*"],
        "successor": None,
    }  # fmt: skip
    kept = office.desk.registers.key(key["id"])
    assert kept is not None
    assert kept.digest == digest(key["key"])
    others = [
        await office.ask("GET", "keys"),
        await office.ask("GET", f"keys/{key['id']}"),
        await office.ask("GET", "audit"),
        await office.ask("POST", f"keys/{key['id']}/revoke"),
    ]
    for other in others:
        assert other.status == 200
        assert key["id"].encode() in other.body
        assert key["key"].encode() not in other.body
        assert kept.digest.encode() not in other.body


async def test_how_long_it_is_good_for(office: House) -> None:
    assert (await made(office, ttl="30d"))["expires"] == "2027-02-14T08:00:00Z"
    assert (await made(office, expires="2027-03-01T00:00:00+01:00"))["expires"] == "2027-02-28T23:00:00Z"
    short = await made(office, ttl=60)
    office.clock.advance(60)
    assert (await office.ask("GET", f"keys/{short['id']}")).json["state"] == "expired"


@pytest.mark.parametrize(
    ("body", "status", "field", "says"),
    [
        ({}, 400, "owner", "The field `owner` is missing."),
        ({"owner": "anna"}, 400, "owner", "like `user:anna` or `service_account:nightly`"),
        ({"owner": "user:ben"}, 404, "owner", "There is no user:ben. Make that entry first: `torana users set ben`."),
        ({"owner": "user:anna", "digest": "00"}, 400, "digest", "There is no field `digest` here."),
        ({"owner": "user:anna", "ttl": "1d", "expires": "2028-01-01T00:00:00Z"}, 400, "ttl", "not both"),
        ({"owner": "user:anna", "expires": "2026-01-01T00:00:00Z"}, 400, "expires", "is past already"),
        ({"owner": "user:anna", "expires": "2028-01-01T00:00:00"}, 400, "expires", "timezone"),
        ({"owner": "user:anna", "ttl": "long"}, 400, "ttl", "a duration such as 30s"),
        ({"owner": "user:anna", "ttl": "900000d"}, 400, "ttl", "100 years at most"),
        ({"owner": "user:anna", "models": [7]}, 400, "models[0]", "Expected `str`"),
        ({"owner": "user:anna", "name": "a\x00b"}, 400, "name", "not of the right form"),
    ],
)
async def test_what_makes_no_key(office: House, body: object, status: int, field: str, says: str) -> None:
    await office.ask("PUT", "users/anna")
    answer = await office.ask("POST", "keys", body)
    assert answer.problem[:2] == (status, field)
    assert says in answer.problem[2]
    assert (await office.ask("GET", "keys")).json["data"] == []


async def test_nobody_gets_a_key_who_is_shut_out(office: House) -> None:
    await office.ask("PUT", "users/anna", {"disabled": True})
    answer = await office.ask("POST", "keys", {"owner": "user:anna"})
    assert answer.problem[:2] == (409, "owner")


async def test_rotated(office: House) -> None:
    old = await made(office, name="laptop", ttl="10d")
    office.clock.advance(86400)
    answer = await office.ask("POST", f"keys/{old['id']}/rotate", {"grace": "2h"})
    new = answer.json
    assert answer.status == 201
    assert (new["owner"], new["name"], new["expires"]) == ("user:anna", "laptop", "2027-01-26T08:00:00Z")
    shown = (await office.ask("GET", f"keys/{old['id']}")).json
    assert (shown["state"], shown["successor"], shown["expires"]) == ("active", new["id"], "2027-01-16T10:00:00Z")
    again = await office.ask("POST", f"keys/{old['id']}/rotate")
    assert again.problem == (409, "id", f"The key {old['id']} was rotated to {new['id']}. Make a new one instead.")
    office.clock.advance(7200)
    assert [key.id for key in office.desk.registers.registry().keys] == [new["id"]]


async def test_no_grace_beyond_its_own_end(office: House) -> None:
    old = await made(office, ttl="1h")
    await office.ask("POST", f"keys/{old['id']}/rotate")
    assert (await office.ask("GET", f"keys/{old['id']}")).json["expires"] == old["expires"]


async def test_no_grace_beyond_all_calendars(office: House) -> None:
    old = await made(office)
    answer = await office.ask("POST", f"keys/{old['id']}/rotate", {"grace": "999999999999999d"})
    assert answer.problem == (400, "grace", "A key that is replaced goes on for 100 years at most.")
    assert (await office.ask("GET", "keys")).json["data"] == [{name: old[name] for name in old if name != "key"}]


async def test_revoked_once_and_for_all(office: House) -> None:
    key = await made(office)
    first = (await office.ask("POST", f"keys/{key['id']}/revoke")).json
    assert (first["state"], first["revoked"]) == ("revoked", "2027-01-15T08:00:00Z")
    office.clock.advance(5)
    revision = office.desk.registers.revision()
    assert (await office.ask("POST", f"keys/{key['id']}/revoke")).json == first
    assert office.desk.registers.revision() == revision
    assert (await office.ask("POST", f"keys/{key['id']}/rotate")).status == 409


async def test_lists_of_one_owner_in_pages(office: House) -> None:
    await office.ask("PUT", "service-accounts/nightly")
    ids = sorted([(await made(office))["id"] for _ in range(3)])
    await office.ask("POST", "keys", {"owner": "service_account:nightly"})
    first = (await office.ask("GET", "keys", owner="user:anna", limit="2")).json
    assert [key["id"] for key in first["data"]] == ids[:2]
    second = (await office.ask("GET", "keys", owner="user:anna", limit="2", after=first["next"])).json
    assert ([key["id"] for key in second["data"]], second["next"]) == (ids[2:], None)
    assert len((await office.ask("GET", "keys")).json["data"]) == 4


async def test_a_key_that_is_not_there(office: House) -> None:
    for method, path in (("GET", "keys/tor_x"), ("POST", "keys/tor_x/rotate"), ("POST", "keys/tor_x/revoke")):
        assert (await office.ask(method, path)).problem == (404, "id", "There is no key tor_x.")


async def test_an_operator_gets_no_key_of_an_admin(make: Callable[..., House]) -> None:
    house = make("access: {roles: {admin: ['team:platform']}}")
    await house.ask("PUT", "teams/platform")
    await house.ask("PUT", "users/boss", {"roles": ["admin"]})
    await house.ask("PUT", "service-accounts/infra", {"teams": ["platform"]})
    await house.ask("PUT", "users/anna")
    for owner in ("user:boss", "service_account:infra"):
        assert (await house.ask("POST", "keys", {"owner": owner}, role="operator")).problem[:2] == (403, None)
        key = (await house.ask("POST", "keys", {"owner": owner})).json
        for change in ("rotate", "revoke"):
            answer = await house.ask("POST", f"keys/{key['id']}/{change}", role="operator")
            assert answer.status == 403
            assert b"tor_" not in answer.body
        assert (await house.ask("GET", f"keys/{key['id']}")).json["state"] == "active"
    assert (await house.ask("POST", "keys", {"owner": "user:anna"}, role="operator")).status == 201


async def test_what_the_audit_log_keeps(office: House) -> None:
    key = await made(office)
    await office.ask("POST", f"keys/{key['id']}/rotate")
    entries = (await office.ask("GET", "audit", kind="key")).json["data"]
    assert [each["action"] for each in entries] == ["rotate", "create", "create"]
    assert {each["actor"] for each in entries} == {"user:admin"}
    assert key["key"] not in str(entries)
    assert "digest" not in str(entries)
    assert entries[-1]["after"]["created"] == NOW
