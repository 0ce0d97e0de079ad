"""A request's whole journey, from its headers to its answer.

The caller is known before a byte of the body is taken in; the body is checked before anything is spent; the model's
plan is drawn before leave is given, because leave is given for a model that exists.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar

from msgspec import Struct

from torana.auth.identity import Identity
from torana.core.clock import Clock
from torana.core.errors import DeadlineExceeded
from torana.core.exchange import Answer, Asked, Call, Credentials, Misled, Plan, Principal, Reply, Target
from torana.core.waits import Deadline
from torana.pipeline.attempting import Attempting
from torana.pipeline.caching import Place, place
from torana.pipeline.guarding import as_read, guard_answer, guard_request
from torana.pipeline.prices import Prices
from torana.pipeline.remembering import FORGETFUL, Memory
from torana.pipeline.telling import MOST_KEPT, Telling
from torana.policy.cache.rules import UNKEPT, Caching
from torana.policy.guardrails.rules import UNGUARDED, Guards
from torana.policy.guardrails.watch import Watch
from torana.policy.idempotency import Replays
from torana.policy.ledger import Ledger, Row
from torana.policy.matching import Facts
from torana.policy.permits import Permits
from torana.policy.rulebook import Rulebook
from torana.providers.base import Provider
from torana.routing.attempts import walk
from torana.routing.catalog import Catalog
from torana.routing.health import Health
from torana.routing.selection import Caller, subject_of
from torana.telemetry.record import Record

R = TypeVar("R", bound=Asked)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The compiled configuration that requests are served from."""

    identity: Identity
    catalog: Catalog
    providers: Mapping[str, Provider]
    deadline: float
    """Time for one call, in seconds."""
    clock: Clock
    health: Health
    """How the targets have fared lately; it outlives the configuration."""
    rulebook: Rulebook
    """Who may use what, and how much."""
    ledger: Ledger
    """Where each call is written down."""
    replays: Replays[tuple[Target, Reply[Any]]]
    """Calls under way and done, for those that are sent twice; they outlive it too."""
    memory: Memory = FORGETFUL
    """Answers that conversations go on from; it outlives it too."""
    guards: Guards = UNGUARDED
    """What is checked of requests and of answers."""
    caching: Caching = UNKEPT
    """Whose answers are given again to those who ask the same."""


class CallDeadline(Deadline):
    """The time that a call has; what it interrupts fails with DeadlineExceeded."""

    __slots__ = ("_record", "_whole")

    def __init__(self, snapshot: Snapshot, record: Record) -> None:
        super().__init__(snapshot.deadline - record.seconds)
        self._whole = snapshot.deadline
        self._record = record

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lift()
        if self.expired:
            self.tell(error)

    def tell(self, error: BaseException | None) -> None:
        """Raises DeadlineExceeded in place of the error by which this ended the call; any other is left as it is."""
        if self.interrupted() and isinstance(error, asyncio.CancelledError):
            late = DeadlineExceeded(f"The call took longer than {self._whole:g} s and was given up.")
            # Nobody can say how far a target had come that was told to stop.
            late.spent = self._record.cut_short
            raise late from error


async def answer(call: Call[R], snapshot: Snapshot, record: Record) -> Answer[R, Any]:
    """One stage after the other, as ``_journey`` has them; any ToranaError is the caller's answer."""
    record.operation = call.operation
    with CallDeadline(snapshot, record) as deadline:
        principal = await identify(call.credentials, snapshot, record)
        with snapshot.ledger.row(
            principal,
            call.operation,
            request_id=call.request_id,
            metadata=call.metadata,
            within=deadline.seconds,
        ) as row:
            try:
                return await _true_journey(call, principal, snapshot, row=row, record=record)
            except asyncio.CancelledError as interrupted:
                # Here, so that the row says so too.
                deadline.tell(interrupted)
                raise
            finally:
                record.use(row.usage)


async def identify(credentials: Credentials, snapshot: Snapshot, record: Record) -> Principal:
    """Who is asking; Unauthenticated where that cannot be told."""
    with record.stage("auth"):
        principal = await snapshot.identity.identify(credentials)
        record.principal = principal.subject
    return principal


async def _true_journey(
    call: Call[R], principal: Principal, snapshot: Snapshot, *, row: Row, record: Record
) -> Answer[R, Any]:
    """The journey on what is really asked: what is taken up before all of it is there may turn out to be another."""
    try:
        return await _journey(call, principal, snapshot, row=row, record=record)
    except Misled:
        return await _journey(call, principal, snapshot, row=row, record=record)


async def _journey(
    call: Call[R], principal: Principal, snapshot: Snapshot, *, row: Row, record: Record
) -> Answer[R, Any]:
    """Read, plan, access; guard what is asked, look whether it was answered; permit, attempt, guard the answer."""
    ruling = snapshot.rulebook.ruling
    with record.stage("read"):
        asked = await call.read()
    plan = snapshot.catalog.plan(asked.model, call.operation, call.wishes.provider)
    row.model = record.model = plan.model
    ruling.access.admit(principal, plan, call.operation)
    caller = Caller(subject_of(principal), call.metadata, call.wishes.request_timeout)
    facts = Facts(principal, plan.model, call.operation, call.metadata)
    watch = snapshot.guards.watch(facts, call.wishes.guards)
    memory = snapshot.memory.of(asked)
    # What was said before is guarded with the rest: it may have been said where fewer guardrails are.
    request = await memory.recalled(asked, caller.subject) if memory.shelf is not None else asked
    if watch.before:
        request = await guard_request(request, watch, facts, record)
    kept_at = place(snapshot.caching, call, request, plan=plan, facts=facts, watch=watch)
    if watch.before or kept_at.shelf:
        request = as_read(request)
    telling = Telling(call, MOST_KEPT if call.key or kept_at.shelf else 0, watch.held)
    work = _Work(
        request, plan, caller, facts, watch, memory, kept_at, telling, ruling.permits, snapshot, row, record
    )  # fmt: skip
    if snapshot.replays.joins(call.key):
        (target, reply), replayed = await snapshot.replays.once(
            caller.subject, call.key, parts=asked.parts, work=work.done_in_time, size_of=_size
        )
    else:
        (target, reply), replayed = await work.done(), False
    record.target = row.target = str(target)
    record.replayed = replayed
    row.replayed = replayed or record.cache == "hit"
    return Answer(request, telling.rest(reply), target, replayed=replayed)


class _Work(Struct, Generic[R]):
    """What is done for a call that may be made; calls of one key have it done once."""

    request: R
    plan: Plan
    caller: Caller
    facts: Facts
    watch: Watch
    memory: Memory
    kept_at: Place
    telling: Telling[R]
    permits: Permits
    snapshot: Snapshot
    row: Row
    record: Record

    async def done_in_time(self) -> tuple[Target, Reply[Any]]:
        """The same, for those who join it: they wait for it as long as the call that began it may."""
        with CallDeadline(self.snapshot, self.record):
            return await self.done()

    async def done(self) -> tuple[Target, Reply[Any]]:
        """Admitted, answered from what was kept or by a target, guarded, kept, and settled."""
        request, row, record = self.request, self.row, self.record
        kept = await self.kept_at.find(record) if self.kept_at.shelf else None
        # What was kept costs nothing, and counts as a request like any other.
        targets = () if kept else self.plan.targets
        prices = Prices(request, targets, self.snapshot.providers, row, self.plan.routing.hedged)
        amounts = {} if kept else request.amounts
        async with self.permits.permit(self.facts, amounts, row, worst=prices.worst, tell=record.stand):
            with prices:
                target, reply = kept or await self._walk(prices)
                row.usage = reply.usage
            if kept is None and (self.watch.after or self.watch.held):
                reply = self.telling.released(request, reply)
                reply = await guard_answer(reply, request, watch=self.watch, facts=self.facts, record=record)
            if self.memory.shelf is not None:
                reply = await self.memory.keeping(request, self.caller.subject, target).kept(reply)
            whole = self.telling.whole(request, reply)
            if kept is None and self.kept_at.shelf:
                await self.kept_at.keep(target, whole)
            return target, whole

    def _walk(self, prices: Prices) -> Awaitable[tuple[Target, Reply[Any]]]:
        snapshot, caller = self.snapshot, self.caller
        trying = Attempting(
            self.request,
            self.telling,
            caller,
            snapshot.providers,
            self.memory,
            prices,
            self.record,
            snapshot.deadline,
        )
        return walk(self.plan, trying.attempt, trying.failed, health=snapshot.health, caller=caller)


def _size(done: tuple[Target, Reply[Any]]) -> int:
    """Bytes that an answer takes to keep."""
    size: int = done[1].body.size
    return size
