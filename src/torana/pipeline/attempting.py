"""One call's attempts: what each target is told of the call, and what is noted of those that fail."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from torana.core.errors import ToranaError
from torana.core.exchange import Asked, Context, Reply, Target
from torana.pipeline.prices import Prices
from torana.pipeline.remembering import Memory
from torana.pipeline.telling import Telling
from torana.providers.base import Provider
from torana.routing.attempts import Claim
from torana.routing.selection import Caller
from torana.telemetry.record import Record, trace_headers

R = TypeVar("R", bound=Asked)


@dataclass(frozen=True, slots=True)
class Attempting(Generic[R]):
    """A call as its targets see it."""

    request: R
    telling: Telling[R]
    caller: Caller
    providers: Mapping[str, Provider]
    memory: Memory
    prices: Prices
    record: Record
    deadline: float
    """Time for the call, in seconds."""

    async def attempt(self, target: Target, claim: Claim) -> Reply[Any]:
        """What a target answers; ``claim`` is called when its answer begins to come."""
        call, record = self.telling.call, self.record
        with record.stage("attempt", **{"gen_ai.response.model": str(target)}):
            answer_by = self.providers[target.account].operations[call.operation]
            keeping = self.memory.keeping(self.request, self.caller.subject, target)

            def begun() -> None:
                record.first_piece = record.seconds
                claim()

            opened = self.telling.opening(self.request, target, begun)
            context = Context(
                self.caller.subject,
                headers=(*trace_headers(), *target.headers),
                on_partial=partial(call.on_partial, self.request),
                within=self.deadline - record.seconds,
                parameters=dict(target.parameters),
                prompt=target.prompt,
                # What is held back is kept as it is let go.
                open=opened if self.telling.holds else keeping.opening(opened),
                used=partial(self.prices.meter, target),
                first_within=call.first_within,
                forwarded=call.forwarded,
                wishes=call.wishes,
            )
            try:
                return await answer_by(keeping.request, target.model, context)
            except asyncio.CancelledError:
                record.cut_short = True
                self.prices.doubt(target)
                raise

    def failed(self, target: Target, error: ToranaError) -> None:
        """Notes a failure, and that it may cost."""
        self.record.attempts.append((str(target), error.code or error.type))
        if error.spent:
            self.prices.doubt(target)
