"""Leave for one call: all limits and budgets admit it in one atomic step, and learn in one more what came of it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from decimal import Decimal
from typing import Any

from msgspec import Struct

from torana.core.errors import LimitExceeded
from torana.core.ledger import Charge
from torana.core.money import nanos
from torana.policy.budgets import NOTHING, Budgets, Draft, Worst
from torana.policy.limits import Limits, Sheet, Tell
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


class Permits:
    """The rules, and where they are counted; ``refused`` is told the name of a limit or a budget that refused."""

    __slots__ = ("budgets", "counters", "limits", "own", "refused", "renewals")

    def __init__(
        self,
        limits: Limits,
        budgets: Budgets,
        counters: Counters,
        own: Counters,
        refused: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self.limits = limits
        self.budgets = budgets
        self.counters = counters
        self.own = own
        """This process's own, for limits that are shared out while the others fail."""
        self.refused = refused
        self.renewals = Renewals(limits.lease / _RENEWALS)

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
        return _Passage(self, facts, _Step(self.counters, sheet, facts, draft, holder), allowance, tell)


def _charge(allowance: Allowance, draft: Draft) -> int:
    """Nano-dollars to each budget."""
    if not draft.draws:
        return 0
    if allowance.cost is not None:
        return nanos(allowance.cost)
    return draft.reserved if allowance.spent else 0


class _Step:
    """What one store counts of a call: in one atomic step at its beginning and one at its end."""

    __slots__ = ("_counters", "draft", "holder", "levels", "sheet", "taken", "takes")

    def __init__(self, counters: Counters, sheet: Sheet, facts: Facts, draft: Draft, holder: str) -> None:
        self._counters = counters
        self.sheet = sheet
        self.takes = sheet.takes(facts.amounts)
        self.draft = draft
        self.holder = holder
        self.levels: Sequence[Level] = ()
        self.taken = False
        """Whether anything may have been taken."""

    def admit(self, reserves: Sequence[Reserve]) -> Awaitable[Verdict]:
        """Asks whether the call may pass; whoever has the answer tells ``admitted``."""
        # Until the store has answered, nobody knows.
        self.taken = True
        return self._counters.admit(self.takes, self.sheet.holds, reserves, holder=self.holder)

    def admitted(self, verdict: Verdict) -> Verdict:
        """It may, or it may not."""
        self.taken = verdict.refusal is None
        self.levels = verdict.levels
        return verdict

    async def admitted_without_money(self) -> Verdict:
        """Whether the call may pass where no budget is counted."""
        if not (self.takes or self.sheet.holds):
            # Whoever opens the purses may reserve its money there.
            self.taken = True
            return Verdict(())
        return self.admitted(await self.admit(()))

    async def renew(self) -> None:
        """Keeps the places that are held, unless the store fails."""
        with suppress(CountersUnavailable):
            await self._counters.renew(self.sheet.holds, holder=self.holder)

    async def settled(self, allowance: Allowance) -> bool:
        """Sets right what was estimated, frees places, and charges budgets for what they reserved, if they did.

        Whether the store knows of it.
        """
        if not self.taken:
            return True
        sheet, draft = self.sheet, self.draft
        settlements = sheet.settlements(self.levels, allowance.used) if self.levels else ()
        charged = draft.charged(allowance.charged) if draft.draws else ()
        if not (settlements or sheet.holds or charged):
            return True
        try:
            return await self._counters.settle(settlements, sheet.holds, charged, holder=self.holder)
        except CountersUnavailable:
            # What was taken fills up again by itself, a place that is held ends with its lease, and of money the
            # ledger knows.
            return False


class Renewals:
    """Renews the places of all steps under way, each ``every`` seconds: those of a gateway that died are soon free.

    One timer is there for all, for as long as there is one of them; most calls are over before it is due. Steps are
    renewed one after the other, so that however many there are, the store has one of them at a time.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._steps: dict[_Step, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._round: asyncio.Task[None] | None = None
        self._renewing: tuple[_Step, asyncio.Task[None]] | None = None

    @property
    def awake(self) -> bool:
        """Whether its timer runs."""
        return self._timer is not None

    def begin(self, step: _Step) -> None:
        """From now on it is renewed."""
        self._steps[step] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every, self._due)

    def end(self, step: _Step) -> asyncio.Task[None] | None:
        """It is renewed no more; what is given is still on its way to the store, and about to end."""
        del self._steps[step]
        if self._renewing is None or self._renewing[0] is not step:
            return None
        task = self._renewing[1]
        task.cancel()
        return task

    def _due(self) -> None:
        if not self._steps:
            self._timer = None
            return
        self._timer = asyncio.get_running_loop().call_later(self._every, self._due)
        if self._round is None:
            self._round = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        try:
            for step in list(self._steps):
                if step in self._steps:
                    task = asyncio.create_task(step.renew())
                    self._renewing = step, task
                    await asyncio.wait((task,))
        finally:
            self._renewing = self._round = None


class _Passage:
    """A call's way past the counters, and past this process's own where the others fail."""

    __slots__ = ("_allowance", "_draft", "_facts", "_failed", "_permits", "_renewed", "_step", "_tell")

    def __init__(self, permits: Permits, facts: Facts, step: _Step, allowance: Allowance, tell: Tell) -> None:
        self._permits = permits
        self._facts = facts
        self._step = step
        self._draft = step.draft
        self._allowance = allowance
        self._tell = tell
        self._failed: _Step | None = None
        self._renewed = False

    async def __aenter__(self) -> Allowance:
        step = self._step
        try:
            try:
                verdict = step.admitted(await step.admit(self._draft.reserves))
            except CountersUnavailable as error:
                verdict = await self._admitted_all_the_same(error)
                step = self._step
            self._heed(verdict)
        except BaseException:
            # Who leaves while the counters are asked may have been let pass.
            await self._settle()
            raise
        if step.sheet.holds:
            self._permits.renewals.begin(step)
            self._renewed = True
        return self._allowance

    def __aexit__(self, *_how: object) -> Coroutine[Any, Any, None]:
        renewal = self._permits.renewals.end(self._step) if self._renewed else None
        return self._settle() if renewal is None else self._settle_after(renewal)

    async def _admitted_all_the_same(self, error: CountersUnavailable) -> Verdict:
        """Whether the call may pass; LimitsUnknown when it may not because something cannot be counted."""
        closed = isinstance(error, PursesClosed)
        # Purses that are closed take nothing of a step.
        self._step.taken = not closed
        self._draft.pass_uncounted(error)
        if closed:
            try:
                return await self._step.admitted_without_money()
            except CountersUnavailable as another:
                error = another
        sheet = self._permits.limits.sheet_while_they_fail(self._facts, error)
        self._failed = self._step
        self._step = _Step(self._permits.own, sheet, self._facts, NOTHING, self._failed.holder)
        return await self._step.admitted_without_money()

    async def _settle_after(self, renewal: asyncio.Task[None]) -> None:
        try:
            await asyncio.wait((renewal,))
        finally:
            await self._settle()

    async def _settle(self) -> None:
        """Tells the counters what came of the call; those that failed too, for they may have counted it."""
        allowance = self._allowance
        allowance.charged = _charge(allowance, self._draft)
        known = await self._step.settled(allowance)
        # Money is counted by those that failed, or by nobody.
        allowance.settled = known if self._failed is None else await self._failed.settled(allowance)

    def _heed(self, verdict: Verdict) -> None:
        """Tells where the caller stands, and raises what a refusal means."""
        self._tell(self._step.sheet.standings(verdict.levels))
        if verdict.refusal is not None:
            raise self._refusal(verdict.refusal)

    def _refusal(self, refusal: Refusal) -> LimitExceeded:
        sheet = self._step.sheet
        counted = len(sheet.limits)
        if refusal.index < counted:
            error = sheet.refused(refusal)
        else:
            error = self._permits.budgets.refused(self._draft, refusal.index - counted)
        self._permits.refused(error.rule or "")
        return error
