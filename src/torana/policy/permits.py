"""Leave for one call: all limits and budgets admit it in one atomic step, and learn in one more what came of it."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from decimal import Decimal
from typing import Any, NoReturn, Protocol

from msgspec import Struct

from torana.core.ledger import Charge
from torana.core.money import nanos
from torana.policy.budgets import NOTHING, Budgets, Draft, Worst
from torana.policy.limits import Limits, Sheet, Tell
from torana.policy.matching import Facts
from torana.storage.counters.port import (
    Charged,
    Counters,
    CountersUnavailable,
    Level,
    PursesClosed,
    Refusal,
    Verdict,
)

_RENEWALS = 3
"""How often a place is renewed within its lease."""


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


class Noted(Protocol):
    """What is written down of a call, as far as its permit has to do with it."""

    @property
    def id(self) -> str:
        """Names the call and no other."""
        ...

    @property
    def allowance(self) -> Allowance:
        """A new one; it is filled even for a call that is refused."""
        ...

    def open(self, charges: tuple[Charge, ...], reserved: int) -> bool:
        """Notes what it is about to draw on, and how many nano-dollars it reserves of each; may raise.

        Whether that is for the first time: a call may be begun again, and is one call.
        """
        ...


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
        self, facts: Facts, amounts: Mapping[str, int], row: Noted, *, worst: Worst, tell: Tell
    ) -> AbstractAsyncContextManager[Allowance]:
        """Lets a call pass on entering, and settles what it used and cost when it is over, however it ends.

        ``amounts`` is how much of each thing it asks for, by name. The row is opened before anything is taken: when
        that raises, nothing is.
        LimitExceeded or BudgetExceeded when a rule refuses, PriceUnknown when a budget wants to know what the call may
        cost, LimitsUnknown when something cannot be counted and a rule then refuses.
        """
        sheet, draft = self.limits.sheet(facts), self.budgets.draft(facts, worst)
        is_new = row.open(draft.drawn.charges, draft.reserved)
        if not sheet.rules and draft is NOTHING:
            row.allowance.settled = True
            return nullcontext(row.allowance)
        return _Passage(self, self.counters, facts, amounts, row, sheet, draft, tell, is_new)


class _Passage(Struct, eq=False):
    """A call's way past counters: in one atomic step at its beginning and one at its end."""

    permits: Permits
    counters: Counters
    facts: Facts
    amounts: Mapping[str, int]
    row: Noted
    sheet: Sheet
    draft: Draft
    tell: Tell
    is_new: bool
    """Whether it was not counted as a request before."""
    levels: tuple[Level, ...] = ()
    taken: bool = False
    """Whether anything may have been taken."""
    instead: "_Passage | None" = None
    """The way past this process's own counters, where these failed."""

    async def __aenter__(self) -> Allowance:
        sheet = self.sheet
        try:
            takes, reserves = sheet.takes(self.amounts, self.is_new), self.draft.reserves
            # Until the store has answered, nobody knows.
            self.taken = True
            try:
                verdict = await self.counters.admit(takes, sheet.holds, reserves, holder=self.row.id)
                self.taken = verdict.refusal is None
                self.levels = verdict.levels
            except CountersUnavailable as error:
                verdict = await self._admitted_all_the_same(error)
                sheet = (self.instead or self).sheet
            self.tell(sheet.standings(verdict.levels))
            if verdict.refusal is not None:
                self._refuse(verdict.refusal)
        except BaseException:
            # Who leaves while the counters are asked may have been let pass.
            await self.settle()
            raise
        if sheet.holds:
            self.permits.renewals.begin(self.instead or self)
        return self.row.allowance

    def __aexit__(self, *_how: object) -> Coroutine[Any, Any, None]:
        admitted = self.instead or self
        renewal = self.permits.renewals.end(admitted) if admitted.sheet.holds else None
        return self.settle() if renewal is None else self._settle_after(renewal)

    async def renew(self) -> None:
        """Keeps the places that are held, unless the store fails."""
        with suppress(CountersUnavailable):
            await self.counters.renew(self.sheet.holds, holder=self.row.id)

    async def _admitted_all_the_same(self, error: CountersUnavailable) -> Verdict:
        """Whether the call may pass; LimitsUnknown when it may not because something cannot be counted."""
        closed = isinstance(error, PursesClosed)
        # Purses that are closed take nothing of a step.
        self.taken = not closed
        self.draft.pass_uncounted(error)
        if closed:
            try:
                return await self.admitted_without_money()
            except CountersUnavailable as another:
                error = another
        permits = self.permits
        sheet = permits.limits.sheet_while_they_fail(self.facts, error)
        self.instead = _Passage(
            permits, permits.own, self.facts, self.amounts, self.row, sheet, NOTHING, self.tell, self.is_new
        )
        return await self.instead.admitted_without_money()

    async def admitted_without_money(self) -> Verdict:
        """Whether the call may pass where no budget is counted."""
        takes, holds = self.sheet.takes(self.amounts, self.is_new), self.sheet.holds
        self.taken = True
        if not (takes or holds):
            # Whoever opens the purses may reserve its money there.
            return Verdict(())
        verdict = await self.counters.admit(takes, holds, (), holder=self.row.id)
        self.taken = verdict.refusal is None
        self.levels = verdict.levels
        return verdict

    async def _settle_after(self, renewal: asyncio.Task[None]) -> None:
        try:
            await asyncio.wait((renewal,))
        finally:
            await self.settle()

    async def settle(self) -> None:
        """Sets right what was estimated, frees places, and charges budgets for what they reserved, if they did.

        Counters that failed are told too, for they may have counted the call.
        """
        allowance, draft, sheet = self.row.allowance, self.draft, self.sheet
        if self.instead is not None:
            await self.instead.settle()
            # Money is counted by those that failed, or by nobody.
            allowance.settled = False
        charged: tuple[Charged, ...] = ()
        if draft is not NOTHING:
            cost = allowance.cost
            amount = nanos(cost) if cost is not None else draft.reserved if allowance.spent else 0
            # Where a call was begun again, both count.
            allowance.charged += amount
            charged = draft.charged(amount)
        settlements = sheet.settlements(self.levels, allowance.used) if self.levels else ()
        if not self.taken or not (settlements or sheet.holds or charged):
            allowance.settled = True
            return
        try:
            allowance.settled = await self.counters.settle(settlements, sheet.holds, charged, holder=self.row.id)
        except CountersUnavailable:
            # What was taken fills up again by itself, a place that is held ends with its lease, and of money the
            # ledger knows.
            allowance.settled = False

    def _refuse(self, refusal: Refusal) -> NoReturn:
        sheet = (self.instead or self).sheet
        counted = len(sheet.limits)
        if refusal.index < counted:
            error = sheet.refused(refusal)
        else:
            error = self.permits.budgets.refused(self.draft, refusal.index - counted)
        self.permits.refused(error.rule or "")
        raise error


class Renewals:
    """Renews the places of all calls under way, each ``every`` seconds: those of a gateway that died are soon free.

    One timer is there for all, for as long as there is one of them; most calls are over before it is due. They are
    renewed one after the other, so that however many there are, the store has one of them at a time.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._passages: dict[_Passage, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._round: asyncio.Task[None] | None = None
        self._renewing: tuple[_Passage, asyncio.Task[None]] | None = None

    @property
    def awake(self) -> bool:
        """Whether its timer runs."""
        return self._timer is not None

    def begin(self, passage: _Passage) -> None:
        """From now on it is renewed."""
        self._passages[passage] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every, self._due)

    def end(self, passage: _Passage) -> asyncio.Task[None] | None:
        """It is renewed no more; what is given is still on its way to the store, and about to end."""
        del self._passages[passage]
        if self._renewing is None or self._renewing[0] is not passage:
            return None
        task = self._renewing[1]
        task.cancel()
        return task

    def _due(self) -> None:
        if not self._passages:
            self._timer = None
            return
        self._timer = asyncio.get_running_loop().call_later(self._every, self._due)
        if self._round is None:
            self._round = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        try:
            for passage in list(self._passages):
                if passage in self._passages:
                    task = asyncio.create_task(passage.renew())
                    self._renewing = passage, task
                    await asyncio.wait((task,))
        finally:
            self._renewing = self._round = None
