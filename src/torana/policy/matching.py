"""Which calls a rule is for, and what it counts apart."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Generic, Protocol, TypeAlias, TypeVar
from urllib.parse import quote

from msgspec import Struct

from torana.config.access import Patterns
from torana.config.books import Budget
from torana.config.policies import Limit
from torana.config.rules import When
from torana.core.exchange import Principal

T = TypeVar("T")
X = TypeVar("X")

_METADATA = "metadata."
_REMEMBERED = 4096
"""Kinds of calls for which rules are not gone through again."""


class Facts(Struct, frozen=True, gc=False):
    """What rules look at in a call."""

    principal: Principal
    model: str
    operation: str
    metadata: Mapping[str, str]


_Placed: TypeAlias = tuple[int, When, X]
"""A rule's place among the others, what it is for, and what belongs to it."""


def fits(when: When, facts: Facts) -> bool:
    """Whether a rule is for this call: it fits all that is given; users and service accounts are given together."""
    who = facts.principal
    return (
        _is_one_of(who, when)
        and _any(who.teams, when.teams)
        and _any(() if who.key is None else (who.key,), when.keys)
        and _any((facts.model,), when.models)
        and _any((facts.operation,), when.operations)
        and all(facts.metadata.get(key) == value for key, value in when.metadata.items())
    )


def apart(per: Iterable[str], facts: Facts) -> str:
    """Whose share of a rule a call draws on, such as ``user=anna&metadata.project=web``; empty where there are none.

    Names are quoted, so that none can be another's and there is no space in it. A user is the same by token or key.
    """
    return "&".join([_share(each, facts) for each in per])


class Ruled(Protocol):
    """Whatever says which calls it is for."""

    @property
    def when(self) -> When:
        """What a call has to be like."""
        ...


class Fitting(Generic[X]):
    """Rules of which only those are compared with a call that may be for it, since many name one caller each."""

    def __init__(self, rules: Iterable[tuple[Ruled, X]]) -> None:
        self._named: dict[str, list[_Placed[X]]] = {}
        self._others: list[_Placed[X]] = []
        for place, (rule, what) in enumerate(rules):
            placed = (place, rule.when, what)
            names = _names(rule.when)
            for name in names:
                self._named.setdefault(name, []).append(placed)
            if not names:
                self._others.append(placed)

    def to(self, facts: Facts) -> list[X]:
        """What belongs to the rules that are for a call, in the rules' order."""
        who = facts.principal
        names = [who.name, f"model:{facts.model}", f"key:{who.key}", *[f"team:{team}" for team in who.teams]]
        near = {placed[0]: placed for name in names for placed in self._named.get(name, ())}
        near |= {placed[0]: placed for placed in self._others}
        return [what for _, (_, when, what) in sorted(near.items()) if fits(when, facts)]


def _names(when: When) -> list[str]:
    """Those of which a call has one if the rule is for it; none where that cannot be told by names alone."""
    callers = [*[f"user:{name}" for name in when.users], *[f"service_account:{name}" for name in when.service_accounts]]
    keys, teams, models = (
        [f"{what}:{name}" for name in names]
        for what, names in (("key", when.keys), ("team", when.teams), ("model", when.models))
    )
    return next(
        (names for names in (keys, callers, teams, models) if names and not any("*" in name for name in names)), []
    )


def remembered(find: Callable[[Facts], T], rules: Iterable[Ruled]) -> Callable[[Facts], T]:
    """The same as ``find``, which is asked only once for calls that these rules cannot tell apart.

    Of a call's facts ``find`` is shown what the rules look at.
    """
    keys = tuple({key: None for rule in rules for key in _metadata(rule)})

    @lru_cache(_REMEMBERED)
    def found(principal: Principal, model: str, operation: str, metadata: tuple[tuple[str, str], ...]) -> T:
        return find(Facts(principal, model, operation, dict(metadata)))

    def ask(facts: Facts) -> T:
        told = facts.metadata
        seen = tuple([(key, told[key]) for key in keys if key in told]) if keys and told else ()
        return found(facts.principal, facts.model, facts.operation, seen)

    return ask


def _metadata(rule: Ruled) -> Iterable[str]:
    """The keys that a rule looks at."""
    per = rule.per if isinstance(rule, Limit | Budget) else ()
    return (*rule.when.metadata, *(each.removeprefix(_METADATA) for each in per if each.startswith(_METADATA)))


def _is_one_of(who: Principal, when: When) -> bool:
    if not when.users and not when.service_accounts:
        return True
    patterns = when.users if who.kind == "user" else when.service_accounts
    # Where only the others are named, he is none of them.
    return bool(patterns) and _any((who.subject,), patterns)


def _any(names: Iterable[str], patterns: tuple[str, ...]) -> bool:
    return not patterns or _ready(patterns).fit_any(names)


@lru_cache(1024)
def _ready(patterns: tuple[str, ...]) -> Patterns:
    return Patterns.of(patterns)


def _share(each: str, facts: Facts) -> str:
    if known := _SHARES.get(each):
        return f"{each}={known(facts)}"
    value = facts.metadata.get(each.removeprefix(_METADATA))
    # A value that is missing is not an empty one.
    return _quoted(each) if value is None else f"{_quoted(each)}={_quoted(value)}"


def _user(facts: Facts) -> str:
    who = facts.principal
    return _quoted(who.subject) if who.kind == "user" else _named(who)


def _key(facts: Facts) -> str:
    who = facts.principal
    return _named(who) if who.key is None else _quoted(who.key)


def _named(who: Principal) -> str:
    """Principal.name, with the colon that no quoted name has."""
    return f"{who.kind}:{_quoted(who.subject)}"


def _quoted(name: str) -> str:
    return quote(name, safe="@/", errors="surrogatepass")


_SHARES: Mapping[str, Callable[[Facts], str]] = {
    "user": _user,
    "team": lambda facts: ",".join([_quoted(team) for team in sorted(facts.principal.teams)]),
    "key": _key,
    "model": lambda facts: _quoted(facts.model),
}
