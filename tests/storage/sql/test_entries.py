from sqlalchemy import event, insert

from torana.core.registry import Key, Registry, Subject, Team
from torana.storage.sql.change import Actor
from torana.storage.sql.tables import keys

ROOT = Actor("local:root", "command line")
ANNA = Subject("user", "anna", ("design", "web"), ("auditor",), created=5.0)
CAP = {"name": "cap", "limit": "10.00", "every": "day", "when": {"teams": ["design"]}}


def made(made_as: str, **values) -> Key:
    return Key(made_as, f"digest of {made_as}", "user", "anna", **values)


def test_what_is_put_is_there(registers):
    full = made("sk-1", name="mine", created=1.5, expires=2e9, models=("flux-*", "é"), successor="sk-2")
    with registers.change(ROOT) as change:
        change.put_key(full, "create")
        change.put_subject(ANNA)
        change.put_team(Team("design", "they draw", 4.0))
        change.put_rule("budget", CAP)
        change.put_rule("grant", {"name": "all", "to": ["everyone"]})
        change.put_rule("limit", {"name": "few", "of": "images"})
    assert registers.registry() == Registry(
        revision=1,
        keys=(full,),
        subjects=(ANNA,),
        teams=(Team("design", "they draw", 4.0),),
        grants=({"name": "all", "to": ["everyone"]},),
        limits=({"name": "few", "of": "images"},),
        budgets=(CAP,),
    )
    assert registers.key("sk-1") == full
    assert registers.subject("user", "anna") == ANNA
    assert registers.team("design") == Team("design", "they draw", 4.0)
    assert registers.rule("budget", "cap") == CAP
    assert (registers.subjects("user"), registers.subjects("service_account")) == ([ANNA], [])
    assert registers.rules("limit") == [{"name": "few", "of": "images"}]
    assert [team.name for team in registers.teams()] == ["design"]


def test_gateways_know_only_keys_that_are_good(registers, clock):
    now = clock.now()
    with registers.change(ROOT) as change:
        change.put_key(made("good"), "create")
        change.put_key(made("expired", expires=now), "create")
        change.put_key(made("soon", expires=now + 10), "create")
        change.put_key(made("revoked", revoked=now), "create")
    assert [each.id for each in registers.registry().keys] == ["good", "soon"]
    clock.advance(10)
    assert [each.id for each in registers.registry().keys] == ["good"]
    assert [each.id for each in registers.keys(limit=4)] == ["expired", "good", "revoked", "soon"]


def test_keys_come_in_pages(registers):
    with registers.change(ROOT) as change:
        for name in ("b", "C", "a", "é", "B"):
            change.put_key(made(name), "create")
        change.put_key(Key("other", "d", "service_account", "anna"), "create")
    assert [each.id for each in registers.keys(limit=3)] == ["B", "C", "a"]
    assert [each.id for each in registers.keys(limit=3, after="a")] == ["b", "other", "é"]
    assert [each.id for each in registers.keys(owner=("service_account", "anna"))] == ["other"]


def test_the_log_comes_in_pages_and_apart(registers):
    with registers.change(ROOT) as change:
        for name in ("a", "b", "c"):
            change.put_team(Team(name))
        change.put_subject(ANNA)
    newest = registers.audit(limit=2)
    assert [each.name for each in newest] == ["anna", "c"]
    assert [each.name for each in registers.audit(before=newest[-1].id)] == ["b", "a"]
    assert [each.name for each in registers.audit(kind="user")] == ["anna"]
    assert [each.kind for each in registers.audit(name="b")] == ["team"]


def test_a_registry_of_any_size_takes_as_many_statements(registers, database):
    statements = []
    event.listen(database.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    registers.registry()
    few = len(statements)
    row = {"kind": "user", "owner": "anna", "name": "", "created": 1.0, "models": ("flux-*",)}
    with database.begin() as connection:
        connection.execute(insert(keys), [row | {"id": f"sk-{n}", "digest": f"{n}"} for n in range(1000)])
    statements.clear()
    assert len(registers.registry().keys) == 1000
    assert len(statements) == few
