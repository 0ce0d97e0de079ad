"""The models that can be named, and the targets behind each name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from msgspec import structs

from torana.config.upstreams import Model, TargetRef
from torana.core.errors import InvalidRequest, ModelNotFound
from torana.core.exchange import PROVIDER, CircuitRule, Plan, Routing, Target

_AS_USUAL: Mapping[str, Routing] = MappingProxyType({})
_NONE_RETIRED: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Offer:
    """What one provider account offers: models of its own, and what each model there can do."""

    operations: Callable[[str], frozenset[str]]
    models: tuple[str, ...]


def targets_of(model: Model) -> tuple[Target, ...]:
    """The targets behind a model of the operator's own naming, as written."""
    return tuple(_target(ref) for ref in model.targets)


def routing_of(model: Model) -> Routing:
    """How they are tried."""
    circuit = model.circuit
    return Routing(
        order=model.order,
        sticky=model.sticky,
        fallback_on=frozenset(model.fallback_on),
        hedge_after=model.hedge_after,
        circuit=CircuitRule(
            window=circuit.window,
            min_calls=circuit.min_calls,
            failures=circuit.failures,
            open_for=circuit.open_for,
        ),
    )


class Catalog:
    """Looks up names: ``account/model``, or a model of the operator's own naming.

    The set is closed: a name that nobody configured is unknown here and costs nothing upstream. ``routing`` has the
    models whose targets are not tried as usual; ``retired`` has models that their makers took away, with what
    replaced them.
    """

    def __init__(
        self,
        offers: Mapping[str, Offer],
        virtual: Mapping[str, tuple[Target, ...]],
        *,
        routing: Mapping[str, Routing] = _AS_USUAL,
        retired: Mapping[str, tuple[str, ...]] = _NONE_RETIRED,
    ) -> None:
        self._operations = {account: offer.operations for account, offer in offers.items()}
        self._retired = retired
        direct = [Target(account, model) for account, offer in offers.items() for model in offer.models]
        # Asked for by its own name, a target is bare: what was set for it belongs to the model that it stands behind.
        behind = [Target(target.account, target.model) for targets in virtual.values() for target in targets]
        self._plans = {name: Plan(name, targets, routing.get(name, Routing())) for name, targets in virtual.items()}
        # They are the same for every call, and no more of them than names, operations and accounts.
        self._able: dict[tuple[str, str, str | None], Plan] = {}
        self._plans |= {str(target): Plan(str(target), (target,)) for target in _unique([*direct, *behind])}

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Every name and where it leads: the operator's own first, all in the order of the configuration."""
        return tuple(self._plans.values())

    def find(self, model: str) -> Plan:
        """Where a name leads, whatever can be done there; ModelNotFound when nobody configured it."""
        plan = self._plans.get(model)
        if plan is None:
            raise ModelNotFound(self._absence(model), param="model")
        return plan

    def able(self, model: str, operation: str) -> int:
        """How many of a name's targets can do an operation; ModelNotFound when nobody configured the name."""
        targets = self.find(model).targets
        return sum(operation in self._operations[target.account](target.model) for target in targets)

    def plan(self, model: str, operation: str, provider: str | None = None) -> Plan:
        """The targets behind a name that can do an operation; ModelNotFound or InvalidRequest when there are none.

        With ``provider`` only those of that account count, which may have a model of that name itself.
        """
        found = self._able.get((model, operation, provider))
        if found is None:
            found = self._able[(model, operation, provider)] = self._planned(model, operation, provider)
        return found

    def _planned(self, model: str, operation: str, provider: str | None) -> Plan:
        plan = self.find(model) if provider is None else self._at(model, provider)
        able = tuple(target for target in plan.targets if operation in self._operations[target.account](target.model))
        if not able:
            raise InvalidRequest(f"The model '{model}' cannot do {operation}.", param="model", code="unsupported_model")
        return structs.replace(plan, targets=able)

    def _at(self, model: str, provider: str) -> Plan:
        plan = self._plans.get(model) or self.find(f"{provider}/{model}")
        there = tuple(target for target in plan.targets if target.account == provider)
        if not there:
            raise InvalidRequest(
                f"The model '{model}' has no target at the provider account '{provider}'.",
                param=PROVIDER,
                code="unsupported_provider",
            )
        return structs.replace(plan, targets=there)

    def _absence(self, model: str) -> str:
        replacements = self._retired.get(model) or self._retired.get(model.partition("/")[2])
        if not replacements:
            return f"The model '{_shown(model)}' does not exist here."
        return f"The model '{_shown(model)}' was retired by its maker; it was replaced by: {', '.join(replacements)}."


def _target(ref: TargetRef) -> Target:
    account, _, model = ref.target.partition("/")
    return Target(
        account,
        model,
        parameters=tuple(ref.parameters.items()),
        headers=tuple(ref.headers.items()),
        prompt=ref.prompt,
        priority=ref.priority,
        weight=ref.weight,
        when=tuple(ref.when.items()),
    )


def _unique(targets: Iterable[Target]) -> Iterable[Target]:
    return dict.fromkeys(targets)


def _shown(model: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in model)
