from datetime import UTC, datetime

import pytest

from tests.storage.sql.calls import call
from torana.core.clock import FakeClock
from torana.core.ledger import Charge
from torana.storage.sql.alerts import Alert, AlertTable
from torana.storage.sql.ledger.pruning import prune
from torana.storage.sql.ledger.table import Filter, LedgerTable

JANUARY = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
OLDER_THAN = datetime(2026, 2, 18, 12, tzinfo=UTC).timestamp()  # a Wednesday, of week 8


@pytest.fixture
def table(database):
    return LedgerTable(database, FakeClock(JANUARY))


def test_the_oldest_rows_go_first_and_only_so_many(table):
    table.ship([call(str(day), at=JANUARY + day * 86400) for day in range(10)])
    edge = JANUARY + 7 * 86400
    assert [table.prune(edge, limit=3) for _ in range(4)] == [3, 3, 1, 0]
    assert [row.opened.id for row in table.rows(Filter())] == ["9", "8", "7"]


def test_what_was_spent_is_forgotten_with_its_period(table):
    ended = ["2026-02-17", "2026-W07", "2026-01", "2025-12", "2025-Q4"]
    running = ["2026-02-18", "2026-W08", "2026-02", "2026-Q1", "ever"]
    charges = tuple([Charge("all", "", period) for period in (*ended, *running)])
    table.ship([call("1", at=OLDER_THAN, charged=5, charges=charges)])
    assert table.prune(OLDER_THAN) == len(ended)
    assert sorted(spent.charge.period for spent in table.totals()) == sorted(running)


def test_what_was_touched_lately_stays(database):
    table = LedgerTable(database, FakeClock(OLDER_THAN))
    table.ship([call("late", at=OLDER_THAN, charged=5, charges=(Charge("all", "", "2026-01"),))])
    assert table.prune(OLDER_THAN) == 0
    assert table.prune(OLDER_THAN + 1) == 2


def test_alerts_are_forgotten_when_they_are_done_and_cannot_come_again(database):
    alerts = AlertTable(database)
    done, failed, waiting, running, ever = [
        Alert(Charge(name, "", period), 1.0, at=JANUARY, document={})
        for name, period in zip("abcde", ["2026-01"] * 3 + ["2026-Q1", "ever"], strict=True)
    ]
    for alert in (done, failed, waiting, running, ever):
        alerts.note(alert)
    for alert in (done, running, ever):
        alerts.delivered(alert, JANUARY)
    alerts.failed(failed, None)
    with database.begin() as connection:
        assert prune(connection, OLDER_THAN, limit=10) == 2
    assert [alerts.note(alert) for alert in (done, failed, waiting, running, ever)] == [True, True, False, False, False]


def test_all_that_is_forgotten_shares_the_limit(database, table):
    charges = [Charge("each", f"user={number}", "2026-01") for number in range(3)]
    table.ship([call(str(number), at=JANUARY, charged=1, charges=(charge,)) for number, charge in enumerate(charges)])
    with database.begin() as connection:
        assert [prune(connection, OLDER_THAN, limit=4) for _ in range(3)] == [4, 2, 0]
