"""Where answers are kept: in this process, or in a store that it shares with others."""

import importlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from torana.config.model import Settings
from torana.config.secrets import SecretMissing, read_secret
from torana.core.clock import Clock
from torana.policy.cache.rules import UNKEPT, Caching
from torana.storage.cache.guarded import Guarded
from torana.storage.cache.memory import MemoryAnswers
from torana.storage.cache.port import Answers
from torana.telemetry.logs import Logger
from torana.telemetry.signals import Signals

VALKEY = "torana.storage.cache.valkey"


async def _nothing() -> None:
    """There is nothing to drop."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """The store, which outlives every edition of the configuration."""

    answers: Answers
    stop: Callable[[], Awaitable[None]] = _nothing
    """Drops connections."""


def keeping_answers(settings: Settings, environ: Mapping[str, str], *, clock: Clock, logger: Logger) -> Keeping:
    """The store that the settings ask for; SecretMissing when its address is not there. ValueError when it is none."""
    if settings.cache.store == "memory":
        return Keeping(MemoryAnswers(clock, settings.cache.max_total))
    if settings.counters.valkey is None:
        raise SecretMissing("`cache.store: valkey` needs `counters.valkey`")
    # By name, because the module needs an extra that most gateways do without.
    made = importlib.import_module(VALKEY).ValkeyAnswers(read_secret(settings.counters.valkey, environ).decode())

    def changed(available: bool) -> None:  # noqa: FBT001 - the callback's own
        logger.warning("cache", available=available)

    return Keeping(Guarded(made, clock, changed, bound=settings.cache.timeout), made.close)


def caching(settings: Settings, answers: Answers, clock: Clock, signals: Signals) -> Caching:
    """The rules of the settings."""
    if not settings.cache.rules:
        return UNKEPT
    return Caching(
        settings.cache.rules,
        answers,
        clock,
        most=settings.cache.max_entry,
        editions={name: _edition(account) for name, account in settings.providers.items()},
        tell=lambda result: signals.cache.labels(result).inc(),
    )


def _edition(account: msgspec.Struct) -> str:
    # Of secrets it holds where they are, and not what.
    return sha256(repr(account).encode()).hexdigest()
