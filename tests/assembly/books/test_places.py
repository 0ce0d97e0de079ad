from typing import Any

from torana.assembly.books.places import Health, Opened, Places
from torana.core.ledger import Charge, Spent
from torana.core.registry import Registry
from torana.jobs.purses import Debt, Debts

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


def test_no_two_of_them_share_a_file(tmp_path):
    places = Places(tmp_path)
    paths = [places.journal, places.socket, places.lock, places.name]
    paths += [each._path for each in (places.registry, places.opened, places.debts, places.health)]
    assert len(set(paths)) == len(paths)
    assert {path.parent for path in paths} == {tmp_path}
