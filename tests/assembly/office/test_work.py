import os

import pytest

from tests.assembly.office.kit import config_in, office, until
from tests.jobs.kit import begun, ended
from torana.assembly.books.places import Places
from torana.assembly.office.local import database_url
from torana.assembly.settings import load
from torana.core.clock import SystemClock
from torana.storage.journal.writing import Journal
from torana.storage.sql.database import Database
from torana.storage.sql.ledger.table import Filter, LedgerTable


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("TORANA_JWT_SECRET", "a shared secret that nobody guesses")
    return config_in(tmp_path)


@pytest.fixture
def table(config):
    database = Database(database_url(load(config).settings, os.environ))
    yield LedgerTable(database, SystemClock())
    database.close()


def end(process):
    process.stdin.close()
    assert process.wait(15) == 0


def test_it_works_until_its_gateway_ends_and_leaves_nothing_in_the_journal(config, table, tmp_path):
    places = Places(tmp_path / "data")
    with office(config) as process:
        until(places.socket.exists)
        until(places.registry.news)
        journal = Journal(places.journal, SystemClock(), most=10**6, sync=1)
        journal.write(begun("a"), ended("a"))
        until(lambda: len(table.rows(Filter())) == 1)
        health = places.health.news()
        assert health is not None
        assert health.trouble is None
        until(places.opened.news)
        journal.write(begun("b"), ended("b"), begun("lost"))
        journal.close()
        end(process)
    assert {row.opened.id: row.closed.error for row in table.rows(Filter())} == {"a": None, "b": None, "lost": "lost"}
    assert list(places.journal.iterdir()) == []
    assert not places.socket.exists()


def test_one_that_is_killed_is_followed_by_one_that_counts_nothing_twice(config, table, tmp_path):
    places = Places(tmp_path / "data")
    journal = Journal(places.journal, SystemClock(), most=10**6, sync=1)
    journal.write(begun("a"), ended("a", charged=5))
    with office(config) as first, office(config) as second:
        until(lambda: (tmp_path / "data" / "torana.db").exists() and places.socket.exists())
        until(lambda: len(table.rows(Filter())) == 1)
        first.kill()
        first.wait(5)
        second.kill()
        second.wait(5)
    with office(config) as third:
        journal.write(begun("b"), ended("b", charged=5))
        until(lambda: len(table.rows(Filter())) == 2)
        end(third)
    assert [spent.amount for spent in table.totals()] == [10]
    journal.close()


def test_one_that_waits_for_another_ends_with_its_gateway_all_the_same(config, tmp_path):
    with office(config) as first:
        until(Places(tmp_path / "data").socket.exists)
        with office(config) as second:
            until(lambda: b"office_waits" in os.read(second.stderr.fileno(), 4096))
            end(second)
        assert first.poll() is None
        end(first)
