"""Who may use which models: what a token or key narrows, and what grants give."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import Literal, NamedTuple, Self

from torana.config.access import Grant, Patterns, names_of
from torana.core.errors import Forbidden
from torana.core.exchange import Permit, Plan, Principal

_REMEMBERED = 10_000
"""Callers whose grants are not looked for again, and calls for which they are not gone through again."""


class _Given(NamedTuple):
    """A grant, ready to be compared; None is all."""

    to: Patterns
    models: Patterns | None
    operations: Patterns | None
    accounts: Patterns | None

    @classmethod
    def of(cls, grant: Grant) -> Self:
        named = (grant.models, grant.operations, grant.accounts)
        return cls(Patterns.of(grant.to), *(Patterns.of(patterns) if patterns else None for patterns in named))

    def covers(self, plan: Plan, operation: str | None) -> bool:
        return (
            (self.models is None or self.models.fit(plan.model))
            and (operation is None or self.operations is None or self.operations.fit(operation))
            # One target elsewhere would let a fallback lead the caller where he may not go.
            and (self.accounts is None or all(self.accounts.fit(target.account) for target in plan.targets))
        )


class _Rights(NamedTuple):
    """What one caller may use: within his own patterns, what one of his grants covers; None is no bound."""

    own: Patterns | None
    grants: tuple[_Given, ...] | None

    def own_allow(self, model: str) -> bool:
        return self.own is None or self.own.fit(model)

    def granted(self, plan: Plan, operation: str | None) -> bool:
        if self.grants is None:
            return True
        for grant in self.grants:  # noqa: SIM110 - a generator costs as much as the grants do
            if grant.covers(plan, operation):
                return True
        return False


class Access:
    """The grants of the settings and the registry; a new one is made whenever they change."""

    def __init__(self, default: Literal["all", "granted"], grants: Iterable[Grant]) -> None:
        given = None if default == "all" else _Grants(grants)
        self._rights = lru_cache(_REMEMBERED)(partial(_rights, given))
        self.admit: Callable[[Principal, Plan, str | None], Permit] = lru_cache(_REMEMBERED)(
            partial(_leave, self._rights)
        )
        """Leave to do this with the model that a plan is for; Forbidden without it."""

    def may_use(self, principal: Principal, plan: Plan, operation: str | None) -> bool:
        """Whether he may do this with the model that a plan is for; without an operation, whether he may do any."""
        rights = self._rights(principal)
        return rights.own_allow(plan.model) and rights.granted(plan, operation)


class _Grants:
    """All grants, found by those whom they name: there may be many that are for one caller each."""

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._named: dict[str, list[_Given]] = {}
        self._wild: list[_Given] = []
        for grant in grants:
            given = _Given.of(grant)
            for name in given.to.exact:
                self._named.setdefault(name, []).append(given)
            if given.to.wild is not None:
                self._wild.append(given)

    def to(self, names: Sequence[str]) -> tuple[_Given, ...]:
        """Those to one who has all of these names; one that names him twice may come twice."""
        named = [grant for name in names for grant in self._named.get(name, ())]
        return (*named, *[grant for grant in self._wild if grant.to.fit_any(names)])


def _rights(given: _Grants | None, principal: Principal) -> _Rights:
    own = None if principal.models is None else Patterns.of(principal.models)
    return _Rights(own, None if given is None else given.to(names_of(principal)))


def _leave(
    rights_of: Callable[[Principal], _Rights], principal: Principal, plan: Plan, operation: str | None
) -> Permit:
    """As ``Access.admit``; what raises is remembered by nobody."""
    rights = rights_of(principal)
    if not rights.own_allow(plan.model):
        shown = "token" if principal.key is None else "key"
        raise _forbidden(f"Your {shown} does not allow the model '{plan.model}'.")
    if not rights.granted(plan, operation):
        doing = "" if operation is None else f" for {operation}"
        raise _forbidden(f"You may not use the model '{plan.model}'{doing}.")
    return Permit(principal, plan.model)


def _forbidden(what: str) -> Forbidden:
    return Forbidden(f"{what} Ask the operator of this gateway for leave.", param="model")
