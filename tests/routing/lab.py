"""Targets that do as they are told, and what was seen of them."""

import asyncio
from dataclasses import dataclass, field

from torana.core.clock import FakeClock
from torana.core.errors import (
    ToranaError,
    UpstreamError,
)
from torana.core.exchange import CircuitRule, Plan, Reply, Routing, Target
from torana.routing.attempts import walk
from torana.routing.course import Claim
from torana.routing.health import Health
from torana.routing.selection import Caller

RULE = CircuitRule(min_calls=1, failures=1)
FIRST, SECOND, THIRD = TARGETS = tuple(Target("lab", name) for name in "abc")


@dataclass
class Upstreams:
    """Upstreams that do as they are told, target by target, and what was seen of them."""

    outcomes: list[BaseException | str]
    tried: list[Target] = field(default_factory=list)
    reported: list[tuple[Target, ToranaError]] = field(default_factory=list)

    @property
    def plan(self) -> Plan:
        return Plan("vary", tuple(Target("lab", str(number)) for number in range(len(self.outcomes))))

    async def attempt(self, target: Target, claim: Claim) -> Reply[str]:
        self.tried.append(target)
        outcome = self.outcomes[int(target.model)]
        if isinstance(outcome, BaseException):
            raise outcome
        return Reply(outcome)

    async def walk(self) -> tuple[Target, Reply[str]]:
        def report(target: Target, error: ToranaError) -> None:
            self.reported.append((target, error))

        return await walk(self.plan, self.attempt, report, health=Health(FakeClock()))


class Lab:
    """Upstreams that answer when told to, with a circuit each that the first failure opens."""

    def __init__(self, hedge_after: float | None = None, *, targets: tuple[Target, ...] = TARGETS) -> None:
        self.plan = Plan("vary", targets, Routing(hedge_after=hedge_after, circuit=RULE))
        self.clock = FakeClock()
        self.health = Health(self.clock)
        self.tried: list[str] = []
        self.running: set[str] = set()
        self.most = 0
        self.reported: list[str] = []
        self.changed = asyncio.Event()
        self.ends: dict[str, asyncio.Future[str]] = {}
        self.claims: dict[str, Claim] = {}

    async def attempt(self, target: Target, claim: Claim) -> Reply[str]:
        name = target.model
        self.tried.append(name)
        self.running.add(name)
        self.claims[name] = claim
        self.most = max(self.most, len(self.running))
        self.changed.set()
        try:
            return Reply(await self.end(name))
        finally:
            try:
                await asyncio.sleep(0)  # as a connection that is closed
            finally:
                self.running.remove(name)
                self.changed.set()

    def end(self, name: str) -> "asyncio.Future[str]":
        return self.ends.setdefault(name, asyncio.get_running_loop().create_future())

    def answer(self, *names: str) -> "Lab":
        for name in names:
            self.end(name).set_result(name)
        return self

    def fail(self, name: str, error: BaseException | None = None) -> "Lab":
        self.end(name).set_exception(error or UpstreamError(name))
        return self

    async def walk(self, caller: Caller | None = None) -> str:
        def report(target: Target, error: ToranaError) -> None:
            self.reported.append(target.model)

        target, reply = await walk(
            self.plan, self.attempt, report, health=self.health, caller=caller or Caller(), draw=lambda: 0.5
        )
        assert reply.body == target.model
        return reply.body

    def open(self, *targets: Target) -> None:
        for target in targets:
            trial = self.health.trial(target, RULE)
            assert trial is not None
            trial.end(UpstreamError("no"))

    async def until(self, *running: str) -> None:
        async with asyncio.timeout(1):
            while self.running != set(running):
                self.changed.clear()
                await self.changed.wait()
