"""Rules for tests, by a few words, counted in this process; and calls for them."""

from collections.abc import Callable, Iterable
from secrets import token_hex
from typing import Any

import msgspec

from torana.config.books import Budget
from torana.config.policies import Limit
from torana.config.rules import When
from torana.config.units import Seconds
from torana.core.clock import Clock, FakeClock
from torana.core.exchange import Principal
from torana.core.ledger import Charge
from torana.policy.budgets import Budgets
from torana.policy.limits import Limits, Rule
from torana.policy.matching import Facts
from torana.policy.permits import Allowance, Permits
from torana.storage.counters.memory import MemoryCounters
from torana.storage.counters.port import Counters

LEASE = 60.0
ADA = Principal("ada", "idp", teams=("design", "web"))
BOB = Principal("bob", "idp", teams=("web",))
AMOUNTS = {"images": 2, "bytes": 1000}
"""What a call asks for."""


def facts(principal: Principal = ADA, model: str = "vary", **more: Any) -> Facts:
    """A call."""
    told = {"operation": "images.variations", "metadata": {}, **more}
    return Facts(principal, model, **told)


class Page:
    """A call's row that is written nowhere; ``note`` is told what would be."""

    def __init__(
        self,
        allowance: Allowance | None = None,
        holder: str | None = None,
        note: Callable[[object, int], None] = lambda _charges, _reserved: None,
    ) -> None:
        self.id = holder or token_hex(8)
        self.allowance = allowance or Allowance()
        self._note = note
        self._is_open = False

    def open(self, charges: tuple[Charge, ...], reserved: int) -> bool:
        """As ``Noted`` has it."""
        self._note(charges, reserved)
        was_open, self._is_open = self._is_open, True
        return not was_open


def limit(when: dict[str, Any] | None = None, **said: Any) -> Limit:
    """A limit by what it says: its name, what it is of, how much."""
    every = {"every": Seconds(said["every"])} if "every" in said else {}
    return Limit(when=msgspec.convert(when or {}, When), **said | every)


def budget(**said: Any) -> Budget:
    """A budget by what it says: its name, how much."""
    return msgspec.convert(said, Budget)


def rules_of(*limits: dict[str, Any], replicas: int = 1, lease: float = LEASE) -> Limits:
    """These limits, not counted anywhere."""
    return Limits(tuple(Rule.of(limit(**each), replicas=replicas) for each in limits), lease)


def permits(
    *limits: dict[str, Any],
    budgets: Iterable[dict[str, Any]] = (),
    clock: Clock | None = None,
    counters: Counters | None = None,
    replicas: int = 1,
    lease: float = LEASE,
) -> Permits:
    """Permits by these rules, of which those for money need a store that is open."""
    clock = clock or FakeClock()
    own = MemoryCounters(clock)
    made = Budgets([budget(**each) for each in budgets], clock)
    return Permits(rules_of(*limits, replicas=replicas, lease=lease), made, counters=counters or own, own=own)


NO_RULES = permits()
