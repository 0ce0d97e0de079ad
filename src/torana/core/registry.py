"""Who and what an operator has let in, beside the configuration: as it is kept, and as every gateway knows it."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from torana.core.ledger import Kind

ADMIN, OPERATOR, AUDITOR, MEMBER = "admin", "operator", "auditor", "member"
ROLES = (ADMIN, OPERATOR, AUDITOR, MEMBER)
"""Who may change everything; who may change all but who has which role; who may look; who may only make calls."""


class Key(Struct, frozen=True):
    """A virtual key, as far as anybody but its holder knows it; times are seconds since the epoch."""

    id: str
    """Public, and the first part of the key itself, by which it is recognised."""
    digest: str
    """SHA-256 of the whole key, in hexadecimal."""
    kind: Kind
    owner: str
    """The user's or the service account's name."""
    name: str = ""
    """What its holder calls it."""
    created: float = 0.0
    expires: float | None = None
    revoked: float | None = None
    models: tuple[str, ...] | None = None
    """Patterns of the models it is good for; None is all that its owner may use."""
    successor: str | None = None
    """Id of the key that it was rotated to."""


class Subject(Struct, frozen=True):
    """A user or a service account."""

    kind: Kind
    name: str
    teams: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    disabled: bool = False
    created: float = 0.0


class Team(Struct, frozen=True):
    """A team, which grants, limits and budgets can name."""

    name: str
    description: str = ""
    created: float = 0.0


class Registry(Struct, frozen=True):
    """All of it at one moment: what a gateway needs to know, without asking anybody."""

    revision: int = 0
    """One more with every change."""
    keys: tuple[Key, ...] = ()
    """Those that may still be used."""
    subjects: tuple[Subject, ...] = ()
    teams: tuple[Team, ...] = ()
    grants: tuple[Mapping[str, Any], ...] = ()
    """Each as the configuration would have it, and so are limits and budgets."""
    limits: tuple[Mapping[str, Any], ...] = ()
    budgets: tuple[Mapping[str, Any], ...] = ()
