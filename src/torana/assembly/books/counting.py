"""Where limits are counted: in this process, or in a store that it shares with others."""

import importlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from torana.config.model import Settings
from torana.config.secrets import Secret, read_secret
from torana.core.clock import Clock
from torana.jobs.purses import Bounded, Purses
from torana.storage.counters.guarded import Guarded
from torana.storage.counters.memory import MemoryCounters
from torana.storage.counters.port import Counters
from torana.telemetry.logs import Logger
from torana.telemetry.signals import Signals

VALKEY = "torana.storage.counters.valkey"


@dataclass(frozen=True, slots=True)
class Counting:
    """The counters; ``own`` are this process's, for when the others fail."""

    counters: Counters
    own: MemoryCounters
    stop: Callable[[], Awaitable[None]]
    """Drops connections."""


def counting(
    settings: Settings, environ: Mapping[str, str], *, clock: Clock, logger: Logger, signals: Signals
) -> Counting:
    """The counters that the settings ask for; SecretMissing when the store's address is not there.

    ValueError when it is none.
    """
    own = MemoryCounters(clock, max_keys=settings.counters.max_keys)
    signals.counters_available.set(True)
    if settings.counters.valkey is None:
        return Counting(own, own, _nothing)

    def changed(available: bool) -> None:  # noqa: FBT001 - the callback's own
        signals.counters_available.set(available)
        logger.warning("counters", available=available)

    shared = _shared(settings.counters.valkey, environ)
    return Counting(Guarded(shared, clock, changed, bound=settings.counters.timeout), own, shared.close)


Stop = Callable[[], Awaitable[None]]
"""Drops connections."""


def shared_purses(settings: Settings, environ: Mapping[str, str]) -> tuple[Purses | None, Stop]:
    """The counters of money that gateways share, for the office, and what drops their connections; None without."""
    if settings.counters.valkey is None:
        return None, _nothing
    shared = _shared(settings.counters.valkey, environ)
    return Bounded(shared), shared.close


class _Shared(Counters, Purses, Protocol):
    """Counters that processes share."""

    async def close(self) -> None:
        """Drops connections."""
        ...


def _shared(valkey: Secret, environ: Mapping[str, str]) -> _Shared:
    # By name, because the module needs an extra that most gateways do without.
    made: _Shared = importlib.import_module(VALKEY).ValkeyCounters(read_secret(valkey, environ).decode())
    return made


async def _nothing() -> None:
    """There is nothing to drop."""
