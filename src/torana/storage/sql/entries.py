"""The rows of keys, subjects, teams, rules and audit as the values that the house knows; read over one connection."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, Select, Table, or_, select

from torana.core.ledger import Kind
from torana.core.registry import Key, Registry, Subject, Team
from torana.storage.sql.tables import audit, keys, revision, rules, subjects, teams

_T = TypeVar("_T")
RuleKind = Literal["grant", "limit", "budget"]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What was changed: when, by whom and from where, and what it was and is; a key without its digest."""

    id: int
    at: float
    actor: str
    origin: str
    action: str
    kind: str
    name: str
    before: dict[str, Any] | None
    """None where there was nothing."""
    after: dict[str, Any] | None
    """None where nothing is left."""


class Entries:
    """What is there at the moment of one transaction. Errors are the database's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def revision(self) -> int:
        """How many changes there were."""
        number: int = self._connection.execute(select(revision.c.number)).scalar_one()
        return number

    def registry(self, now: float) -> Registry:
        """All that gateways know, in an order that is always the same; keys that are usable ``now``, in seconds."""
        usable = select(keys).where(
            or_(keys.c.revoked.is_(None), keys.c.revoked > now), or_(keys.c.expires.is_(None), keys.c.expires > now)
        )
        return Registry(
            revision=self.revision(),
            keys=tuple(self._keys(usable.order_by(keys.c.id))),
            subjects=tuple(self._subjects(_all(subjects))),
            teams=tuple(self.teams()),
            grants=tuple(self.rules("grant")),
            limits=tuple(self.rules("limit")),
            budgets=tuple(self.rules("budget")),
        )

    def keys(self, *, owner: tuple[Kind, str] | None, limit: int, after: str | None) -> list[Key]:
        """A page of all keys, in the order of their ids, behind the one with the id ``after``."""
        asked = select(keys).order_by(keys.c.id).limit(limit)
        if owner is not None:
            asked = asked.where(keys.c.kind == owner[0], keys.c.owner == owner[1])
        if after is not None:
            asked = asked.where(keys.c.id > after)
        return self._keys(asked)

    def key(self, id: str) -> Key | None:  # noqa: A002 - what it is called everywhere
        """A key, usable or not."""
        return _only(self._keys(select(keys).where(keys.c.id == id)))

    def subjects(self, kind: Kind) -> list[Subject]:
        """All users, or all service accounts."""
        return self._subjects(_all(subjects).where(subjects.c.kind == kind))

    def subject(self, kind: Kind, name: str) -> Subject | None:
        """A user or a service account."""
        return _only(self._subjects(select(subjects).where(subjects.c.kind == kind, subjects.c.name == name)))

    def teams(self) -> list[Team]:
        """All of them."""
        return [Team(*row) for row in self._connection.execute(_all(teams))]

    def team(self, name: str) -> Team | None:
        """One of them."""
        return _only([Team(*row) for row in self._connection.execute(select(teams).where(teams.c.name == name))])

    def rules(self, kind: RuleKind) -> list[dict[str, Any]]:
        """All of a kind, as the configuration would have them."""
        return list(self._connection.scalars(select(rules.c.document).where(rules.c.kind == kind).order_by("name")))

    def rule(self, kind: RuleKind, name: str) -> dict[str, Any] | None:
        """One of them."""
        asked = select(rules.c.document).where(rules.c.kind == kind, rules.c.name == name)
        return self._connection.scalars(asked).one_or_none()

    def audit(self, *, limit: int, before: int | None, kind: str | None, name: str | None) -> list[AuditEntry]:
        """A page of what was changed, newest first, of the entries with ids below ``before``."""
        asked = select(audit).order_by(audit.c.id.desc()).limit(limit)
        for condition in (
            None if before is None else audit.c.id < before,
            None if kind is None else audit.c.kind == kind,
            None if name is None else audit.c.name == name,
        ):
            if condition is not None:
                asked = asked.where(condition)
        return [AuditEntry(*row) for row in self._connection.execute(asked)]

    def _keys(self, asked: Select[Any]) -> list[Key]:
        return [Key(*row) for row in self._connection.execute(asked)]

    def _subjects(self, asked: Select[Any]) -> list[Subject]:
        return [Subject(*row) for row in self._connection.execute(asked)]


def _all(table: Table) -> Select[Any]:
    return select(table).order_by(*table.primary_key)


def _only(found: Sequence[_T]) -> _T | None:
    return found[0] if found else None
