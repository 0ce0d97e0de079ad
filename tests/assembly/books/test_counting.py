import asyncio

from tests.assembly.kit import ENVIRON, Log
from torana.assembly.books.counting import counting
from torana.config.model import Settings
from torana.config.policies import Counters
from torana.config.secrets import Secret
from torana.config.units import Seconds
from torana.core.clock import SystemClock
from torana.storage.counters.port import CountersUnavailable, Rate, Take
from torana.telemetry.signals import Signals


async def test_by_default_limits_are_counted_here() -> None:
    signals = Signals()
    counts = counting(Settings(), ENVIRON, clock=SystemClock(), logger=Log().logger, signals=signals)
    assert b"torana_counters_available 1.0" in signals.render()
    assert counts.counters is counts.own
    assert (await counts.counters.admit([Take("k", 1, Rate(1, 60))])).granted
    assert not (await counts.counters.admit([Take("k", 1, Rate(1, 60))])).granted
    await counts.stop()


async def test_a_store_that_is_gone_is_given_up_in_time_with_a_word_and_a_metric() -> None:
    log, signals = Log(), Signals()
    settings = Settings(counters=Counters(valkey=Secret(env="STORE"), timeout=Seconds(0.05)))
    environ = {**ENVIRON, "STORE": "valkey://127.0.0.1:9/0"}
    counts = counting(settings, environ, clock=SystemClock(), logger=log.logger, signals=signals)
    gone = 0
    async with asyncio.timeout(2):
        for _ in range(20):
            try:
                await counts.counters.admit([Take("k", 1, Rate(1, 60))])
            except CountersUnavailable:
                gone += 1
    await counts.stop()
    assert gone == 20
    assert {"event": "counters", "available": False}.items() <= log.events[0].items()
    assert b"torana_counters_available 0.0" in signals.render()
