"""Who may do what here: an order of roles, and the rule that nobody gives rights that he has not got.

A role comes from an entry in the registers or from the configuration, and there from being in a team, too. So a change
of somebody's teams may be a change of his rights, and is weighed as one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from torana.config.access import Patterns, Roles, names_of
from torana.core.errors import Forbidden
from torana.core.exchange import Principal
from torana.core.registry import ADMIN, AUDITOR, MEMBER, OPERATOR, ROLES, Subject
from torana.storage.sql.change import Actor

_RANKS = {role: rank for rank, role in enumerate(reversed(ROLES))}
_CLOSED = "Your key or token does not open this API."


@dataclass(frozen=True, slots=True)
class Asker:
    """Who is asking here, and as whom the audit log knows him."""

    principal: Principal
    actor: Actor

    @property
    def role(self) -> str:
        """The highest of his roles."""
        return highest(self.principal.roles)


def highest(roles: Iterable[str]) -> str:
    """The role that counts; words that are no role of ours count for nothing."""
    return max((role for role in roles if role in _RANKS), key=_rank, default=MEMBER)


def may(role: str, needed: str) -> bool:
    """Whether a role is as high as the one that is needed."""
    return _rank(role) >= _rank(needed)


def admit(asker: Asker, needed: str) -> None:
    """Lets somebody use a call that needs a role; Forbidden otherwise, in words that tell members nothing."""
    # Whoever narrowed a key to some models meant it for calls of those.
    narrowed = asker.principal.key is not None and asker.principal.models is not None
    if narrowed or not may(asker.role, AUDITOR):
        raise Forbidden(_CLOSED, code="admin_only")
    if not may(asker.role, needed):
        raise Forbidden(f"Your role, {asker.role}, may look and not change.", code="role_too_low")


def role_of(subject: Subject, configured: Roles) -> str:
    """The role that a subject has with a virtual key: by its entry, by its name and by its teams."""
    names = names_of(Principal(subject.name, "", teams=subject.teams, kind=subject.kind))
    by_name = (
        role
        for role, whom in ((ADMIN, configured.admin), (OPERATOR, configured.operator), (AUDITOR, configured.auditor))
        if Patterns.of(whom).fit_any(names)
    )
    return highest((*subject.roles, *by_name))


def check_reach(asker: Asker, subject: Subject, configured: Roles) -> None:
    """Forbidden where somebody would act on one who has more rights than himself, or on his keys."""
    theirs = role_of(subject, configured)
    if not may(asker.role, theirs):
        raise Forbidden(
            f"{subject.kind}:{subject.name} has the role {theirs}, which is above yours: ask an admin.",
            code="role_too_low",
        )


def check_change(asker: Asker, before: Subject, after: Subject, configured: Roles) -> None:
    """Forbidden where a change of a subject gives or takes rights, unless an admin makes it."""
    if asker.role == ADMIN:
        return
    check_reach(asker, before, configured)
    if set(before.roles) != set(after.roles):
        raise Forbidden("Only an admin gives and takes roles.", param="roles", code="role_too_low")
    if role_of(before, configured) != role_of(after, configured):
        raise Forbidden(
            "With these teams a role comes or goes, by the configuration: ask an admin.",
            param="teams",
            code="role_too_low",
        )


def _rank(role: str) -> int:
    return _RANKS[role]
