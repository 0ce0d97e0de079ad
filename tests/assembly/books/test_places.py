from contextlib import closing
from typing import Any

from torana.assembly.books.places import Health, Opened, Places
from torana.core.ledger import Charge, Spent
from torana.core.registry import Registry
from torana.jobs.purses import Debt, Debts
from torana.storage.sql.database import Database, sqlite_url

CHARGE = Charge("team", "", "2027-01")


def test_what_one_writes_the_other_reads(tmp_path):
    ours, theirs = Places(tmp_path), Places(tmp_path)
    notices: list[tuple[Any, Any, object]] = [
        (ours.registry, theirs.registry, Registry(revision=3)),
        (ours.opened, theirs.opened, Opened(("run",), (Spent(CHARGE, 5),))),
        (ours.debts, theirs.debts, Debts((Debt("call", (CHARGE,), 5),))),
        (ours.health, theirs.health, Health(1.0, 5, "gone")),
    ]
    for writing, reading, value in notices:
        assert reading.news() is None
        writing.post(value)
        assert reading.news() == value


def test_they_are_new_until_something_that_counts_is_written(tmp_path):
    places = Places(tmp_path / "data")

    def are_new():
        return places.are_new

    assert are_new()
    places.journal.mkdir(parents=True)
    places.name.touch()
    places.health.post(Health(1.0, 0))
    (places.journal / "run.lock").touch()
    assert are_new()
    for path in (places.database, places.data / "registry.json", places.journal / "run.00000001.journal"):
        path.touch()
        assert not are_new()
        path.unlink()


def test_the_database_is_where_the_office_makes_it(tmp_path):
    with closing(Database(sqlite_url(tmp_path))) as database, database.begin():
        assert Places(tmp_path).database.exists()


def test_no_two_of_them_share_a_file(tmp_path):
    places = Places(tmp_path)
    paths = [places.journal, places.database, places.socket, places.lock, places.name]
    paths += [each._path for each in (places.registry, places.opened, places.debts, places.health)]
    assert len(set(paths)) == len(paths)
    assert {path.parent for path in paths} == {tmp_path}
