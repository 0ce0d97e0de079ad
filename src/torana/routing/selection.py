"""In which order a plan's targets are tried: decided anew for each call, from what is known of it and of them."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b

from msgspec import Struct

from torana.core.errors import InvalidRequest
from torana.core.exchange import METADATA, Plan, Principal, Target
from torana.routing.health import Standing

Draw = Callable[[], float]
"""Chance: a number from 0 up to, not including, 1."""

_EXPLORED = 0.1
"""Share of the calls that go to a target because its latency ought to be known."""

_HASH_BYTES = 6  # whole bytes that a float holds exactly
_HASHES = 1 << 8 * _HASH_BYTES


class Caller(Struct, frozen=True):
    """What routing may know of a call."""

    subject: str = ""
    metadata: Mapping[str, str] = {}
    patience: float = math.inf
    """How long he gives one target until it begins to answer, in seconds."""


NOBODY = Caller()


@lru_cache(4096)
def subject_of(principal: Principal) -> str:
    """What calls of one caller have in common."""
    return f"{principal.issuer} {principal.name}"


class Candidate(Struct, frozen=True):
    """A target that may answer a call, and how it stands."""

    target: Target
    standing: Standing

    @property
    def left_alone(self) -> bool:
        """Whether its circuit keeps calls away from it now."""
        return self.standing.wait > 0


def order(plan: Plan, caller: Caller, standing: Callable[[Target], Standing], draw: Draw) -> tuple[Candidate, ...]:
    """The targets for a call, first things first; InvalidRequest when none of them is for its metadata.

    The order within one priority is as the plan's routing says. Those left alone by their circuits come last, the
    one that may be tried soonest before the others, so that there always is a first one.
    """
    candidates = [Candidate(target, standing(target)) for target in plan.targets if suits(target, caller)]
    if not candidates:
        raise InvalidRequest(
            f"The model '{plan.model}' has no target for a request with this metadata ({METADATA}).",
            param=METADATA,
            code="unsupported_metadata",
        )
    if len(candidates) == 1:
        return (candidates[0],)
    turns = _turns(plan, caller, candidates, draw)
    ranked = sorted(
        zip(candidates, turns, strict=True),
        key=lambda each: (each[0].standing.wait, each[0].target.priority, each[1]),
    )
    return tuple(candidate for candidate, _ in ranked)


def suits(target: Target, caller: Caller) -> bool:
    """Whether a target is for calls with such metadata."""
    return not target.when or all(caller.metadata.get(key) == value for key, value in target.when)


def sticky_value(plan: Plan, caller: Caller) -> str | None:
    """What calls have in common that go to the same target; None where nothing does."""
    sticky = plan.routing.sticky
    if sticky is None:
        return None
    return caller.subject or None if sticky == "subject" else caller.metadata.get(sticky.removeprefix("metadata."))


def _turns(plan: Plan, caller: Caller, candidates: Sequence[Candidate], draw: Draw) -> list[float]:
    """A number for each candidate: the least is first, equals are as written."""
    by_weight = plan.routing.order == "weight"
    value = sticky_value(plan, caller)
    if value is not None:
        return [_turn(_hashed(value, each.target), each.target.weight if by_weight else 1) for each in candidates]
    if by_weight:
        return [_turn(draw(), each.target.weight) for each in candidates]
    if plan.routing.order == "latency":
        return _by_latency(candidates, draw)
    return [0.0 for _ in candidates]


def _turn(chance: float, weight: int) -> float:
    """When a target comes in a race in which each wins as often as its weight says: never, at no weight.

    With chance from a hash the race is rendezvous hashing: who leaves it changes nothing among the others.
    """
    return -math.log1p(-chance) / weight if weight else math.inf


def _hashed(value: str, target: Target) -> float:
    # All that makes it another target, so that two ways of reaching the same model share the callers as well.
    way = f"{target} {target.parameters} {target.headers} {target.prompt}"
    digest = blake2b(f"{value}\n{way}".encode(), digest_size=_HASH_BYTES).digest()
    return int.from_bytes(digest, "big") / _HASHES


def _by_latency(candidates: Sequence[Candidate], draw: Draw) -> list[float]:
    """The fastest first and the unknown last, but now and then one comes first to be measured."""
    latencies = [each.standing.latency for each in candidates]
    turns = [math.inf if latency is None else latency for latency in latencies]
    places = _foremost(candidates)
    if draw() < _EXPLORED and places:
        among = [place for place in places if latencies[place] is None] or places
        turns[among[int(draw() * len(among))]] = -1.0
    return turns


def _foremost(candidates: Sequence[Candidate]) -> list[int]:
    """Where those are of which one is tried first."""
    at_hand = [place for place, each in enumerate(candidates) if not each.left_alone]
    least = min((candidates[place].target.priority for place in at_hand), default=0)
    return [place for place in at_hand if candidates[place].target.priority == least]
