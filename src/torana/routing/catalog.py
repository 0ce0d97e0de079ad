"""The models that can be named, and the targets behind each name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torana.core.errors import InvalidRequest, ModelNotFound
from torana.core.exchange import Plan, Target


@dataclass(frozen=True, slots=True)
class Offer:
    """What one provider account offers: operations, and models of its own."""

    operations: frozenset[str]
    models: tuple[str, ...]


class Catalog:
    """Looks up names: ``account/model``, or a model of the operator's own naming.

    The set is closed: a name that nobody configured is unknown here and costs nothing upstream.
    """

    def __init__(self, offers: Mapping[str, Offer], virtual: Mapping[str, tuple[Target, ...]]) -> None:
        self._operations = {account: offer.operations for account, offer in offers.items()}
        direct = [Target(account, model) for account, offer in offers.items() for model in offer.models]
        behind = [target for targets in virtual.values() for target in targets]
        self._plans = {str(target): Plan(str(target), (target,)) for target in _unique([*direct, *behind])}
        self._plans |= {name: Plan(name, targets) for name, targets in virtual.items()}

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Every name and where it leads, in the order of the configuration."""
        return tuple(self._plans.values())

    def plan(self, model: str, operation: str) -> Plan:
        """The targets behind a name that can do an operation; ModelNotFound or InvalidRequest when there are none."""
        plan = self._plans.get(model)
        if plan is None:
            raise ModelNotFound(f"The model '{_shown(model)}' does not exist here.", param="model")
        able = tuple(target for target in plan.targets if operation in self._operations[target.account])
        if not able:
            raise InvalidRequest(f"The model '{model}' cannot do {operation}.", param="model", code="unsupported_model")
        return Plan(model, able)


def _unique(targets: Iterable[Target]) -> Iterable[Target]:
    return dict.fromkeys(targets)


def _shown(model: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in model)
