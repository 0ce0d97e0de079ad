import asyncio
from contextlib import AsyncExitStack, suppress
from functools import partial

import pytest

from tests.jobs.kit import DEADLINE, MONTH, Place, begun, ended, reserve
from torana.core.clock import SystemClock
from torana.core.ledger import LOST, UNKNOWN, Charge, Row, Spent
from torana.jobs import reaping
from torana.jobs.reaping import GONE, GRACE
from torana.storage.counters.port import Charged, CountersUnavailable, Reserve
from torana.storage.counters.valkey import ValkeyCounters
from torana.storage.journal.writing import Journal
from torana.storage.sql.database import Database, DatabaseUnavailable
from torana.storage.sql.ledger.table import Filter

ANNA = Charge("each", "user=anna", "ever")


@pytest.fixture
async def open_place(place):
    await place.opening.tend()
    return place


def store(place: Place) -> ValkeyCounters:
    assert place.counters is not None
    return place.counters


async def later(place: Place) -> None:
    """Whatever is reserved has been for long enough."""
    counters = store(place)
    for entry in await counters._send("ZRANGE", counters._reserved, 0, -1):
        await counters._send("ZINCRBY", counters._reserved, -int((DEADLINE + GRACE + 1) * 1e6), entry)


async def admitted_elsewhere(place, id_, amount, *charges):
    """A call of a gateway of which nothing else is left."""
    reserves = [Reserve(each.key, amount, None, None) for each in charges or (MONTH,)]
    assert (await store(place).admit((), (), reserves, holder=id_)).granted


def spent_in(place):
    return {each.charge: each.amount for each in place.table.totals()}


async def test_what_nobody_settles_is_charged_and_written_down(open_place: Place):
    await admitted_elsewhere(open_place, "a", 40, MONTH, ANNA)
    await open_place.reaping.reap()
    assert await open_place.balance() == (0, 40)
    assert open_place.table.rows(Filter()) == []
    await later(open_place)
    for _ in range(2):
        await open_place.reaping.reap()
        assert await open_place.balance() == (40, 0)
        (row,) = open_place.table.rows(Filter())
        assert spent_in(open_place) == {MONTH: 40, ANNA: 40}
    assert (row.opened.id, row.opened.charges, row.opened.reserved) == ("a", (MONTH, ANNA), 40)
    assert (row.closed.status, row.closed.error, row.closed.charged, row.closed.cost) == (0, LOST, 40, None)
    assert row.opened.subject == row.opened.operation == row.opened.issuer == row.opened.request_id == UNKNOWN
    now = SystemClock().now()
    assert row.opened.at == pytest.approx(now - DEADLINE - GRACE, abs=60)
    assert open_place.log.text.count('"reservations_reaped","calls":1,"unknown":1') == 1
    # Alerts were shown what it came to.
    assert open_place.seen == [[Spent(ANNA, 40), Spent(MONTH, 40)]]


async def test_what_the_ledger_knows_is_charged_no_second_time(open_place: Place):
    for id_ in "ab":
        await admitted_elsewhere(open_place, id_, 40)
        open_place.table.ship([Row(begun(id_, reserved=40), ended(id_, charged=5))])
    # Others have raised the purse since the first was written down, or nobody has.
    await store(open_place).raise_to([Charged(MONTH.key, 5, None)])
    await admitted_elsewhere(open_place, "new", 7)
    await later(open_place)
    await open_place.reaping.reap()
    assert await open_place.balance() == (17, 0)
    assert spent_in(open_place) == {MONTH: 17}
    assert {row.opened.id: row.closed.charged for row in open_place.table.rows(Filter())} == {"a": 5, "b": 5, "new": 7}
    assert '"reservations_reaped","calls":3,"unknown":1' in open_place.log.text


async def test_a_journal_that_turns_up_later_counts_nothing_twice(open_place: Place):
    assert await open_place.call("a", 40)
    await later(open_place)
    await open_place.reaping.reap()
    open_place.journal.write(ended("a", charged=5))
    await open_place.shipping.ship()
    open_place.begin()
    await open_place.shipping.ship()
    assert await open_place.balance() == (40, 0)
    assert spent_in(open_place) == {MONTH: 40}
    (row,) = open_place.table.rows(Filter())
    assert row.opened.subject == UNKNOWN


async def test_a_call_that_goes_on_all_the_same_is_charged_but_once(open_place: Place):
    assert await open_place.call("a", 40)
    await later(open_place)
    await open_place.reaping.reap()
    assert not await open_place.end("a", 5)
    await open_place.shipping.ship()
    assert await open_place.balance() == (40, 0)
    assert spent_in(open_place) == {MONTH: 40}


async def test_one_that_settles_at_the_same_moment_counts_once(open_place: Place, monkeypatch):
    await admitted_elsewhere(open_place, "a", 40)
    await later(open_place)
    ship = open_place.table.ship

    def settled_meanwhile(rows, loop):
        asyncio.run_coroutine_threadsafe(open_place.end("a", 5), loop).result(5)
        return ship(rows)

    monkeypatch.setattr(open_place.table, "ship", partial(settled_meanwhile, loop=asyncio.get_running_loop()))
    await open_place.reaping.reap()
    monkeypatch.undo()
    # The ledger says 40, and so does its purse.
    assert await open_place.balance() == (40, 0)
    assert spent_in(open_place) == {MONTH: 40}


@pytest.mark.parametrize("failing", ["raise_to", "charge"])
async def test_a_store_that_is_gone_in_the_middle_leaves_the_rest_for_the_next_round(
    open_place: Place, monkeypatch, failing
):
    for id_ in "abc":
        await admitted_elsewhere(open_place, id_, 10)
    await later(open_place)
    calls = []
    whole = getattr(open_place.counters, failing)

    async def gone(*told: object, **more: object) -> object:
        calls.append(told)
        if len(calls) > 1 or failing == "raise_to":
            raise CountersUnavailable("gone")
        return await whole(*told, **more)

    monkeypatch.setattr(open_place.counters, failing, gone)
    with pytest.raises(CountersUnavailable):
        await open_place.reaping.reap()
    monkeypatch.undo()
    await open_place.reaping.reap()
    assert await open_place.balance() == (30, 0)
    assert spent_in(open_place) == {MONTH: 30}


async def test_without_a_database_nothing_is_set_free(open_place: Place, monkeypatch):
    def gone(_rows: object) -> None:
        raise DatabaseUnavailable("gone")

    await admitted_elsewhere(open_place, "a", 40)
    await later(open_place)
    monkeypatch.setattr(open_place.table, "ship", gone)
    with pytest.raises(DatabaseUnavailable):
        await open_place.reaping.reap()
    assert await open_place.balance() == (0, 40)
    assert "reservations_reaped" not in open_place.log.text


async def test_closed_purses_are_left_to_who_opens_them(place: Place):
    await place.opening.tend()
    await admitted_elsewhere(place, "a", 40)
    await later(place)
    await store(place)._send("SET", store(place)._marker, "another run")
    await place.reaping.reap()
    assert place.table.rows(Filter()) == []
    await place.opening.tend()
    await place.reaping.reap()
    assert await place.balance() == (40, 0)


async def test_a_round_is_bounded_and_the_next_goes_on(open_place: Place, monkeypatch):
    monkeypatch.setattr(reaping, "_PIECE", 2)
    monkeypatch.setattr(reaping, "_PIECES", 2)
    for number in range(5):
        await admitted_elsewhere(open_place, str(number), 10)
    await later(open_place)
    await open_place.reaping.reap()
    assert await open_place.balance() == (40, 10)
    await open_place.reaping.reap()
    assert await open_place.balance() == (50, 0)


async def test_a_store_that_forgot_them_begins_to_wait_anew(open_place: Place):
    await store(open_place).restore([], [("a", reserve(40))])
    await open_place.reaping.reap()
    assert await open_place.balance() == (0, 40)


async def test_offices_at_once_count_what_is_left_of_a_machine_once(tmp_path, server, migrated, valkey):
    where = server.create("reaping", migrated)
    async with AsyncExitStack() as stack:
        places = []
        for name in ("one", "two", "gone"):
            database = Database(where)
            stack.callback(database.close)
            places.append(Place(tmp_path / name, database, valkey, name=name, clock=SystemClock()))
            stack.push_async_callback(places[-1].close)
        one, two, gone = places
        await store(one)._send("FLUSHALL")
        await one.opening.tend()
        for number in range(30):
            assert await gone.call(str(number), 10)
        assert await one.call("living", 10)
        await later(one)
        # It had settled some, and shipped some of these, when its disk was lost with all the rest.
        for number in range(10):
            assert await gone.end(str(number), 3)
        gone.journal.close()
        gone.journal = Journal(tmp_path / "another", gone.clock, most=10**6, sync=1)
        await one.end("living", 4)
        for _ in range(3):
            with suppress(DatabaseUnavailable):
                await asyncio.wait_for(asyncio.gather(one.reaping.reap(), two.reaping.reap()), 20)
        await one.shipping.ship()
        assert await two.balance() == (20 * 10 + 10 * 3 + 4, 0)
        assert spent_in(two) == {MONTH: 20 * 10 + 4}
        # Now it is found.
        await gone.shipping.ship()
        assert await two.balance() == (20 * 10 + 10 * 3 + 4, 0)
        assert spent_in(two) == {MONTH: 20 * 10 + 10 * 3 + 4}
        assert len(two.table.rows(Filter())) == 31


async def test_offices_that_were_not_seen_for_a_day_are_forgotten(open_place: Place, clock):
    clock.advance(GONE + 1)
    open_place.offices.seen("another", 0)
    await open_place.reaping.reap()
    assert open_place.offices.waiting_for(100, alive_within=10 * GONE) == ["another"]
