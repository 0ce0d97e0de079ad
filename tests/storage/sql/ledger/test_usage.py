import pytest

from tests.storage.sql.calls import call
from torana.storage.sql.ledger import usage
from torana.storage.sql.ledger.table import Filter, LedgerTable
from torana.storage.sql.ledger.usage import TooManyLines, UsageLine

MIDNIGHT = 1_799_971_200.0  # of 2027-01-15
ROWS = [
    call("1", at=MIDNIGHT - 0.001, model="draw", cost=1, images=1, tokens={"input": 10}, teams=("web", "design")),
    call("2", at=MIDNIGHT, model="draw", cost=2, images=2, tokens={"input": 1, "output": 5}, teams=("web",), key="k"),
    call("3", at=MIDNIGHT + 1, model="paint", status=502, error="upstream_error", metadata={'a "b"': "x"}),
    call("4", at=MIDNIGHT + 2, subject="nightly", kind="service_account", status=429, cost=0, metadata={"a": "y"}),
]


@pytest.fixture
def table(database, clock):
    table = LedgerTable(database, clock)
    table.ship(ROWS)
    return table


def costs(lines: list[UsageLine]) -> dict[tuple[str | None, ...], tuple[int, int]]:
    return {line.group: (line.requests, line.cost) for line in lines}


def test_everything_is_summed_up_where_no_group_is_asked_for(table):
    assert table.usage(Filter(), []) == [UsageLine((), 4, 2, 3, {"input": 11, "output": 5}, 3, 1)]
    assert table.usage(Filter(subject="nobody"), []) == [UsageLine((), 0, 0, 0, {}, 0, 0)]
    assert table.usage(Filter(subject="nobody"), ["day"]) == []


def test_lines_are_whole_and_in_order(table):
    assert table.usage(Filter(), ["model", "day"]) == [
        UsageLine((None, "2027-01-15"), 1, 1, 0, {}, 0, 0),
        UsageLine(("draw", "2027-01-14"), 1, 0, 1, {"input": 10}, 1, 0),
        UsageLine(("draw", "2027-01-15"), 1, 0, 2, {"input": 1, "output": 5}, 2, 0),
        UsageLine(("paint", "2027-01-15"), 1, 1, 0, {}, 0, 1),
    ]


def test_a_group_is_any_of_these(table):
    expected = {
        "subject": {("anna",): (3, 3), ("nightly",): (1, 0)},
        "kind": {("user",): (3, 3), ("service_account",): (1, 0)},
        "key": {(None,): (3, 1), ("k",): (1, 2)},
        "operation": {("images",): (4, 3)},
        "target": {(None,): (4, 3)},
        "status": {("200",): (2, 3), ("429",): (1, 0), ("502",): (1, 0)},
        "metadata.a": {(None,): (3, 3), ("y",): (1, 0)},
        'metadata.a "b"': {(None,): (3, 3), ("x",): (1, 0)},
    }
    assert {field: costs(table.usage(Filter(), [field])) for field in expected} == expected


def test_a_call_counts_for_each_team(table):
    assert table.usage(Filter(), ["team"]) == [
        UsageLine((None,), 2, 2, 0, {}, 0, 1),
        UsageLine(("design",), 1, 0, 1, {"input": 10}, 1, 0),
        UsageLine(("web",), 2, 0, 3, {"input": 11, "output": 5}, 3, 0),
    ]
    assert costs(table.usage(Filter(team="design"), ["team"])) == {("design",): (1, 1), ("web",): (1, 1)}


def test_only_rows_that_fit_are_summed_up(table):
    assert costs(table.usage(Filter(since=MIDNIGHT, model="draw"), ["team", "metadata.a"])) == {("web", None): (1, 2)}


def test_sums_are_exact_beyond_what_floating_point_holds(table):
    table.ship([call(f"big {number}", subject="big", cost=10**15, tokens={"input": 10**15}) for number in range(20)])
    table.ship([call("small", subject="big", cost=1, tokens={"input": 1})])
    (line,) = table.usage(Filter(subject="big"), ["subject"])
    assert (line.cost, line.tokens) == (2 * 10**16 + 1, {"input": 2 * 10**16 + 1})


def test_what_cannot_be_grouped_by_is_named(table):
    for by in (["colour"], ["metadata"], ["day", "id"]):
        with pytest.raises(ValueError, match=f"metadata.KEY, not by '{by[-1]}'"):
            table.usage(Filter(), by)


def test_too_many_lines_are_refused(table, monkeypatch):
    monkeypatch.setattr(usage, "MOST", 2)
    assert len(table.usage(Filter(), ["subject"])) == 2
    with pytest.raises(TooManyLines, match=r"more than 2 lines\. Ask for less time"):
        table.usage(Filter(), ["status"])
    with pytest.raises(TooManyLines):
        table.usage(Filter(), ["day", "model"])
