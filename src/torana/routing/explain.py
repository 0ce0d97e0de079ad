"""Explains a plan: for each target, its place in the order of trying and why it is there."""

from collections.abc import Callable
from dataclasses import dataclass

from torana.core.exchange import Plan, Target
from torana.routing.health import Standing
from torana.routing.selection import Caller, Candidate, order, sticky_value, suits

_MIDDLE = 0.5
"""Chance that favours nobody: neither explores, nor puts a lesser weight before a greater one."""


@dataclass(frozen=True, slots=True)
class Row:
    """A target, its place counted from 1, and the reasons; no place when it is not for such a call."""

    target: Target
    place: int | None
    reasons: tuple[str, ...]


def explain(plan: Plan, caller: Caller, standing: Callable[[Target], Standing]) -> tuple[Row, ...]:
    """The order in which a call's targets are tried, chance aside, and then those that are not for it."""
    suited = [target for target in plan.targets if suits(target, caller)]
    candidates = order(plan, caller, standing, lambda: _MIDDLE) if suited else ()
    placed = [
        Row(each.target, place, (*_reasons(plan, caller, each), *_conditions(each.target), *_circuit(each.standing)))
        for place, each in enumerate(candidates, 1)
    ]
    others = [Row(target, None, _conditions(target)) for target in plan.targets if not suits(target, caller)]
    return (*placed, *others)


def _reasons(plan: Plan, caller: Caller, candidate: Candidate) -> tuple[str, ...]:
    priority = f"priority {candidate.target.priority}"
    if sticky_value(plan, caller) is not None:
        return (priority, f"sticky by {plan.routing.sticky}", *_weight(plan, candidate.target))
    if plan.routing.order == "latency":
        seconds = candidate.standing.latency
        return (priority, "latency not known" if seconds is None else f"answers in about {seconds:.3g} s")
    return (priority, *_weight(plan, candidate.target))


def _weight(plan: Plan, target: Target) -> tuple[str, ...]:
    if plan.routing.order != "weight":
        return ()
    return (f"weight {target.weight}" if target.weight else "weight 0: a fallback only",)


def _conditions(target: Target) -> tuple[str, ...]:
    return tuple(f"only when metadata has {key}={value}" for key, value in target.when)


def _circuit(standing: Standing) -> tuple[str, ...]:
    if standing.state == "closed":
        return ()
    return (f"circuit {standing.state}" + (f", next try in {standing.wait:.0f} s" if standing.wait else ""),)
