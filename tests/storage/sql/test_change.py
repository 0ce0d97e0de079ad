import pytest
from sqlalchemy.exc import IntegrityError

from torana.core.registry import Key, Registry, Subject, Team
from torana.storage.sql.change import Actor

ROOT = Actor("local:root", "command line")
ANNA = Subject("user", "anna", ("design", "web"), ("auditor",), created=5.0)
CAP = {"name": "cap", "limit": "10.00", "every": "day", "when": {"teams": ["design"]}}


def made(made_as: str, **values) -> Key:
    return Key(made_as, f"digest of {made_as}", "user", "anna", **values)


def test_what_is_not_there_is_none(registers):
    assert registers.key("sk-1") is None
    assert registers.subject("user", "anna") is None
    assert registers.team("design") is None
    assert registers.rule("grant", "all") is None
    with registers.change(ROOT) as change:
        assert not change.delete_subject("user", "anna")
        assert not change.delete_team("design")
        assert not change.delete_rule("grant", "all")
        with pytest.raises(LookupError, match="no key 'sk-1'"):
            change.put_key(made("sk-1"), "revoke")
    assert (registers.revision(), registers.audit()) == (0, [])


def test_every_change_is_written_down(registers, clock):
    with registers.change(Actor("user:anna", "10.0.0.7")) as change:
        change.put_team(Team("web", "old"))
        change.put_key(made("sk-1"), "create")
    clock.advance(1)
    with registers.change(ROOT) as change:
        change.put_team(Team("web", "new"))
        change.put_key(made("sk-1", revoked=clock.now()), "revoke")
        change.delete_team("web")
    entries = registers.audit()
    assert [(each.action, each.kind, each.name, each.actor) for each in entries] == [
        ("delete", "team", "web", "local:root"),
        ("revoke", "key", "sk-1", "local:root"),
        ("change", "team", "web", "local:root"),
        ("create", "key", "sk-1", "user:anna"),
        ("create", "team", "web", "user:anna"),
    ]
    assert entries[2].before == {"name": "web", "description": "old", "created": 0.0}
    assert entries[2].after == {"name": "web", "description": "new", "created": 0.0}
    assert (entries[0].after, entries[4].before) == (None, None)
    assert (entries[4].origin, entries[4].at, entries[0].at) == ("10.0.0.7", clock.now() - 1, clock.now())
    assert entries[1].before is not None
    assert entries[1].after == entries[1].before | {"revoked": clock.now()}
    assert "digest" not in str(entries)
    assert registers.revision() == 2


def test_what_changes_nothing_leaves_no_trace(registers):
    for _ in range(2):
        with registers.change(ROOT) as change:
            change.put_key(made("sk-1"), "create" if change.key("sk-1") is None else "change")
            change.put_subject(ANNA)
            change.put_team(Team("web"))
            change.put_rule("budget", CAP)
    assert (registers.revision(), len(registers.audit())) == (1, 4)


def test_a_new_digest_is_a_change(registers):
    with registers.change(ROOT) as change:
        change.put_key(made("sk-1"), "create")
    with registers.change(ROOT) as change:
        change.put_key(Key("sk-1", "another", "user", "anna"), "rotate")
    assert (registers.revision(), registers.audit()[0].action) == (2, "rotate")


@pytest.mark.parametrize("again", [made("sk-1", name="other"), Key("sk-2", "digest of sk-1", "user", "bob")])
def test_a_key_is_never_made_twice(registers, again):
    with registers.change(ROOT) as change:
        change.put_key(made("sk-1"), "create")
    with pytest.raises(IntegrityError), registers.change(ROOT) as change:
        change.put_key(again, "create")
    assert (registers.keys(), registers.revision()) == ([made("sk-1")], 1)


def test_a_team_that_is_gone_has_no_members(registers):
    with registers.change(ROOT) as change:
        change.put_team(Team("web"))
        change.put_subject(ANNA)
        change.put_subject(Subject("service_account", "deploy", ("webs",)))
    with registers.change(ROOT) as change:
        assert change.delete_team("web")
    assert [each.teams for each in registers.registry().subjects] == [("webs",), ("design",)]
    assert [(each.action, each.name) for each in registers.audit(limit=2)] == [("delete", "web"), ("change", "anna")]


def test_who_and_what_is_deleted_is_gone(registers):
    with registers.change(ROOT) as change:
        change.put_subject(ANNA)
        change.put_rule("budget", CAP)
        change.put_rule("limit", {"name": "cap"})
    with registers.change(ROOT) as change:
        assert change.delete_subject("user", "anna")
        assert change.delete_rule("budget", "cap")
    assert registers.registry() == Registry(revision=2, limits=({"name": "cap"},))
    assert registers.audit(limit=1)[0].before == CAP
