"""Walks a plan: one target after another until one answers, or two at once where the first is slow."""

from collections import deque
from random import SystemRandom
from typing import TypeVar

from torana.core.errors import ToranaError, UpstreamError
from torana.core.exchange import Plan, Reply, Target
from torana.routing.course import Attempt, Course, Report
from torana.routing.failures import speaks_against_target
from torana.routing.health import Health
from torana.routing.racing import in_a_race
from torana.routing.selection import NOBODY, Caller, Candidate, Draw, order

B = TypeVar("B")

_CHANCE = SystemRandom()


async def walk(
    plan: Plan,
    attempt: Attempt[B],
    report: Report,
    *,
    health: Health,
    caller: Caller = NOBODY,
    draw: Draw = _CHANCE.random,
) -> tuple[Target, Reply[B]]:
    """The first reply of the plan's targets; the last failure when none gives any. ``report`` is told each failure.

    That a target knows no such field is told only when none of them failed in another way. However the walk ends, by
    an answer, an error or cancellation, no attempt is left running.
    """
    routing = plan.routing
    candidates = order(plan, caller, lambda target: health.standing(target, routing.circuit), draw)
    course = Course(plan, attempt, report, health, deque(candidates), caller.patience)
    ended = await (_in_turn(course) if routing.hedge_after is None else in_a_race(course))
    if not isinstance(ended, ToranaError):
        return ended
    if candidates[0].left_alone and speaks_against_target(ended):
        raise _unavailable(plan, candidates[0], ended) from ended
    raise ended


async def _in_turn(course: Course[B]) -> tuple[Target, Reply[B]] | ToranaError:
    """One target at a time, in the caller's own task: most calls have no need of another."""
    while (at := course.next()) is not None:
        target, trial = at
        try:
            end = await course.tried(target, course.waiting.clear)
        except BaseException as error:
            trial.end(error)
            raise
        if not isinstance(end, ToranaError):
            trial.end(None)
            return target, end
        trial.end(end)
        course.failed(target, end)
    failure = course.failure
    assert failure is not None, "there is always a first target"
    failure.spent = course.spent
    return failure


def _unavailable(plan: Plan, soonest: Candidate, error: ToranaError) -> UpstreamError:
    unavailable = UpstreamError(
        f"Every target of the model '{plan.model}' has failed too often lately; one was tried again and failed.",
        code="upstream_unavailable",
        retry_after=max(soonest.standing.wait, error.retry_after or 0),
        reason=error.code,
    )
    unavailable.spent = error.spent
    return unavailable
