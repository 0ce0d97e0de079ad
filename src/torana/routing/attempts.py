"""Walks a plan: one target after another until one answers."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from torana.core.errors import ToranaError
from torana.core.exchange import Plan, Reply, Target

B = TypeVar("B")

Attempt = Callable[[Target], Awaitable[Reply[B]]]
Report = Callable[[Target, ToranaError], None]


async def walk(plan: Plan, attempt: Attempt[B], report: Report) -> tuple[Target, Reply[B]]:
    """The first reply of the plan's targets; the last one's error when none gives any.

    A failure that the caller could mend ends the walk: no other target would answer it better.
    """
    *others, last = plan.targets
    for target in others:
        try:
            return target, await attempt(target)
        except ToranaError as error:
            report(target, error)
            if not error.retryable:
                raise
    try:
        return last, await attempt(last)
    except ToranaError as error:
        report(last, error)
        raise
