"""Walks a plan: one target after another until one answers, or two at once where the first is slow."""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from random import SystemRandom
from typing import Any, Generic, TypeVar

from torana.core.errors import AnswerLate, ToranaError, UpstreamError
from torana.core.exchange import Plan, Reply, Target
from torana.routing.failures import falls_back, is_beyond_target, speaks_against_target
from torana.routing.health import Health, Trial
from torana.routing.selection import NOBODY, Caller, Candidate, Draw, order

B = TypeVar("B")

Claim = Callable[[], None]
"""Called by an attempt whose answer begins to come: from then on it is the only one."""
Attempt = Callable[[Target, Claim], Awaitable[Reply[B]]]
Report = Callable[[Target, ToranaError], None]

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
    candidates = order(plan, caller, lambda target: health.standing(target, plan.routing.circuit), draw)
    race = _Race(plan, attempt, report, health, deque(candidates), caller.patience)
    try:
        async with asyncio.TaskGroup() as group:
            ended = await race.run(group)
    except BaseExceptionGroup as errors:
        # What an attempt raises beyond ToranaError is no target's failure: it goes on as it is.
        first = errors.exceptions[0]
        raise first from first.__cause__
    if not isinstance(ended, ToranaError):
        return ended
    if candidates[0].left_alone and speaks_against_target(ended):
        raise _unavailable(plan, candidates[0], ended) from ended
    raise ended


@dataclass(slots=True)
class _Race(Generic[B]):
    """The attempts of one walk, of which at most two run at once."""

    plan: Plan
    attempt: Attempt[B]
    report: Report
    health: Health
    waiting: deque[Candidate]
    patience: float
    running: dict[asyncio.Task[Reply[B] | ToranaError], Target] = field(default_factory=dict)
    spent: bool = False
    failure: ToranaError | None = None
    """What the walk ends with when no target answers."""
    refused: bool = False
    """Whether it is one that no further target is tried after."""

    async def run(self, group: asyncio.TaskGroup) -> tuple[Target, Reply[B]] | ToranaError:
        """The winner, or the failure that the walk ends with; the loser is told to stop."""
        ended = await self._ended(group)
        if isinstance(ended, ToranaError):
            # An attempt that is cut short may be charged for as well.
            ended.spent = self.spent or bool(self.running)
        for task in self.running:
            task.cancel()
        return ended

    async def _ended(self, group: asyncio.TaskGroup) -> tuple[Target, Reply[B]] | ToranaError:
        self._start_first(group)
        while True:
            oldest = next(iter(self.running))
            done, _ = await asyncio.wait(self.running, timeout=self._until_hedge, return_when=asyncio.FIRST_COMPLETED)
            ended = [(self.running.pop(task), task.result()) for task in list(self.running) if task in done]
            for target, end in ended:
                if isinstance(end, ToranaError):
                    self._failed(target, end)
            for target, end in ended:
                if not isinstance(end, ToranaError):
                    return target, end
            if not done or not self.running:
                self._start_next(group)
            # What only the hedge refuses, the target that it keeps company may still do.
            if self.failure is not None and (not self.running or (self.refused and oldest in done)):
                return self.failure

    @property
    def _until_hedge(self) -> float | None:
        """Seconds until a second target is asked too; None where that is not to be."""
        return self.plan.routing.hedge_after if self.waiting and len(self.running) == 1 else None

    def _start_first(self, group: asyncio.TaskGroup) -> None:
        first = self.waiting[0]
        if not first.left_alone:
            self._start_next(group)
            return
        # All are left alone. The one that may be tried soonest is tried at once: a call always goes somewhere.
        self.waiting.popleft()
        self._start(first.target, self.health.forced_trial(first.target, self.plan.routing.circuit), group)

    def _start_next(self, group: asyncio.TaskGroup) -> None:
        while self.waiting:
            target = self.waiting.popleft().target
            trial = self.health.trial(target, self.plan.routing.circuit)
            if trial is not None:
                self._start(target, trial, group)
                return

    def _start(self, target: Target, trial: Trial, group: asyncio.TaskGroup) -> None:
        task = group.create_task(self._try(target))
        # Not within the task: one that is cancelled before its first step must give its leave back too.
        task.add_done_callback(partial(_settle, trial))
        self.running[task] = target

    async def _try(self, target: Target) -> Reply[B] | ToranaError:
        own = asyncio.current_task()
        limit = asyncio.timeout(None if math.isinf(self.patience) else self.patience)

        def claim() -> None:
            limit.reschedule(None)
            self._claimed(own)

        try:
            async with limit:
                return await self.attempt(target, claim)
        except ToranaError as error:
            return error
        except TimeoutError as error:
            if not limit.expired():
                raise
            # Nobody can say how far it had come. The attempt has seen itself cut short, and has said so.
            self.spent = True
            late = AnswerLate(f"The upstream did not answer within the {self.patience:g} s that the caller gave it.")
            late.__cause__ = error
            return late

    def _claimed(self, own: "asyncio.Task[Any] | None") -> None:
        """The client has begun to get the answer of the attempt that runs in this task."""
        self.waiting.clear()
        for task in [task for task in self.running if task is not own]:
            # It may be charged for as well.
            self.spent = True
            del self.running[task]
            task.cancel()

    def _failed(self, target: Target, error: ToranaError) -> None:
        self.report(target, error)
        self.spent = self.spent or error.spent
        if self.refused:
            return
        self.refused = not falls_back(error, self.plan.routing.fallback_on)
        if self.refused:
            self.waiting.clear()
        if self.failure is None or not is_beyond_target(error):
            self.failure = error


def _settle(trial: Trial, task: asyncio.Task[Reply[B] | ToranaError]) -> None:
    if task.cancelled():
        trial.end(asyncio.CancelledError())
        return
    end = task.exception() or task.result()
    trial.end(end if isinstance(end, BaseException) else None)


def _unavailable(plan: Plan, soonest: Candidate, error: ToranaError) -> UpstreamError:
    unavailable = UpstreamError(
        f"Every target of the model '{plan.model}' has failed too often lately; one was tried again and failed.",
        code="upstream_unavailable",
        retry_after=max(soonest.standing.wait, error.retry_after or 0),
        reason=error.code,
    )
    unavailable.spent = error.spent
    return unavailable
