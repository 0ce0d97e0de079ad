from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.storage.sql.calls import MONTH
from torana.core.ledger import Charge
from torana.storage.sql.alerts import LEASE, Alert, AlertTable

ALERT = Alert(MONTH, 0.75, at=100.0, document={"spent": "7.50", "share": "ü"})


def alert(number: int) -> Alert:
    return Alert(Charge("all", f"user={number}", "2027-01"), 0.9, at=100.0 + number, document={})


@pytest.fixture
def table(database):
    return AlertTable(database)


def test_an_alert_is_noted_once(table):
    assert [table.note(ALERT), table.note(ALERT)] == [True, False]
    assert table.note(Alert(MONTH, 0.9, at=101.0, document={}))
    assert table.note(Alert(Charge("all", "", "2027-02"), 0.75, at=101.0, document={}))
    assert table.due(100.0, 10) == [ALERT]


def test_one_of_many_offices_notes_it(table):
    with ThreadPoolExecutor(4) as threads:
        noted = list(threads.map(table.note, [ALERT] * 8))
    assert sorted(noted) == [False] * 7 + [True]


def test_what_is_taken_is_not_due_until_its_lease_ends(table):
    table.note(ALERT)
    assert table.due(99.0, 10) == []
    assert table.due(100.0, 10) == [ALERT]
    assert table.due(100.0 + LEASE - 1, 10) == []
    assert table.due(100.0 + LEASE, 10) == [ALERT]


def test_the_oldest_are_taken_first_and_only_so_many(table):
    for number in (2, 0, 1):
        table.note(alert(number))
    assert table.due(200.0, 2) == [alert(0), alert(1)]
    assert table.due(200.0, 2) == [alert(2)]


def test_offices_that_ask_at_once_take_different_ones(table):
    for number in range(20):
        table.note(alert(number))
    with ThreadPoolExecutor(4) as threads:
        taken = [each for some in threads.map(lambda _: table.due(200.0, 5), range(8)) for each in some]
    left = table.due(200.0, 20)
    shares = [each.charge.share for each in taken + left]
    assert len(shares) == len(set(shares)) == 20


def test_what_is_delivered_is_done(table):
    table.note(ALERT)
    table.delivered(ALERT, 101.0)
    assert table.due(1e9, 10) == []
    # Another office whose lease ended while it was trying.
    table.failed(ALERT, 102.0)
    assert table.due(1e9, 10) == []


def test_what_failed_is_due_again_then(table):
    table.note(ALERT)
    for tries in (1, 2, 3):
        at = 100.0 * (tries + 1)
        table.failed(ALERT, at)
        assert table.due(at - 1, 10) == []
        assert [each.tries for each in table.due(at, 10)] == [tries]


def test_what_is_given_up_is_never_due_and_never_noted_again(table):
    table.note(ALERT)
    table.failed(ALERT, None)
    assert table.due(1e12, 10) == []
    assert not table.note(ALERT)
