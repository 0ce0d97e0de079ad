from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event

from tests.storage.sql.calls import MONTH, call
from torana.core.ledger import LOST, Charge, Row, Spent
from torana.storage.sql.database import Database
from torana.storage.sql.ledger.records import MOST, fitted
from torana.storage.sql.ledger.table import Filter, LedgerTable
from torana.storage.sql.tables import ledger, spend

ANNA, BEN = Charge("each", "user=anna", "2027-01"), Charge("each", "user=ben", "2027-01")
MOMENT = 1_800_000_000.0


@pytest.fixture
def mended():
    return []


@pytest.fixture
def table(database, clock, mended):
    return LedgerTable(database, clock, mended=mended.append)


def ids(rows: list[Row]) -> list[str]:
    return [row.opened.id for row in rows]


def spent(table: LedgerTable) -> dict[Charge, int]:
    return {each.charge: each.amount for each in table.totals()}


def emptied(database: Database) -> Database:
    with database.begin() as connection:
        for each in (ledger, spend):
            connection.execute(delete(each))
    return database


def test_nothing_is_shipped_where_there_is_nothing(table):
    assert table.ship([]) == []
    assert table.rows(Filter()) == table.totals() == []


def test_rows_come_back_as_they_were_shipped(table, mended):
    rows = [
        call("2", teams=("web",), metadata={"a": "ü"}, tokens={"input": 1}, cost=0, charges=(MONTH, ANNA), reserved=9),
        call("1", model="draw", key="k", error=LOST, charged=2**40, replayed=True),
    ]
    table.ship(rows)
    assert table.rows(Filter()) == rows
    assert mended == []


def test_what_a_row_was_charged_to_is_told(table):
    assert table.ship([call("1", charged=5, charges=(MONTH, ANNA)), call("2", charged=7, charges=(MONTH, BEN))]) == [
        Spent(MONTH, 12),
        Spent(ANNA, 5),
        Spent(BEN, 7),
    ]
    # Also what rows were that are known.
    again = table.ship([call("2", charged=7, charges=(MONTH, BEN))])
    assert {each.charge: each.amount for each in again} == {MONTH: 12, BEN: 7}


def test_shares_that_cost_nothing_leave_no_trace(table):
    made_up = [call(str(number), charges=(Charge("all", f"metadata.x={number}", "2027-01"),)) for number in range(9)]
    assert table.ship(made_up) == []
    assert table.totals() == []
    assert len(table.rows(Filter())) == 9


def test_a_row_counts_once(table):
    row = call("1", charged=5, charges=(MONTH, MONTH))
    for batch in ([row, row], [row], [call("2", charged=1, charges=(MONTH,)), row]):
        table.ship(batch)
    assert spent(table) == {MONTH: 6}
    assert len(table.rows(Filter())) == 2


def test_rows_that_are_there_are_known(table):
    long = "x" * 2000
    table.ship([call("1"), call("2"), call(long)])
    assert table.known(["1", long, "3"]) == {"1", long}
    assert table.known([]) == set()


def test_of_two_ends_of_a_call_the_first_stays(table):
    lost = call("1", error=LOST, charged=9, charges=(MONTH,))
    ended = call("1", cost=4, charged=4, charges=(MONTH,))
    table.ship([lost])
    assert table.ship([ended]) == [Spent(MONTH, 9)]
    table.ship([call("2", charged=1, charges=(ANNA,)), call("2", charged=100, charges=(ANNA,))])
    assert spent(table) == {MONTH: 9, ANNA: 1}
    assert table.rows(Filter(request_id="request-1")) == [lost]


def test_offices_ship_overlapping_batches_at_once(table, database, opened, url, clock):
    tables = [table, *[LedgerTable(opened(url), clock) for _ in range(3)]]
    charges = [Charge("each", f"user={number}", "2027-01") for number in range(7)]
    rows = [call(str(n), charged=1, charges=(charges[n % 7], charges[n * 3 % 7], MONTH)) for n in range(120)]
    together = Barrier(len(tables), timeout=10)

    def ship(number: int) -> None:
        together.wait()
        mine = rows if number % 2 else rows[::-1]
        for start in range(0, len(mine), 30):
            tables[number].ship(mine[start : start + 30])

    with ThreadPoolExecutor(len(tables)) as threads:
        list(threads.map(ship, range(len(tables))))
    assert len(table.rows(Filter(), limit=1000)) == 120
    expected = {charge: sum(charge in row.opened.charges for row in rows) for charge in (MONTH, *charges)}
    assert spent(table) == expected


def test_what_was_in_the_way_is_tried_again_once(database, table):
    if database.dialect == "sqlite":
        pytest.skip("One writes at a time.")
    table.ship([call("1", charged=1, charges=(ANNA,)), call("2", charged=1, charges=(BEN,))])
    tried = []

    def write(order):
        def both(connection) -> None:
            tried.append(order)
            for place, charge in enumerate(order):
                connection.execute(spend.update().where(spend.c.share == charge.share).values(amount=7))
                if place == 0 and len(tried) <= 2:
                    together.wait()

        return both

    together = Barrier(2, timeout=10)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda order: table._once_more(write(order)), [(ANNA, BEN), (BEN, ANNA)]))
    assert len(tried) == 3
    assert set(spent(table).values()) == {7}


ROWS = [
    call(str(n), charged=n, charges=[(MONTH,), (MONTH, ANNA), (BEN, ANNA), ()][n % 4], error=LOST if n % 3 else None)
    for n in range(8)
]


# The database is the same for every example, and empty at the beginning of each.
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from(ROWS), max_size=6), max_size=6), st.randoms(use_true_random=False))
def test_any_repetition_in_any_order_comes_to_the_same(database, clock, batches, random):
    table = LedgerTable(emptied(database), clock)
    rest = random.sample(ROWS, len(ROWS))
    everything = [*batches, rest]
    random.shuffle(everything)
    for batch in everything:
        table.ship(batch)
    assert {row.opened.id: row for row in table.rows(Filter())} == {row.opened.id: row for row in ROWS}
    assert spent(table) == {
        charge: sum(row.closed.charged for row in ROWS if charge in row.opened.charges) for charge in (MONTH, ANNA, BEN)
    }


POISON = [
    call(
        "nul", subject="a\0b", metadata={"\0": "\0"}, teams=("\0",), charges=(Charge("each", "user=a\0b", "2027-01"),)
    ),
    call("surrogate", model="\ud800", metadata={"a": "\udfff"}, error="\ud800", tokens={"\ud800": 1}),
    call("number", images=2**31, status=10**30, cost=2**70, tokens={"input": 2**64}, reserved=2**63),
    call("time", at=float("inf"), charges=(MONTH,), charged=-5),
    call("\ud800" * 3000, request_id="".join(map(chr, range(0x4E00, 0x4E00 + 5000)))),
]


def test_a_row_that_does_not_fit_is_mended_and_told(table, mended):
    table.ship([call("good"), *POISON])
    assert sorted(mended) == sorted(ids(POISON))
    assert {row.opened.id: row for row in table.rows(Filter())} == {
        row.opened.id: row for row in map(fitted, [call("good"), *POISON])
    }
    assert [line.group for line in table.usage(Filter(), ["team", "metadata.\0"])] == [
        (None, None),
        ("\ufffd", "\ufffd"),
    ]
    # It is found by what it was, and counts once.
    assert ids(table.rows(Filter(subject="a\0b", team="\0"))) == ["nul"]
    assert ids(table.rows(Filter(request_id=POISON[-1].opened.request_id))) == [fitted(POISON[-1]).opened.id]
    table.ship(POISON)
    assert len(table.rows(Filter())) == 6


WORDS = st.text(st.characters(exclude_categories=[]), max_size=20)
NUMBERS = st.integers() | st.integers(-(2**70), 2**70)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.lists(WORDS, min_size=10, max_size=10), numbers=st.lists(NUMBERS, min_size=6, max_size=6), at=st.floats()
)
def test_no_row_is_refused(database, clock, words, numbers, at):
    one, two, three, *rest = words
    texts = dict(zip(("subject", "issuer", "operation", "model", "error", "price", "target"), rest, strict=True))
    counts = dict(zip(("status", "images", "cost", "reserved"), numbers[2:], strict=True))
    given: dict[str, Any] = {**texts, **counts, "teams": (one, two), "metadata": {one: two, two: three}}
    charge = Charge(one, two, three)
    row = call(three * 70, at=at, charged=numbers[0], charges=(charge,), tokens={one: numbers[1]}, **given)
    table = LedgerTable(emptied(database), clock)
    table.ship([row])
    assert table.rows(Filter(subject=row.opened.subject)) == [fitted(row)]


def test_many_rows_are_shipped_at_once(table):
    charges = [Charge("each", f"user={number}", "2027-01") for number in range(700)]
    rows = [call(f"{n:04}", charged=1, charges=(MONTH, charges[n % 700], charges[n * 7 % 700])) for n in range(2100)]
    assert {each.charge: each.amount for each in table.ship(rows)} == spent(table)
    assert spent(table)[MONTH] == 2100
    assert table.rows(Filter(), limit=2100) == rows[::-1]


def test_a_budget_is_never_fuller_than_full(database, table):
    with database.begin() as connection:
        values = {"budget": "all", "share": "", "period": "2027-01", "amount": 2**63 - 2, "changed": 0.0}
        connection.execute(spend.insert(), values)
    assert table.ship([call("1", charged=1, charges=(MONTH,))]) == [Spent(MONTH, 2**63 - 1)]
    assert table.ship([call("2", charged=MOST, charges=(MONTH,))]) == [Spent(MONTH, 2**63 - 1)]


def test_totals_are_those_that_changed_since(table, clock):
    table.ship([call("1", charged=1, charges=(MONTH, ANNA))])
    clock.advance(10)
    table.ship([call("2", charged=2, charges=(MONTH,))])
    assert table.totals() == [Spent(MONTH, 3), Spent(ANNA, 1)]
    assert table.totals(since=clock.now()) == [Spent(MONTH, 3)]
    # An office whose clock is behind does not hide what changed.
    clock.advance(-5)
    table.ship([call("3", charged=3, charges=(MONTH,))])
    assert table.totals(since=clock.now() + 5) == [Spent(MONTH, 6)]


def test_what_was_spent_of_a_budget_is_told(table):
    february = Charge("each", "user=anna", "2027-02")
    table.ship([call("1", charged=1, charges=(MONTH, ANNA, BEN, february))])
    assert table.spent("each") == [Spent(ANNA, 1), Spent(BEN, 1), Spent(february, 1)]
    assert table.spent("each", period="2027-02") == [Spent(february, 1)]
    assert table.spent("none") == []


def test_pages_hold_every_row_once_the_newest_first(table):
    rows = [call(f"{n:02}", at=MOMENT + n // 4) for n in range(18)]
    table.ship(rows)
    pages = []
    before = None
    while page := table.rows(Filter(), limit=5, before=before):
        pages.append(page)
        before = (page[-1].opened.at, page[-1].opened.id)
        # What comes meanwhile is newer.
        table.ship([call(f"new {len(pages)}", at=MOMENT + 100)])
    assert [row for page in pages for row in page] == rows[::-1]


def test_a_filter_chooses_rows(table):
    table.ship(
        [
            call("a", model="draw", teams=("design",)),
            call("b", at=MOMENT + 1, subject="ben", kind="service_account", teams=("design", "web"), status=429),
            call("c", at=MOMENT + 2, key="k", teams=("web",), operation="chat", status=502),
        ]
    )
    expected = [
        (Filter(), "cba"),
        (Filter(since=MOMENT + 1), "cb"),
        (Filter(until=MOMENT + 1), "a"),
        (Filter(subject="anna"), "ca"),
        (Filter(kind="service_account"), "b"),
        (Filter(key="k"), "c"),
        (Filter(team="web"), "cb"),
        (Filter(team="we"), ""),
        (Filter(model="draw"), "a"),
        (Filter(operation="chat"), "c"),
        (Filter(request_id="request-b"), "b"),
        (Filter(status_from=400), "cb"),
        (Filter(status_to=429), "ba"),
        (Filter(status_from=429, status_to=429, subject="anna"), ""),
        (Filter(subject="anna", team="web", since=MOMENT), "c"),
    ]
    assert [(chosen, "".join(ids(table.rows(chosen)))) for chosen, _ in expected] == expected


def test_pages_are_looked_up_in_an_index(database, table):
    asked: list[tuple[str, Any]] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, parameters, *_) -> None:
        asked.append((statement, parameters))

    chosen = {"started": Filter(), "subject_started": Filter(subject="anna"), "request_id": Filter(request_id="r")}
    for each in chosen.values():
        table.rows(each, before=(MOMENT, "x"))
    pages = [page for page in asked if "ORDER BY" in page[0]]
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    with database.begin() as connection:
        if database.dialect == "postgresql":
            # Else it reads a table that is empty from end to end.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for name, (statement, parameters) in zip(chosen, pages, strict=True):
            plan = connection.exec_driver_sql(f"{explain} {statement}", parameters).all()
            assert f"ix_ledger_{name}" in str(plan), plan
