"""The rules that count: those of the settings, with those that operators add while the gateway serves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from torana.config.access import Grant
from torana.config.books import Budget
from torana.config.load import from_document
from torana.config.policies import Limit
from torana.core.registry import Registry
from torana.policy.access import Access
from torana.policy.permits import Permits

R = TypeVar("R", Grant, Limit, Budget)


@dataclass(frozen=True, slots=True)
class Added:
    """What operators have added."""

    grants: tuple[Grant, ...] = ()
    limits: tuple[Limit, ...] = ()
    budgets: tuple[Budget, ...] = ()


class Additions:
    """What was added as it is known now; ``spoilt`` is told the names of rules that this version cannot read."""

    def __init__(self, spoilt: Callable[[str, str], None]) -> None:
        self.current = Added()
        self._spoilt = spoilt

    def learn(self, registry: Registry) -> None:
        """Know these from now on, and no others."""
        self.current = Added(
            self._read(registry.grants, Grant),
            self._read(registry.limits, Limit),
            self._read(registry.budgets, Budget),
        )

    def _read(self, documents: Sequence[Mapping[str, Any]], kind: type[R]) -> tuple[R, ...]:
        read: list[R] = []
        for document in documents:
            try:
                read.append(from_document(document, kind))
            except ValueError as error:
                self._spoilt(str(document.get("name")), str(error))
        return tuple(read)


@dataclass(frozen=True, slots=True)
class Ruling:
    """The rules at one moment, ready to be applied."""

    access: Access
    permits: Permits


class Rulebook:
    """Rules that change under a configuration that stays; compiled anew when they have."""

    def __init__(self, rule: Callable[[Added], Ruling], additions: Additions) -> None:
        self._rule = rule
        self._additions = additions
        self._added = additions.current
        self._ruling = rule(self._added)

    @property
    def ruling(self) -> Ruling:
        """The rules for a call that begins now; it keeps to them."""
        if self._added is not self._additions.current:
            self._added = self._additions.current
            self._ruling = self._rule(self._added)
        return self._ruling
