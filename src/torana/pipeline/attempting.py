"""One call's attempts: what each target is told of the call, and what is noted of those that fail."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from msgspec import Struct

from torana.core.errors import ToranaError
from torana.core.exchange import Asked, Context, Opening, Partial, Reply, Show, Target, Usage
from torana.pipeline.prices import Prices
from torana.pipeline.remembering import Memory
from torana.pipeline.telling import Telling
from torana.providers.base import Provider
from torana.routing.course import Claim
from torana.routing.selection import Caller
from torana.telemetry.record import Record, trace_headers

R = TypeVar("R", bound=Asked)


class Attempting(Struct, Generic[R]):
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
        record = self.record
        with record.stage("attempt", **{"gen_ai.response.model": str(target)}):
            answer_by = self.providers[target.account].operations[self.telling.call.operation]
            request, opened = self.request, self._opening(target, claim)
            if self.memory.shelf is not None:
                keeping = self.memory.keeping(request, self.caller.subject, target)
                request = keeping.request
                # What is held back is kept as it is let go.
                opened = opened if self.telling.holds else keeping.opening(opened)
            try:
                return await answer_by(request, target.model, self._context(target, opened))
            except asyncio.CancelledError:
                record.cut_short = True
                self.prices.doubt(target)
                raise

    def failed(self, target: Target, error: ToranaError) -> None:
        """Notes a failure, and that it may cost."""
        self.record.attempts.append((str(target), error.code or error.type))
        if error.spent:
            self.prices.doubt(target)

    def _opening(self, target: Target, claim: Claim) -> Callable[[Opening], Show]:
        def begun() -> None:
            self.record.first_piece = self.record.seconds
            # Whoever leaves from here on has left this target.
            self.prices.row.target = self.record.target = str(target)
            claim()

        return self.telling.opening(self.request, target, begun)

    def _context(self, target: Target, opened: Callable[[Opening], Show]) -> Context:
        call = self.telling.call

        def on_partial(partial: Partial) -> None:
            call.on_partial(self.request, partial)

        def used(meter: Callable[[], Usage]) -> None:
            self.prices.meter(target, meter)

        return Context(
            self.caller.subject,
            headers=(*trace_headers(), *target.headers),
            on_partial=on_partial,
            within=self.deadline - self.record.seconds,
            parameters=dict(target.parameters),
            prompt=target.prompt,
            open=opened,
            used=used,
            first_within=call.first_within,
            forwarded=call.forwarded,
            wishes=call.wishes,
        )
