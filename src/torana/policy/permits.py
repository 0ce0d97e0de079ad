"""Leave for one call: all limits and budgets admit it in one atomic step, and learn in one more what came of it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass
from decimal import Decimal

from msgspec import Struct

from torana.core.errors import LimitExceeded
from torana.core.ledger import Charge
from torana.core.money import nanos
from torana.policy.budgets import NOTHING, Budgets, Draft, Worst
from torana.policy.limits import Limits, Tally, Tell
from torana.policy.matching import Facts
from torana.storage.counters.port import (
    Counters,
    CountersUnavailable,
    Level,
    PursesClosed,
    Refusal,
    Reserve,
    Verdict,
)

_RENEWALS = 3
"""How often a place is renewed within its lease."""

Note = Callable[[tuple[Charge, ...], int], None]
"""Told what a call is about to draw on, and how many nano-dollars it reserves of each."""


class Allowance(Struct):
    """What a call was let have, to be filled with what it really took before it ends."""

    used: dict[str, int] = {}
    """By name: ``images``, ``tokens``."""
    cost: Decimal | None = None
    """US dollars; None is unknown."""
    spent: bool = False
    """Whether money may be gone although the cost is unknown."""
    charged: int = 0
    """Filled when it ends: nano-dollars to each of its budgets, all that was reserved where it is not known better."""
    settled: bool = False
    """Filled likewise: whether the counters know of that; else somebody has to tell them."""


@dataclass(frozen=True, slots=True)
class Permits:
    """The rules, and where they are counted."""

    limits: Limits
    budgets: Budgets
    counters: Counters
    own: Counters
    """This process's own, for limits that are shared out while the others fail."""
    refused: Callable[[str], None] = lambda _name: None
    """Told the name of a limit or a budget that refused."""

    def permit(
        self, facts: Facts, allowance: Allowance, *, holder: str, worst: Worst, note: Note, tell: Tell
    ) -> AbstractAsyncContextManager[Allowance]:
        """Lets a call pass on entering, and settles what it used and cost when it is over, however it ends.

        The allowance is a new one; it is filled even for a call that is refused. ``holder`` names the call and no
        other. ``note`` is called before anything is taken: when it raises, nothing is.
        LimitExceeded or BudgetExceeded when a rule refuses, PriceUnknown when a budget wants to know what the call may
        cost, LimitsUnknown when something cannot be counted and a rule then refuses.
        """
        sheet, draft = self.limits.sheet(facts), self.budgets.draft(facts, worst)
        note(draft.charges, draft.reserved)
        if not sheet.rules and not draft.draws:
            allowance.settled = True
            return nullcontext(allowance)
        step = _Step(self.counters, Tally(sheet, facts.amounts), draft, holder)
        return _Passage(self, facts, step, allowance, tell)


def _charge(allowance: Allowance, draft: Draft) -> int:
    """Nano-dollars to each budget."""
    if not draft.draws:
        return 0
    if allowance.cost is not None:
        return nanos(allowance.cost)
    return draft.reserved if allowance.spent else 0


class _Step:
    """What one store counts of a call: in one atomic step at its beginning and one at its end."""

    __slots__ = ("_counters", "_levels", "_taken", "draft", "holder", "tally")

    def __init__(self, counters: Counters, tally: Tally, draft: Draft, holder: str) -> None:
        self.tally = tally
        self.draft = draft
        self.holder = holder
        self._counters = counters
        self._levels: Sequence[Level] = ()
        self._taken = False

    async def admitted(self, reserves: Sequence[Reserve]) -> Verdict:
        """Whether the call may pass."""
        # Until the store has answered, nobody knows.
        self._taken = True
        tally = self.tally
        if not (tally.takes or tally.holds or reserves):
            return Verdict(())
        try:
            verdict = await self._counters.admit(tally.takes, tally.holds, reserves, holder=self.holder)
        except PursesClosed:
            self._taken = False
            raise
        self._taken = verdict.granted
        self._levels = verdict.levels
        return verdict

    async def renew(self) -> None:
        """Keeps the places that are held, unless the store fails."""
        with suppress(CountersUnavailable):
            await self._counters.renew(self.tally.holds, holder=self.holder)

    async def settled(self, allowance: Allowance) -> bool:
        """Sets right what was estimated, frees places, and charges budgets for what they reserved, if they did.

        Whether the store knows of it.
        """
        if not self._taken:
            return True
        tally = self.tally
        settlements = tally.settlements(self._levels, allowance.used) if self._levels else []
        charged = self.draft.charged(allowance.charged)
        if not (settlements or tally.holds or charged):
            return True
        try:
            return await self._counters.settle(settlements, tally.holds, charged, holder=self.holder)
        except CountersUnavailable:
            # What was taken fills up again by itself, a place that is held ends with its lease, and of money the
            # ledger knows.
            return False


class _Renewing:
    """Renews the places of a step, each ``every`` seconds: those of a gateway that died are soon free.

    Most calls end before any is due, and cost no more than a timer.
    """

    __slots__ = ("_every", "_step", "_task", "_timer")

    def __init__(self, step: _Step, every: float) -> None:
        self._step = step
        self._every = every
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(every, self._begin)

    async def end(self) -> None:
        """Renews them no more; when this is over, nothing is on its way to the store either."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        while True:
            await self._step.renew()
            await asyncio.sleep(self._every)


class _Passage:
    """A call's way past the counters, and past this process's own where the others fail."""

    __slots__ = ("_allowance", "_draft", "_facts", "_failed", "_permits", "_renewing", "_step", "_tell")

    def __init__(self, permits: Permits, facts: Facts, step: _Step, allowance: Allowance, tell: Tell) -> None:
        self._permits = permits
        self._facts = facts
        self._step = step
        self._draft = step.draft
        self._allowance = allowance
        self._tell = tell
        self._failed: _Step | None = None
        self._renewing: _Renewing | None = None

    async def __aenter__(self) -> Allowance:
        try:
            await self._enter()
        except BaseException:
            # Who leaves while the counters are asked may have been let pass.
            await self._settle()
            raise
        if self._step.tally.holds:
            self._renewing = _Renewing(self._step, self._permits.limits.lease / _RENEWALS)
        return self._allowance

    async def __aexit__(self, *_how: object) -> None:
        try:
            if self._renewing is not None:
                await self._renewing.end()
        finally:
            await self._settle()

    async def _enter(self) -> None:
        verdict = await self._admitted()
        self._tell(self._step.tally.standings(verdict.levels))
        if verdict.refusal is not None:
            raise self._refusal(verdict.refusal)

    async def _admitted(self) -> Verdict:
        """Whether the call may pass; LimitsUnknown when it may not because something cannot be counted."""
        try:
            return await self._counted()
        except CountersUnavailable as error:
            self._draft.pass_uncounted(error)
            tally = self._permits.limits.tally_while_they_fail(self._facts, error)
            self._failed = self._step
            self._step = _Step(self._permits.own, tally, NOTHING, self._failed.holder)
            return await self._step.admitted(())

    async def _counted(self) -> Verdict:
        try:
            return await self._step.admitted(self._draft.reserves)
        except PursesClosed as error:
            self._draft.pass_uncounted(error)
            return await self._step.admitted(())

    async def _settle(self) -> None:
        """Tells the counters what came of the call; those that failed too, for they may have counted it."""
        allowance = self._allowance
        allowance.charged = _charge(allowance, self._draft)
        known = await self._step.settled(allowance)
        # Money is counted by those that failed, or by nobody.
        allowance.settled = known if self._failed is None else await self._failed.settled(allowance)

    def _refusal(self, refusal: Refusal) -> LimitExceeded:
        tally = self._step.tally
        counted = len(tally.takes) + len(tally.holds)
        if refusal.index < counted:
            error = tally.refused(refusal)
        else:
            error = self._permits.budgets.refused(self._draft, refusal.index - counted)
        self._permits.refused(error.rule or "")
        return error
