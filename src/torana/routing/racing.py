"""A walk on which a second target is asked where the first is slow: at most two run at once, and one answers."""

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from torana.core.errors import ToranaError
from torana.core.exchange import Reply, Target
from torana.routing.course import Course
from torana.routing.health import Trial

B = TypeVar("B")


async def in_a_race(course: Course[B]) -> tuple[Target, Reply[B]] | ToranaError:
    """The first reply, or the failure that the walk ends with. However it ends, no attempt is left running."""
    race = _Race(course)
    try:
        async with asyncio.TaskGroup() as group:
            return await race.run(group)
    except BaseExceptionGroup as errors:
        # What an attempt raises beyond ToranaError is no target's failure: it goes on as it is.
        first = errors.exceptions[0]
        raise first from first.__cause__


@dataclass(slots=True)
class _Race(Generic[B]):
    course: Course[B]
    running: dict[asyncio.Task[Reply[B] | ToranaError], Target] = field(default_factory=dict)

    async def run(self, group: asyncio.TaskGroup) -> tuple[Target, Reply[B]] | ToranaError:
        """The winner, or the failure that the walk ends with; the loser is told to stop."""
        ended = await self._ended(group)
        if isinstance(ended, ToranaError):
            # An attempt that is cut short may be charged for as well.
            ended.spent = self.course.spent or bool(self.running)
        for task in self.running:
            task.cancel()
        return ended

    async def _ended(self, group: asyncio.TaskGroup) -> tuple[Target, Reply[B]] | ToranaError:
        self._start_next(group)
        while True:
            oldest = next(iter(self.running))
            done, _ = await asyncio.wait(self.running, timeout=self._until_hedge, return_when=asyncio.FIRST_COMPLETED)
            ended = [(self.running.pop(task), task.result()) for task in list(self.running) if task in done]
            for target, end in ended:
                if isinstance(end, ToranaError):
                    self.course.failed(target, end)
            for target, end in ended:
                if not isinstance(end, ToranaError):
                    return target, end
            if not done or not self.running:
                self._start_next(group)
            # What only the hedge refuses, the target that it keeps company may still do.
            failure = self.course.failure
            if failure is not None and (not self.running or (self.course.refused and oldest in done)):
                return failure

    @property
    def _until_hedge(self) -> float | None:
        """Seconds until a second target is asked too; None where that is not to be."""
        return self.course.plan.routing.hedge_after if self.course.waiting and len(self.running) == 1 else None

    def _start_next(self, group: asyncio.TaskGroup) -> None:
        at = self.course.next()
        if at is None:
            return
        target, trial = at
        task = group.create_task(self._try(target))
        # Not within the task: one that is cancelled before its first step must give its leave back too.
        task.add_done_callback(partial(_settle, trial))
        self.running[task] = target

    async def _try(self, target: Target) -> Reply[B] | ToranaError:
        own = asyncio.current_task()
        try:
            return await self.course.tried(target, partial(self._claimed, own))
        except ToranaError as error:
            return error

    def _claimed(self, own: "asyncio.Task[object] | None") -> None:
        """The client has begun to get the answer of the attempt that runs in this task."""
        self.course.waiting.clear()
        for task in [task for task in self.running if task is not own]:
            # It may be charged for as well.
            self.course.spent = True
            del self.running[task]
            task.cancel()


def _settle(trial: Trial, task: asyncio.Task[Reply[B] | ToranaError]) -> None:
    if task.cancelled():
        trial.end(asyncio.CancelledError())
        return
    end = task.exception() or task.result()
    trial.end(end if isinstance(end, BaseException) else None)
