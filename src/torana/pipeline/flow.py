"""A request's whole journey, from its headers to its answer.

The caller is known before a byte of the body is taken in; the body is checked before anything is spent; the model's
plan is drawn before leave is given, because leave is given for a model that exists.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from torana.auth.identity import Identity
from torana.core.clock import Clock
from torana.core.errors import DeadlineExceeded, ToranaError
from torana.core.exchange import Answer, Asked, Call, Context, Credentials, Principal, Reply, Target
from torana.pipeline.prices import Prices, plus
from torana.policy.idempotency import Replays
from torana.policy.ledger import Ledger, Row
from torana.policy.matching import Facts
from torana.policy.rulebook import Rulebook, Ruling
from torana.providers.base import Provider
from torana.routing.attempts import walk
from torana.routing.catalog import Catalog
from torana.routing.health import Health
from torana.routing.selection import Caller
from torana.telemetry.record import Record, trace_headers

R = TypeVar("R", bound=Asked)
T = TypeVar("T")


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


async def answer(call: Call[R], snapshot: Snapshot, record: Record) -> Answer[R, Any]:
    """Identify, read, plan, admit, attempt: one stage after the other; any ToranaError is the caller's answer."""
    record.operation = call.operation
    principal = await _in_time(identify(call.credentials, snapshot, record), snapshot.deadline, record)
    ruling = snapshot.rulebook.ruling
    with snapshot.ledger.row(
        principal,
        call.operation,
        request_id=call.request_id,
        metadata=call.metadata,
        within=snapshot.deadline - record.seconds,
    ) as row:
        journey = _journey(call, principal, snapshot, ruling, row=row, record=record)
        return await _in_time(journey, snapshot.deadline, record)


async def identify(credentials: Credentials, snapshot: Snapshot, record: Record) -> Principal:
    """Who is asking; Unauthenticated where that cannot be told."""
    with record.stage("auth"):
        principal = await snapshot.identity.identify(credentials)
        record.principal = principal.subject
    return principal


async def _journey(
    call: Call[R], principal: Principal, snapshot: Snapshot, ruling: Ruling, *, row: Row, record: Record
) -> Answer[R, Any]:
    with record.stage("read"):
        request = await call.read()
    plan = snapshot.catalog.plan(request.model, call.operation)
    row.model = record.model = plan.model
    ruling.access.admit(principal, plan, call.operation)
    caller = Caller(f"{principal.issuer} {principal.name}", call.metadata)
    facts = Facts(principal, plan.model, call.operation, call.metadata, request.amounts)

    async def work() -> tuple[Target, Reply[Any]]:
        prices = Prices(request, plan, snapshot.providers)
        async with ruling.permits.permit(
            facts, row.allowance, holder=row.id, worst=prices.worst, note=row.open, tell=record.stand
        ):
            attempt = _attempt(request, caller, call, snapshot, record=record, prices=prices)
            walking = walk(plan, attempt, _report(record, prices), health=snapshot.health, caller=caller)
            with _accounted(row, prices):
                # Those who join this work wait for it as long as the call that began it may.
                target, reply = await _in_time(walking, snapshot.deadline, record)
                row.usage = reply.usage
            return target, reply

    (target, reply), replayed = await snapshot.replays.once(
        caller.subject, call.key, parts=request.parts, work=work, size_of=lambda done: done[1].body.size
    )
    record.target = row.target = str(target)
    record.replayed = row.replayed = replayed
    return Answer(request, reply, target, replayed=replayed)


async def _in_time(work: Coroutine[Any, Any, T], deadline: float, record: Record) -> T:
    """What comes of it within what is left of the call's deadline, in seconds."""
    try:
        async with asyncio.timeout(deadline - record.seconds) as limit:
            return await work
    except TimeoutError as error:
        if not limit.expired():
            raise
        late = DeadlineExceeded(f"The call took longer than {deadline:g} s and was given up.")
        # Nobody can say how far a target had come that was told to stop.
        late.spent = record.cut_short
        raise late from error


@contextmanager
def _accounted(row: Row, prices: Prices) -> Iterator[None]:
    """Tells the call's permit what it came to, and its row, however it ends."""
    allowance = row.allowance
    try:
        yield
    except BaseException:
        allowance.cost, allowance.spent = prices.in_doubt, bool(prices.doubtful)
        raise
    usage = row.usage
    allowance.used.update(images=usage.images or 0, tokens=sum(usage.tokens.values()))
    allowance.cost, allowance.spent = usage.cost, True
    if prices.doubtful:
        # Others may be paid as well, for what they did not deliver.
        allowance.cost = plus(usage.cost, prices.in_doubt)
        row.usage = replace(usage, cost=None)


def _attempt(
    request: R, caller: Caller, call: Call[R], snapshot: Snapshot, *, record: Record, prices: Prices
) -> Callable[[Target], Awaitable[Reply[Any]]]:
    async def attempt(target: Target) -> Reply[Any]:
        with record.stage("attempt", **{"gen_ai.response.model": str(target)}):
            answer_by = snapshot.providers[target.account].operations[call.operation]
            context = Context(
                caller.subject,
                headers=(*trace_headers(), *target.headers),
                on_partial=partial(call.on_partial, request),
                within=snapshot.deadline - record.seconds,
                parameters=dict(target.parameters),
                prompt=target.prompt,
            )
            try:
                return await answer_by(request, target.model, context)
            except asyncio.CancelledError:
                record.cut_short = True
                prices.doubt(target)
                raise

    return attempt


def _report(record: Record, prices: Prices) -> Callable[[Target, ToranaError], None]:
    def report(target: Target, error: ToranaError) -> None:
        record.attempts.append((str(target), error.code or error.type))
        if error.spent:
            prices.doubt(target)

    return report
