"""The settings of access: which role whom is given, what whom is granted, and whom a setting means by his names."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate
from typing import Annotated, Literal, Self

from msgspec import Meta, Struct, field

from torana.config.rules import Pattern, RuleName
from torana.core.exchange import Principal

Named = Annotated[
    str,
    Meta(
        pattern=r"^(user:.+|service_account:.+|team:.+|everyone)\Z",
        examples=["user:anna", "team:design", "everyone"],
        description="`user:`, `service_account:` or `team:` and a name, `*` as a wild card; `everyone`: all users.",
    ),
]


class Grant(Struct, frozen=True, forbid_unknown_fields=True):
    """Leave to use models. A call has leave when one grant fits it in all that is given."""

    name: RuleName
    to: Annotated[tuple[Named, ...], Meta(min_length=1, description="Who has it.")]
    models: Annotated[tuple[Pattern, ...], Meta(description="Models as callers name them. Default: all.")] = ()
    accounts: Annotated[
        tuple[Pattern, ...], Meta(description="Accounts that a model's targets may all have. Default: any.")
    ] = ()
    operations: Annotated[tuple[Pattern, ...], Meta(description="Operations, such as `images.*`. Default: all.")] = ()


class Roles(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may use the admin API, beside those whose tokens or entries there say so."""

    admin: Annotated[tuple[Named, ...], Meta(description="May change everything.")] = ()
    operator: Annotated[tuple[Named, ...], Meta(description="May change everything but who has which role.")] = ()
    auditor: Annotated[tuple[Named, ...], Meta(description="May look at everything.")] = ()


class Access(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may use what."""

    default: Annotated[
        Literal["all", "granted"],
        Meta(description="What callers may use without a grant: `all` models, or only what is `granted`."),
    ] = "all"
    grants: Annotated[tuple[Grant, ...], Meta(description="Who may use which models.")] = ()
    roles: Roles = field(default_factory=Roles)


@dataclass(frozen=True, slots=True)
class Patterns:
    """Patterns ready to be compared with many names; `*` is the only wild card."""

    exact: frozenset[str]
    wild: re.Pattern[str] | None

    @classmethod
    def of(cls, patterns: Iterable[str]) -> Self:
        """Those that are written so; none fits nothing."""
        every = frozenset(patterns)
        wild = sorted(pattern for pattern in every if "*" in pattern)
        return cls(every.difference(wild), re.compile("|".join(map(_expression, wild))) if wild else None)

    def fit(self, name: str) -> bool:
        """Whether one of them fits this name, all of it and in its own case."""
        return name in self.exact or (self.wild is not None and self.wild.match(name) is not None)

    def fit_any(self, names: Iterable[str]) -> bool:
        """Whether one of them fits one of these."""
        return any(self.fit(name) for name in names)


def names_of(principal: Principal) -> tuple[str, ...]:
    """All that ``Named`` can call him: his own name, his teams', and ``everyone`` where he is a user."""
    everyone = ("everyone",) if principal.kind == "user" else ()
    return (principal.name, *(f"team:{team}" for team in principal.teams), *everyone)


def _expression(pattern: str) -> str:
    # What fnmatch knows beyond `*` stands for itself, as it does in a model's name.
    return translate(pattern.replace("[", "[[]").replace("?", "[?]"))
