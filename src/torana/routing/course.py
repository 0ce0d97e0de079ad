"""How far a walk has come: the targets that are left, and what became of those that were tried."""

import math
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from msgspec import Struct

from torana.core.errors import AnswerLate, ToranaError
from torana.core.exchange import Plan, Reply, Target
from torana.core.waits import Deadline
from torana.routing.failures import falls_back, is_beyond_target
from torana.routing.health import Health, Trial

B = TypeVar("B")

Claim = Callable[[], None]
"""Called by an attempt whose answer begins to come: from then on it is the only one."""
Attempt = Callable[[Target, Claim], Awaitable[Reply[B]]]
Report = Callable[[Target, ToranaError], None]


class Course(Struct, Generic[B], eq=False):
    """One walk; ``patience`` is how long one target may take until its answer begins, in seconds."""

    plan: Plan
    attempt: Attempt[B]
    report: Report
    health: Health
    waiting: deque[Target]
    patience: float
    begun: bool = False
    forced: Target | None = None
    """The first target, where all are left alone by their circuits and it was tried all the same."""
    spent: bool = False
    failure: ToranaError | None = None
    """What the walk ends with when no target answers."""
    refused: bool = False
    """Whether it is one that no further target is tried after."""

    def next(self) -> tuple[Target, Trial] | None:
        """The next target that may be tried; None when there is none left."""
        circuit = self.plan.routing.circuit
        while self.waiting:
            target = self.waiting.popleft()
            trial = self.health.trial(target, circuit)
            if trial is None and not self.begun:
                # The one that may be tried soonest comes first, and is tried at once: a call always goes somewhere.
                self.forced, trial = target, self.health.forced_trial(target, circuit)
            self.begun = True
            if trial is not None:
                return target, trial
        return None

    def tried(self, target: Target, claimed: Claim) -> Awaitable[Reply[B]]:
        """What a target answers; ``claimed`` is told when its answer begins to come."""
        return self.attempt(target, claimed) if self.patience == math.inf else self._in_time(target, claimed)

    async def _in_time(self, target: Target, claimed: Claim) -> Reply[B]:
        limit = Deadline(self.patience)

        def claim() -> None:
            limit.lift()
            claimed()

        try:
            with limit:
                return await self.attempt(target, claim)
        except TimeoutError as error:
            if not limit.expired:
                raise
            # Nobody can say how far it had come. The attempt has seen itself cut short, and has said so.
            self.spent = True
            late = AnswerLate(f"The upstream did not answer within the {self.patience:g} s that the caller gave it.")
            raise late from error

    def failed(self, target: Target, error: ToranaError) -> None:
        """A target did not answer."""
        self.report(target, error)
        self.spent = self.spent or error.spent
        if self.refused:
            return
        self.refused = not falls_back(error, self.plan.routing.fallback_on)
        if self.refused:
            self.waiting.clear()
        if self.failure is None or not is_beyond_target(error):
            self.failure = error
