"""A request's whole journey, from its headers to its answer.

The caller is known before a byte of the body is taken in; the body is checked before anything is spent; the model's
plan is drawn before leave is given, because leave is given for a model that exists.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from torana.auth.jwt import Authenticator
from torana.core.clock import Clock
from torana.core.errors import DeadlineExceeded, ToranaError
from torana.core.exchange import Answer, Asked, Call, Context, Principal, Reply, Target
from torana.policy.access import admit
from torana.policy.idempotency import Replays
from torana.policy.limits import Facts, Limits
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

    authenticator: Authenticator
    catalog: Catalog
    providers: Mapping[str, Provider]
    deadline: float
    """Time for one call, in seconds."""
    clock: Clock
    health: Health
    """How the targets have fared lately; it outlives the configuration."""
    limits: Limits
    """How much whom is let have."""
    replays: Replays[tuple[Target, Reply[Any]]]
    """Calls under way and done, for those that are sent twice; they outlive it too."""


async def answer(call: Call[R], snapshot: Snapshot, record: Record) -> Answer[R, Any]:
    """Authenticate, read, plan, admit, attempt: one stage after the other; any ToranaError is the caller's answer."""
    record.operation = call.operation

    async def journey() -> Answer[R, Any]:
        principal = await identify(call.authorization, snapshot, record)
        with record.stage("read"):
            request = await call.read()
        plan = snapshot.catalog.plan(request.model, call.operation)
        record.model = plan.model
        admit(principal, plan)
        caller = Caller(f"{principal.issuer} {principal.subject}", call.metadata)

        facts = Facts(principal, plan.model, call.operation, call.metadata, request.amounts)

        async def work() -> tuple[Target, Reply[Any]]:
            async with snapshot.limits.allowance(facts, record.stand) as allowance:
                attempt = _attempt(request, caller, call, snapshot, record)
                walking = walk(plan, attempt, _report(record), health=snapshot.health, caller=caller)
                # Those who join this work wait for it as long as the call that began it may.
                target, reply = await _in_time(walking, snapshot.deadline, record)
                allowance.used["images"] = reply.usage.images or 0
                return target, reply

        (target, reply), replayed = await snapshot.replays.once(
            caller.subject, call.key, parts=request.parts, work=work, size_of=lambda done: done[1].body.size
        )
        record.target = str(target)
        record.replayed = replayed
        return Answer(request, reply, target, replayed=replayed)

    return await _in_time(journey(), snapshot.deadline, record)


async def identify(authorization: str | None, snapshot: Snapshot, record: Record) -> Principal:
    """Who is asking; Unauthenticated where that cannot be told."""
    with record.stage("auth"):
        principal = await snapshot.authenticator.authenticate(authorization)
        record.principal = principal.subject
    return principal


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


def _attempt(
    request: R, caller: Caller, call: Call[R], snapshot: Snapshot, record: Record
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
                raise

    return attempt


def _report(record: Record) -> Callable[[Target, ToranaError], None]:
    def report(target: Target, error: ToranaError) -> None:
        record.attempts.append((str(target), error.code or error.type))

    return report
