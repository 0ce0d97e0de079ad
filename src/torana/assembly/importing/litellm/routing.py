"""Models and their targets, of LiteLLM's groups of deployments, its strategies, fallbacks and cooldowns."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torana.assembly.importing.litellm.deployments import Deployment
from torana.assembly.importing.litellm.values import Values, written_seconds
from torana.assembly.importing.naming import Names
from torana.assembly.importing.reading import Found
from torana.assembly.importing.report import Outcome

_WEIGHT = "weight"
_SHARES = (_WEIGHT, "rpm", "tpm")
"""What says how much of the calls a deployment gets, the foremost that is there."""
_STRATEGIES = {"simple-shuffle": "weight", "latency-based-routing": "latency"}
_MOST_FALLBACKS = 5
_FINE = 1000
_NEVER = 1_000_000


class Routes:
    """The models of the output, by LiteLLM's names for them."""

    def __init__(
        self, groups: Mapping[str, Sequence[Deployment]], router: Found, general: Found, values: Values
    ) -> None:
        self.names: dict[str, list[str]] = {}
        """By LiteLLM's name of a model, all that callers may call it here."""
        self._groups = groups
        self._router = router
        self._general = general
        self._values = values
        self._report = values.report
        self._fallbacks = self._all_fallbacks()

    def models(self) -> dict[str, dict[str, Any]]:
        """Every model, with all that is tried for it."""
        names = Names()
        self.names = {group: [names.fresh(group)] for group in self._groups}
        for group, (name,) in self.names.items():
            self._tell_name(group, name)
        for alias, (found, group) in self._aliases():
            self.names[group].append(names.fresh(alias))
            self._tell_rename(found, alias, self.names[group][-1])
        usual = self._order() | self._circuit()
        return {
            name: {"targets": self._targets(group), **usual} for group in self._groups for name in self.names[group]
        }

    def _tell_name(self, group: str, name: str) -> None:
        for each in self._groups[group]:
            self._report.note(each.found, Outcome.TAKEN, f"it is the target {each.target} of the model {name!r}.")
            self._report.taken(each.found.get("model_name"))
        self._tell_rename(self._groups[group][0].found.get("model_name"), group, name)

    def _tell_rename(self, found: Found, theirs: str, ours: str) -> None:
        if theirs != ours:
            self._report.note(found, Outcome.TO_DO, f"callers must ask for {ours!r} instead.")

    def _targets(self, group: str) -> list[dict[str, Any]]:
        """Its own, and those of its fallbacks after them."""
        targets: list[dict[str, Any]] = []
        for each in (group, *self._after(group)):
            floor = max((target["priority"] for target in targets), default=-1) + 1
            own = [target | {"priority": target["priority"] + floor} for target in self._own_targets(each)]
            known = {_way(target) for target in targets}
            targets += [target for target in own if _way(target) not in known]
        return [_without_zero(target) for target in targets]

    def _own_targets(self, group: str) -> Iterator[dict[str, Any]]:
        deployments = self._groups[group]
        shares = self._shares(deployments)
        orders = [self._order_of(each) for each in deployments]
        written = sorted({order for order in orders if order is not None})
        for each, share, order in zip(deployments, shares, orders, strict=True):
            priority = len(written) if order is None else written.index(order)
            target: dict[str, Any] = {"target": each.target, "priority": priority}
            if share != 1:
                target["weight"] = share
            if each.parameters:
                target["parameters"] = dict(each.parameters)
            yield target

    def _order_of(self, deployment: Deployment) -> int | None:
        found = deployment.params.get("order")
        order = self._values.whole(found, -(10**6), 10**6) if found else None
        if found and order is not None:
            self._report.taken(found)
        return order

    def _shares(self, deployments: Sequence[Deployment]) -> list[int]:
        for name in _SHARES:
            written = [self._share(each, name) for each in deployments]
            if any(written) and len(deployments) > 1:
                self._tell_shares(deployments, written, name)
                return _whole_numbers([share or 0.0 for share in written])
        return [1] * len(deployments)

    def _tell_shares(self, deployments: Sequence[Deployment], shares: Sequence[float | None], name: str) -> None:
        for each, share in zip(deployments, shares, strict=True):
            if share is None:
                told = f"it has no {name}, as others of this model do: it gets calls when those fail."
                self._report.note(each.found, Outcome.TAKEN, told)
            elif name != _WEIGHT:
                told = "it is the target's weight, too: calls are shared out by it."
                self._report.note(each.params[name], Outcome.TAKEN, told)

    def _share(self, deployment: Deployment, name: str) -> float | None:
        found = deployment.params.get(name)
        share = self._values.number(found) if found else None
        if found is None or share is None or not 0 <= share <= 10**9:
            return None
        self._report.taken(found)
        return share

    def _after(self, group: str) -> Sequence[str]:
        """The groups that are tried after one, each followed by those tried after it."""
        most = self._values.whole(self._router.get("max_fallbacks"), 0, 100)
        reached: list[str] = []
        waiting = list(reversed(self._fallbacks.get(group, ())))
        while waiting and len(reached) < (_MOST_FALLBACKS if most is None else most):
            each = waiting.pop()
            if each != group and each not in reached:
                reached.append(each)
                waiting += reversed(self._fallbacks.get(each, ()))
        if most is not None:
            self._report.taken(self._router.get("max_fallbacks"))
        return reached

    def _all_fallbacks(self) -> dict[str, list[str]]:
        """What follows each group. What the router says goes before what stands in general."""
        sections = (self._router, self._general)
        usual = self._named(self._report.foremost(*(each.get("default_fallbacks") for each in sections)))
        written = [pair for section in sections for pair in self._pairs(section.get("fallbacks"))]
        usual = next((named for group, named in written if group == "*"), usual)
        return dict.fromkeys(self._groups, usual) | dict(reversed(written))

    def _pairs(self, section: Found) -> Iterator[tuple[str, list[str]]]:
        for entry in section.each():
            for group, found in entry.named():
                if group == "*" or group in self._groups:
                    yield group, self._named(found)
                else:
                    self._report.left(found, f"there is no model {group!r} that it could follow.")

    def _named(self, section: Found) -> list[str]:
        named: list[str] = []
        for found in section.each():
            group = self._values.text(found)
            if group is not None and group in self._groups:
                named.append(group)
                self._report.taken(found)
            elif group is not None:
                self._report.left(found, f"there is no model {group!r} here to fall back to.")
        return named

    def _order(self) -> dict[str, str]:
        found = self._router.get("routing_strategy")
        told = self._values.text(found)
        if told in _STRATEGIES:
            self._report.taken(found)
            return {"order": _STRATEGIES[told]}
        if told is not None:
            self._report.left(found, "Torana does not route so: calls are shared out by weight.")
        return {"order": "weight"}

    def _circuit(self) -> dict[str, Any]:
        fails, rest = (
            self._report.foremost(self._router.get(name), self._general.get(name))
            for name in ("allowed_fails", "cooldown_time")
        )
        off = self._router.get("disable_cooldowns")
        circuit: dict[str, Any] = {}
        allowed = self._values.whole(fails, 0, _NEVER)
        if allowed is not None:
            circuit["min_calls"] = allowed + 1
            self._report.taken(fails, f"a target is left alone when half of {allowed + 1} or more calls a minute fail.")
        open_for = written_seconds(self._values.number(rest))
        if open_for:
            circuit["open_for"] = open_for
            self._report.taken(rest)
        if self._values.flag(off) is not None:
            self._report.taken(off)
        if self._values.flag(off):
            circuit["min_calls"] = _NEVER
        return {"circuit": circuit} if circuit else {}

    def _aliases(self) -> Iterator[tuple[str, tuple[Found, str]]]:
        for alias, found in self._router.get("model_group_alias").named():
            named = found.get("model") if isinstance(found.value, dict) else found
            group = self._values.text(named)
            if group is None or group not in self._groups:
                self._report.left(found, "it stands for no model that was taken over.")
                continue
            if alias in self._groups:
                self._report.left(found, "there is a model of this name.")
                continue
            self._report.taken(named)
            if self._values.flag(found.get("hidden")):
                self._report.left(found.get("hidden"), "every model is listed to those who may use it.")
            yield alias, (found, group)


def _way(target: Mapping[str, Any]) -> tuple[str, str]:
    return target["target"], repr(target.get("parameters"))


def _without_zero(target: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in target.items() if (name, value) != ("priority", 0)}


def _whole_numbers(shares: Sequence[float]) -> list[int]:
    if all(share.is_integer() for share in shares):
        return [int(share) for share in shares]
    return [round(share * _FINE) for share in shares]
