"""One call's attempts: what each target is told of the call, and what is noted of those that fail."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from msgspec import Struct

from torana.core.errors import CallerError, ToranaError
from torana.core.exchange import HERE, Asked, Coming, Context, Misled, Opening, Partial, Reply, Show, Target, Usage
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
        record, request = self.record, self.request
        with record.stage("attempt", target):
            answer_by = self.providers[target.account].operations[self.telling.call.operation]
            at_work, coming = _AtWork(self, target, claim), self.telling.call.coming()
            opened = self.telling.opening(request, target, at_work.begun)
            if self.memory.shelf is not None:
                keeping = self.memory.keeping(request, self.caller.subject, target)
                request = keeping.request
                # What is held back is kept as it is let go.
                opened = opened if self.telling.holds else keeping.opening(opened)
            try:
                reply = await answer_by(request, target.model, at_work.context(opened, coming))
            except asyncio.CancelledError:
                record.cut_short = True
                self.prices.doubt(target)
                raise
            except ToranaError as error:
                await _to_be_told(error, coming)
                raise
            if coming is not HERE:
                await self._arrived(coming, target)
            return reply

    async def _arrived(self, coming: Coming, target: Target) -> None:
        try:
            await coming.arrived()
        except Misled:
            # It has answered something else than was asked.
            self.prices.doubt(target)
            raise

    def failed(self, target: Target, error: ToranaError) -> None:
        """Notes a failure, and that it may cost."""
        self.record.attempts.append((str(target), error.code or error.type))
        if error.spent:
            self.prices.doubt(target)


async def _to_be_told(error: ToranaError, coming: Coming) -> None:
    """Misled where a failure comes of a request that is not what it seemed."""
    if isinstance(error, CallerError):
        # What is wrong or lacks may come to be right.
        await coming.arrived()
    coming.check()


class _AtWork(Struct, Generic[R]):
    """One target at work, and what it tells us meanwhile."""

    trying: Attempting[R]
    target: Target
    claim: Claim

    def context(self, opened: Callable[[Opening], Show], coming: Coming) -> Context:
        """What the target is told of the call."""
        trying, target = self.trying, self.target
        call = trying.telling.call
        return Context(
            trying.caller.subject,
            headers=trace_headers() + target.headers,
            on_partial=self.on_partial,
            within=trying.deadline - trying.record.seconds,
            parameters=dict(target.parameters),
            prompt=target.prompt,
            open=opened,
            used=self.used,
            first_within=call.first_within,
            forwarded=call.forwarded,
            wishes=call.wishes,
            coming=coming,
        )

    def begun(self) -> None:
        """Its answer begins to come."""
        trying = self.trying
        trying.record.first_piece = trying.record.seconds
        # Whoever leaves from here on has left this target.
        trying.prices.row.target = trying.record.target = str(self.target)
        self.claim()

    def on_partial(self, partial: Partial) -> None:
        """An unfinished picture is there."""
        self.trying.telling.call.on_partial(self.trying.request, partial)

    def used(self, meter: Callable[[], Usage]) -> None:
        """It is at work, and this is how to learn what was used."""
        self.trying.prices.meter(self.target, meter)
