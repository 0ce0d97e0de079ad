"""Changes of keys, subjects, teams and rules, each written down in the audit log by the statement beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Connection, Table, and_, delete, insert, select, update

from torana.core.ledger import Kind
from torana.core.registry import Key, Subject, Team
from torana.storage.sql.entries import Entries, RuleKind
from torana.storage.sql.tables import audit, keys, rules, subjects, teams

KeyAction = Literal["create", "change", "rotate", "revoke"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change, and from where."""

    name: str
    """Such as ``user:anna``, ``service_account:deploy`` or ``local:root``."""
    origin: str
    """An address, or ``command line``."""


class Change(Entries):
    """A transaction that nobody else's overlaps: what is read here is what is changed.

    What is put as it was already is no change and leaves no trace. Errors are the database's.
    """

    def __init__(self, connection: Connection, actor: Actor, at: float) -> None:
        super().__init__(connection)
        self._actor, self._at = actor, at
        self.made = False
        """Whether anything was changed."""

    def put_key(self, key: Key, action: KeyAction) -> None:
        """Adds a key, or changes what is kept of it; LookupError when it is to be changed and there is none."""
        before = self.key(key.id)
        if before is None and action != "create":
            raise LookupError(f"There is no key '{key.id}'.")
        if before == key:
            return
        # A key that is created and has an id or a digest that is taken is refused by the database.
        where = None if action == "create" else keys.c.id == key.id
        self._put(keys, structs.asdict(key), where)
        self._note(action, "key", key.id, _told(before), _told(key))

    def put_subject(self, subject: Subject) -> None:
        """Adds a user or a service account, or changes it."""
        before = self.subject(subject.kind, subject.name)
        if before == subject:
            return
        where = None if before is None else _is_subject(subject.kind, subject.name)
        self._put(subjects, structs.asdict(subject), where)
        self._note(_action(before), subject.kind, subject.name, _told(before), _told(subject))

    def delete_subject(self, kind: Kind, name: str) -> bool:
        """Whether it was there; its keys stay as they are."""
        before = self.subject(kind, name)
        return self._delete(subjects, _is_subject(kind, name), (kind, name), _told(before))

    def put_team(self, team: Team) -> None:
        """Adds a team, or changes it."""
        before = self.team(team.name)
        if before == team:
            return
        self._put(teams, structs.asdict(team), None if before is None else teams.c.name == team.name)
        self._note(_action(before), "team", team.name, _told(before), _told(team))

    def delete_team(self, name: str) -> bool:
        """Whether it was there; its members are in it no more, either way."""
        for subject in self._subjects(select(subjects).order_by("kind", "name")):
            if name in subject.teams:
                left = tuple(team for team in subject.teams if team != name)
                self.put_subject(structs.replace(subject, teams=left))
        return self._delete(teams, teams.c.name == name, ("team", name), _told(self.team(name)))

    def put_rule(self, kind: RuleKind, document: Mapping[str, Any]) -> None:
        """Adds a rule, or changes the one of its ``name``; the document is what JSON can hold."""
        name, before = document["name"], self.rule(kind, document["name"])
        if before == document:
            return
        where = None if before is None else _is_rule(kind, name)
        self._put(rules, {"kind": kind, "name": name, "document": dict(document)}, where)
        self._note(_action(before), kind, name, before, dict(document))

    def delete_rule(self, kind: RuleKind, name: str) -> bool:
        """Whether it was there."""
        return self._delete(rules, _is_rule(kind, name), (kind, name), self.rule(kind, name))

    def _put(self, table: Table, values: dict[str, Any], where: ColumnElement[bool] | None) -> None:
        statement = insert(table) if where is None else update(table).where(where)
        self._connection.execute(statement.values(values))

    def _delete(
        self, table: Table, where: ColumnElement[bool], entry: tuple[str, str], before: dict[str, Any] | None
    ) -> bool:
        if before is None:
            return False
        self._connection.execute(delete(table).where(where))
        self._note("delete", *entry, before, None)
        return True

    def _note(
        self, action: str, kind: str, name: str, before: dict[str, Any] | None, after: dict[str, Any] | None
    ) -> None:
        who = {"at": self._at, "actor": self._actor.name, "origin": self._actor.origin}
        what = {"action": action, "kind": kind, "name": name, "before": before, "after": after}
        self._connection.execute(insert(audit).values(who | what))
        self.made = True


def _action(before: object) -> str:
    return "create" if before is None else "change"


def _told(entry: Struct | None) -> dict[str, Any] | None:
    """What the audit log tells of it, as JSON has it."""
    if entry is None:
        return None
    values = structs.asdict(entry).items()
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values if name != "digest"}


def _is_subject(kind: Kind, name: str) -> ColumnElement[bool]:
    return and_(subjects.c.kind == kind, subjects.c.name == name)


def _is_rule(kind: RuleKind, name: str) -> ColumnElement[bool]:
    return and_(rules.c.kind == kind, rules.c.name == name)
