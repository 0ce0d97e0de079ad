"""Limits for tests: rules by a few words, counted in this process."""

from typing import Any

import msgspec

from torana.config.policies import Limit, When
from torana.core.clock import Clock, FakeClock
from torana.policy.limits import Limits, Rule
from torana.storage.counters.memory import MemoryCounters
from torana.storage.counters.port import Counters


def limits(
    *rules: dict[str, Any], clock: Clock | None = None, counters: Counters | None = None, replicas: int = 1
) -> Limits:
    """Limits by these rules; each has a name, what it is of, and how much."""
    own = MemoryCounters(clock or FakeClock())
    made = tuple(Rule.of(_limit(**rule), replicas=replicas) for rule in rules)
    return Limits(made, counters=counters or own, own=own, lease=60.0)


def _limit(when: dict[str, Any] | None = None, **rest: Any) -> Limit:
    return Limit(when=msgspec.convert(when or {}, When), **rest)


NO_LIMITS = limits()
