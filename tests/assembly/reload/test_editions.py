import asyncio
from collections.abc import Iterable

import msgspec
import pytest

from tests.assembly.kit import Log, compiler, settings_in
from torana.assembly.lending import Connections
from torana.assembly.reload.editions import Edition, Editions
from torana.config.model import Server, Settings
from torana.config.units import Seconds
from torana.config.upstreams import Account
from torana.core.exchange import Plan


class House:
    """Editions, and what they were told to keep."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.kept: list[list[str]] = []
        self.compiler = compiler(Log())
        self.first = self.edition("first")
        self.editions = Editions(self.first, self.keep)

    def edition(self, name: str, **server: float) -> Edition:
        changed = msgspec.structs.replace(
            self.settings,
            providers={name: Account(type="echo")},
            server=msgspec.structs.replace(self.settings.server, **server),
        )
        self.connections = Connections()
        return self.compiler.edition(changed, self.connections)

    def keep(self, plans: Iterable[Plan]) -> None:
        self.kept.append([plan.model for plan in plans])


@pytest.fixture
async def house(tmp_path):
    opened = House(settings_in(tmp_path))
    await opened.editions.start()
    yield opened
    await opened.editions.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}


def closed(connections: Connections) -> bool:
    return connections.closed


async def settled(editions: Editions) -> None:
    await asyncio.gather(*editions._retiring)


async def test_a_call_keeps_the_one_that_it_began_with(house):
    connections = house.connections
    second = house.edition("second")
    with house.editions.lend() as began, house.editions.lend() as also:
        house.editions.replace(second)
        with house.editions.lend() as now:
            assert (began, also, now) == (house.first.snapshot, house.first.snapshot, second.snapshot)
        assert house.editions.current is second
        assert not closed(connections)
    await settled(house.editions)
    assert (closed(connections), closed(house.connections)) == (True, False)


async def test_one_without_calls_ends_at_once(house):
    connections = house.connections
    house.editions.replace(house.edition("second"))
    await settled(house.editions)
    assert closed(connections)


async def test_no_call_holds_one_back_longer_than_a_call_may_take(tmp_path):
    house = House(settings_in(tmp_path, server=Server(data_dir=str(tmp_path), deadline=Seconds(0.01))))
    with house.editions.lend():
        house.editions.replace(house.edition("second"))
        await settled(house.editions)
    await house.editions.stop()


async def test_all_end_with_the_gateway(house):
    connections = [house.connections]
    with house.editions.lend():
        for name in ("second", "third"):
            house.editions.replace(house.edition(name))
            connections.append(house.connections)
        assert not any(map(closed, connections))
        await house.editions.stop()
    assert all(map(closed, connections))


async def test_what_belongs_to_no_target_is_forgotten_then_and_after_the_last_call(house):
    with house.editions.lend():
        house.editions.replace(house.edition("second"))
        assert house.kept == [["second/echo"]]
    await settled(house.editions)
    assert house.kept == [["second/echo"]] * 2
