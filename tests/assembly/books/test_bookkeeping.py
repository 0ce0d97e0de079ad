import asyncio
from contextlib import asynccontextmanager

from msgspec.structs import replace

from tests.assembly.kit import ENVIRON, Log, settings_in
from torana.assembly.books.bookkeeping import Books
from torana.assembly.books.places import Health, Opened, Places
from torana.config.books import Database
from torana.config.model import Settings
from torana.config.secrets import Secret
from torana.core.clock import FakeClock
from torana.core.ledger import Charge, Spent
from torana.core.registry import Registry
from torana.storage.counters.port import Reserve
from torana.telemetry.signals import Signals

MONTH = Charge("team", "", "2027-01")
PAST = Charge("team", "", "2026-12")


@asynccontextmanager
async def books(tmp_path, log, **rooms):
    settings = settings_in(tmp_path, **{"database": Database(), **rooms})
    signals = Signals()
    clock = FakeClock()
    made = Books(settings, ENVIRON, clock=clock, logger=log.logger, signals=signals)
    tasks = [asyncio.create_task(work) for work in made.works]
    try:
        yield made, Places(tmp_path / "data"), signals, clock
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await made.stop()


async def until(done):
    async with asyncio.timeout(5):
        while not done():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


async def until_open(own):
    async with asyncio.timeout(5):
        while await own.opened() is None:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


def begun_before(tmp_path):
    """Somebody has made a database there."""
    places = Places(tmp_path / "data")
    places.data.mkdir(exist_ok=True)
    places.database.touch()


def value(gauge):
    return gauge._value.get()


async def test_the_first_start_in_a_directory_waits_for_nobody(tmp_path):
    async with books(tmp_path, Log()) as (made, places, _, _):
        assert made.directory.known
        await until_open(made.counting.own)
        places.registry.post(Registry(budgets=({"name": "team", "limit": "20"},)))
        await until(lambda: made.additions.current.budgets)


async def test_another_database_may_hold_anything_at_the_first_start(tmp_path):
    elsewhere = Database(url=Secret(env="DATABASE_URL"))
    async with books(tmp_path, Log(), database=elsewhere) as (made, places, _, _):
        assert not made.directory.known
        places.opened.post(Opened((made.journal.run,), (Spent(MONTH, 7),)))
        await until_open(made.counting.own)


async def test_it_learns_the_registry_and_what_budgets_have_come_to(tmp_path):
    begun_before(tmp_path)
    async with books(tmp_path, Log()) as (made, places, _, _):
        assert not made.directory.known
        places.registry.post(Registry(budgets=({"name": "team", "limit": "20"},)))
        await until(lambda: made.additions.current.budgets)
        assert made.directory.known
        own = made.counting.own
        places.opened.post(Opened(("another",), (Spent(MONTH, 7),)))
        assert await own.opened() is None
        places.opened.post(Opened((made.journal.run,), (Spent(MONTH, 7), Spent(PAST, 9))))
        await until_open(own)
        reserves = [Reserve(each.key, 0, None, None) for each in (MONTH, PAST)]
        # What is over needs no room.
        assert [each.spent for each in (await own.admit((), (), reserves)).balances] == [7, 0]


async def test_more_purses_than_there_is_room_for_are_told(tmp_path):
    log = Log()
    begun_before(tmp_path)
    counters = replace(Settings().counters, max_keys=1)
    async with books(tmp_path, log, counters=counters) as (made, places, _, _):
        spent = tuple(Spent(Charge("team", f"user={name}", "ever"), 1) for name in "ab")
        places.opened.post(Opened((made.journal.run,), spent))
        await until(lambda: log.events)
        assert log.events[0]["event"] == "budgets_not_opened"


async def test_a_gateway_waits_for_its_budgets_and_not_for_ever(tmp_path):
    begun_before(tmp_path)
    async with books(tmp_path, Log()) as (made, places, _, clock):
        assert not await made.opened()
        clock.advance(11)
        assert await made.opened()
    async with books(tmp_path, Log()) as (made, places, _, clock):
        places.opened.post(Opened((made.journal.run,), ()))
        await until_open(made.counting.own)
        assert await made.opened()
    async with books(tmp_path, Log(), database=Database(enabled=False)) as (made, *_):
        assert await made.opened()


async def test_metrics_tell_how_the_office_is(tmp_path):
    async with books(tmp_path, Log()) as (made, places, signals, clock):

        def shown():
            made.show()
            return value(signals.books.office_up), value(signals.books.database_available)

        assert shown() == (0, 0)
        places.health.post(Health(clock.now(), 1))
        assert shown() == (1, 1)
        places.health.post(Health(clock.now(), 1, "gone"))
        assert shown() == (1, 0)
        places.health._path.write_text("{")
        assert shown() == (1, 0)
        clock.advance(16)
        assert shown() == (0, 0)
        # A clock that is set back makes nobody live for ever.
        clock.advance(-1000)
        assert shown() == (0, 0)


async def test_lost_entries_are_counted_and_complained_of_now_and_then(tmp_path):
    log = Log()
    async with books(tmp_path, log) as (made, _, signals, clock):
        made.journal._most = 1
        for _ in range(3):
            made.ledger.write_end()
            made._lost("the journal is full")
        clock.advance(61)
        made._lost("the journal is full")
    assert value(signals.books.lost) >= 4
    assert len(log.events) == 2


async def test_without_a_database_there_is_nothing_to_wait_for(tmp_path):
    async with books(tmp_path, Log(), database=Database(enabled=False)) as (made, _, signals, _):
        await until(lambda: made.directory.known)
        assert (made.journal, made.passer) == (None, None)
        made.show()
        assert value(signals.books.office_up) == 0
