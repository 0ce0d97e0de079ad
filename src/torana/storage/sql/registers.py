"""The registers: keys, users, service accounts, teams and rules, as operators look at them and change them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import func, select, update

from torana.core.clock import Clock
from torana.core.ledger import Kind
from torana.core.registry import Key, Registry, Subject, Team
from torana.storage.sql.change import Actor, Change
from torana.storage.sql.database import Database
from torana.storage.sql.entries import AuditEntry, Entries, RuleKind
from torana.storage.sql.tables import revision

CHANNEL = "torana"
"""On which PostgreSQL tells that something was changed."""


class Registers:
    """All that is kept beside the configuration. Every method may raise DatabaseUnavailable."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @contextmanager
    def change(self, actor: Actor) -> Iterator[Change]:
        """Changes that are made together or not at all, one after another if several are asked for at once.

        They count as one new revision, of which PostgreSQL tells those who listen.
        """
        with self._database.begin() as connection:
            # On PostgreSQL this is the lock; on SQLite the transaction itself is one.
            connection.execute(select(revision.c.number).with_for_update())
            change = Change(connection, actor, self._clock.now())
            yield change
            if not change.made:
                return
            connection.execute(update(revision).values(number=revision.c.number + 1))
            if self._database.dialect == "postgresql":
                connection.execute(select(func.pg_notify(CHANNEL, "")))

    def revision(self) -> int:
        """One more with every change."""
        with self._entries() as entries:
            return entries.revision()

    def registry(self) -> Registry:
        """All that gateways know, at one moment; keys that are revoked or have expired are not among it."""
        with self._entries() as entries:
            return entries.registry(self._clock.now())

    def keys(self, *, owner: tuple[Kind, str] | None = None, limit: int = 100, after: str | None = None) -> list[Key]:
        """A page of all keys, usable or not, in the order of their ids: those behind the id ``after``."""
        with self._entries() as entries:
            return entries.keys(owner=owner, limit=limit, after=after)

    def key(self, id: str) -> Key | None:  # noqa: A002 - what it is called everywhere
        """A key, usable or not."""
        with self._entries() as entries:
            return entries.key(id)

    def subjects(self, kind: Kind) -> list[Subject]:
        """All users, or all service accounts."""
        with self._entries() as entries:
            return entries.subjects(kind)

    def subject(self, kind: Kind, name: str) -> Subject | None:
        """A user or a service account."""
        with self._entries() as entries:
            return entries.subject(kind, name)

    def teams(self) -> list[Team]:
        """All of them."""
        with self._entries() as entries:
            return entries.teams()

    def team(self, name: str) -> Team | None:
        """One of them."""
        with self._entries() as entries:
            return entries.team(name)

    def rules(self, kind: RuleKind) -> list[dict[str, Any]]:
        """All of a kind, as the configuration would have them."""
        with self._entries() as entries:
            return entries.rules(kind)

    def rule(self, kind: RuleKind, name: str) -> dict[str, Any] | None:
        """One of them."""
        with self._entries() as entries:
            return entries.rule(kind, name)

    def audit(
        self, *, limit: int = 100, before: int | None = None, kind: str | None = None, name: str | None = None
    ) -> list[AuditEntry]:
        """A page of what was changed, newest first: entries with ids below ``before``, of one kind or name if given."""
        with self._entries() as entries:
            return entries.audit(limit=limit, before=before, kind=kind, name=name)

    @contextmanager
    def _entries(self) -> Iterator[Entries]:
        with self._database.reading() as connection:
            yield Entries(connection)
