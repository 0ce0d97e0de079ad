import asyncio
import threading

import pytest

from tests.jobs.kit import MONTH, Place, begun, ended
from torana.core.ledger import Spent
from torana.storage.sql.database import DatabaseUnavailable
from torana.storage.sql.ledger.table import Filter, LedgerTable


@pytest.fixture
async def alone(tmp_path, sqlite, clock):
    """An office whose gateway counts by itself."""
    place = Place(tmp_path / "alone", sqlite, None, clock=clock)
    yield place
    await place.close()


def ids(place):
    return {row.opened.id for row in place.table.rows(Filter(), limit=1000)}


async def test_rows_go_from_the_journal_to_the_database(alone):
    for number in range(35):
        alone.journal.write(begun(str(number)), ended(str(number), charged=2))
    alone.journal.write(begun("open"))
    await alone.shipping.ship()
    assert ids(alone) == {str(number) for number in range(35)}
    assert alone.shipping.shipped == 35
    assert alone.table.totals() == [Spent(MONTH, 70)]
    assert alone.seen[-1] == [Spent(MONTH, 70)]


async def test_an_office_that_is_killed_anywhere_counts_each_row_once(alone, monkeypatch):
    for step in ("ship", "put_away"):
        alone.journal.write(begun(step), ended(step, charged=2))
        owner = alone.table if step == "ship" else alone.shipping.reader
        with monkeypatch.context() as killed:
            killed.setattr(type(owner), step, _killed)
            with pytest.raises(Killed):
                await alone.shipping.ship()
        alone.begin()
        await alone.shipping.ship()
    assert alone.table.totals() == [Spent(MONTH, 4)]


class Killed(Exception):
    """The process ends here."""


def _killed(*_):
    raise Killed


async def test_a_database_that_is_gone_loses_nothing(alone, monkeypatch):
    def gone(*_):
        raise DatabaseUnavailable("gone")

    alone.journal.write(begun("a"), ended("a", charged=2))
    with monkeypatch.context() as gap:
        gap.setattr(LedgerTable, "ship", gone)
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable):
                await alone.shipping.ship()
    alone.journal.write(begun("b"), ended("b", charged=2))
    await alone.shipping.ship()
    # What came behind that was taken long ago is taken, too.
    assert ids(alone) == {"a", "b"}


async def test_it_ends_although_calls_go_on(alone, monkeypatch):
    written = iter(range(10_000))

    def one_more(table, rows, real=LedgerTable.ship):
        id_ = f"more {next(written)}"
        alone.journal.write(begun(id_), ended(id_))
        return real(table, rows)

    monkeypatch.setattr(LedgerTable, "ship", one_more)
    alone.journal.write(begun("a"), ended("a"))
    await asyncio.wait_for(alone.shipping.ship(), 5)
    assert alone.shipping.shipped < 5


async def test_who_is_cancelled_leaves_nobody_at_work(alone, monkeypatch):
    begins, go_on = threading.Event(), threading.Event()

    def slow(table, rows, real=LedgerTable.ship):
        begins.set()
        assert go_on.wait(5)
        return real(table, rows)

    alone.journal.write(begun("a"), ended("a", charged=2))
    with monkeypatch.context() as slowly:
        slowly.setattr(LedgerTable, "ship", slow)
        shipping = asyncio.create_task(alone.shipping.ship())
        assert await asyncio.to_thread(begins.wait, 5)
        shipping.cancel()
        # The next one waits until the thread of the last is done.
        following = asyncio.create_task(alone.shipping.ship())
        await asyncio.sleep(0.02)
        assert not following.done()
        go_on.set()
        await asyncio.wait_for(following, 5)
    assert alone.table.totals() == [Spent(MONTH, 2)]


async def test_lines_that_cannot_be_read_are_told_once(alone):
    [journal] = (alone.directory / "journal").glob("*.lock")
    journal.with_suffix(".00000000.journal").write_text("what is this?\n")
    alone.journal.write(begun("a"), ended("a"))
    await alone.shipping.ship()
    await alone.shipping.ship()
    assert alone.log.text.count("journal_spoilt") == 1
    assert ids(alone) == {"a"}
