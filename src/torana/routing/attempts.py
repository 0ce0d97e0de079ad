"""Walks a plan: one target after another until one answers, or two at once where the first is slow."""

from collections import deque
from collections.abc import Awaitable
from random import SystemRandom
from typing import TypeVar

from torana.core.errors import ToranaError, UpstreamError
from torana.core.exchange import Plan, Reply, Target
from torana.routing.course import Attempt, Course, Report
from torana.routing.failures import speaks_against_target
from torana.routing.health import Health
from torana.routing.racing import in_a_race
from torana.routing.selection import NOBODY, Caller, Draw, order

B = TypeVar("B")

_CHANCE = SystemRandom()


def walk(
    plan: Plan,
    attempt: Attempt[B],
    report: Report,
    *,
    health: Health,
    caller: Caller = NOBODY,
    draw: Draw = _CHANCE.random,
) -> Awaitable[tuple[Target, Reply[B]]]:
    """The first reply of the plan's targets; the last failure when none gives any. ``report`` is told each failure.

    That a target knows no such field is told only when none of them failed in another way. However the walk ends, by
    an answer, an error or cancellation, no attempt is left running.
    """
    routing, targets = plan.routing, plan.targets
    if len(targets) != 1 or targets[0].when:
        candidates = order(plan, caller, lambda target: health.standing(target, routing.circuit), draw)
        targets = tuple([candidate.target for candidate in candidates])
    course = Course(plan, attempt, report, health, deque(targets), caller.patience)
    return _in_turn(course) if routing.hedge_after is None else _at_once(course)


async def _in_turn(course: Course[B]) -> tuple[Target, Reply[B]]:
    """One target at a time, in the caller's own task: most calls have no need of another."""
    while (at := course.next()) is not None:
        target, trial = at
        try:
            reply = await course.tried(target, course.waiting.clear)
        except ToranaError as error:
            trial.end(error)
            course.failed(target, error)
        except BaseException as error:
            trial.end(error)
            raise
        else:
            trial.end(None)
            return target, reply
    failure = course.failure
    assert failure is not None, "there is always a first target"
    failure.spent = course.spent
    raise _told(course, failure)


async def _at_once(course: Course[B]) -> tuple[Target, Reply[B]]:
    """Two targets where the first is slow."""
    ended = await in_a_race(course)
    if isinstance(ended, ToranaError):
        raise _told(course, ended)
    return ended


def _told(course: Course[B], failure: ToranaError) -> ToranaError:
    """The failure as the caller is told of it: where all were left alone, that is why none has answered."""
    if course.forced is None or not speaks_against_target(failure):
        return failure
    plan = course.plan
    unavailable = UpstreamError(
        f"Every target of the model '{plan.model}' has failed too often lately; one was tried again and failed.",
        code="upstream_unavailable",
        retry_after=max(course.health.standing(course.forced, plan.routing.circuit).wait, failure.retry_after or 0),
        reason=failure.code,
    )
    unavailable.spent = failure.spent
    unavailable.__cause__ = failure
    return unavailable
