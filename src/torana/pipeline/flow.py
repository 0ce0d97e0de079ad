"""A request's whole journey, from its headers to its answer.

The caller is known before a byte of the body is taken in; the body is checked before anything is spent; the model's
plan is drawn before leave is given, because leave is given for a model that exists.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from torana.auth.jwt import Authenticator
from torana.core.clock import Clock
from torana.core.errors import DeadlineExceeded, ToranaError
from torana.core.exchange import Answer, Asked, Call, Context, Principal, Reply, Target
from torana.policy.access import admit
from torana.providers.base import Provider
from torana.routing.attempts import walk
from torana.routing.catalog import Catalog
from torana.telemetry.record import Record, trace_headers

R = TypeVar("R", bound=Asked)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The compiled configuration that requests are served from."""

    authenticator: Authenticator
    catalog: Catalog
    providers: Mapping[str, Provider]
    deadline: float
    """Time for one call, in seconds."""
    clock: Clock


async def answer(call: Call[R], snapshot: Snapshot, record: Record) -> Answer[R, Any]:
    """Authenticate, read, plan, admit, attempt: one stage after the other; any ToranaError is the caller's answer."""
    record.operation = call.operation

    async def journey() -> Answer[R, Any]:
        with record.stage("auth"):
            principal = await snapshot.authenticator.authenticate(call.authorization)
            record.principal = principal.subject
        with record.stage("read"):
            request = await call.read()
        plan = snapshot.catalog.plan(request.model, call.operation)
        record.model = plan.model
        admit(principal, plan)
        target, reply = await walk(
            plan, _attempt(request, principal, call.operation, snapshot, record), _report(record)
        )
        record.target = str(target)
        return Answer(request, reply, target)

    try:
        async with asyncio.timeout(snapshot.deadline) as limit:
            return await journey()
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise DeadlineExceeded(f"The call took longer than {snapshot.deadline:g} s and was given up.") from error


def _attempt(
    request: R, principal: Principal, operation: str, snapshot: Snapshot, record: Record
) -> Callable[[Target], Awaitable[Reply[Any]]]:
    caller = f"{principal.issuer} {principal.subject}"

    async def attempt(target: Target) -> Reply[Any]:
        with record.stage("attempt", **{"gen_ai.response.model": str(target)}):
            answer_by = snapshot.providers[target.account].operations[operation]
            return await answer_by(request, target.model, Context(caller, trace_headers()))

    return attempt


def _report(record: Record) -> Callable[[Target, ToranaError], None]:
    def report(target: Target, error: ToranaError) -> None:
        record.attempts.append((str(target), error.code or error.type))

    return report
