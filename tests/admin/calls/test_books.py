import csv
import io
import json
import tracemalloc

import pytest

from tests.admin.kit import House, row
from torana.admin.calls.books import RowsWanted, rows
from torana.admin.operation import Ask, Table
from torana.admin.tables import written


async def test_a_row_as_it_is_shown(office: House) -> None:
    office.desk.ledger.ship([row(1, key="tor_a")])
    (shown,) = (await office.ask("GET", "ledger")).json["data"]
    assert shown == {
        "id": "row0001", "request_id": "req_1", "at": "2027-01-15T08:00:01Z", "ended": "2027-01-15T08:00:03Z",
        "subject": "user:anna", "issuer": "torana", "key": "tor_a", "teams": ["design"],
        "operation": "images.variations", "model": "house", "metadata": {"project": "blue"}, "target": "lab/one",
        "status": 200, "error": None, "rule": None, "images": 2, "tokens": {"image_output": 7}, "cost": "1.25",
        "price": "list, 2027-01-01", "charged": "1.25", "budgets": ["all"], "replayed": False,
    }  # fmt: skip


async def test_pages_with_no_gap_and_nothing_twice(office: House) -> None:
    office.desk.ledger.ship([row(n, at=1_800_000_000.125 + n // 3) for n in range(10)])
    seen: list[str] = []
    after: dict[str, str] = {}
    for _ in range(4):
        page = (await office.ask("GET", "ledger", limit="3", **after)).json
        seen += [each["id"] for each in page["data"]]
        after = {"after": page["next"]}
    assert page["next"] is None
    assert seen == [f"row{n:04}" for n in reversed(range(10))]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"since": "2027-01-15T08:00:02Z"}, {2, 3}),
        ({"until": "2027-01-15T09:00:02+01:00"}, {1}),
        ({"subject": "user:anna"}, {1, 3}),
        ({"subject": "service_account:anna"}, {2}),
        ({"team": "ads"}, {3}),
        ({"model": "two"}, {2}),
        ({"operation": "images.edits"}, {3}),
        ({"request_id": "req_2"}, {2}),
        ({"status_from": "400"}, {2}),
        ({"key": "tor_a"}, {1}),
        ({"key": "tor_a", "team": "ads"}, set()),
    ],
)
async def test_filters(office: House, wanted: dict[str, str], found: set[int]) -> None:
    office.desk.ledger.ship(
        [
            row(1, key="tor_a"),
            row(2, kind="service_account", model="two", status=429),
            row(3, teams=("ads", "design"), operation="images.edits"),
        ]
    )
    rows = (await office.ask("GET", "ledger", **wanted)).json["data"]
    assert {each["request_id"] for each in rows} == {f"req_{number}" for number in found}


@pytest.mark.parametrize(
    ("path", "wanted", "field"),
    [
        ("ledger", {"since": "yesterday"}, "since"),
        ("ledger", {"limit": "0"}, "limit"),
        ("ledger", {"limit": "1001"}, "limit"),
        ("ledger", {"after": "x"}, "after"),
        ("ledger", {"after": "nan_x"}, "after"),
        ("ledger", {"subject": "anna"}, "subject"),
        ("ledger", {"colour": "blue"}, "colour"),
        ("ledger", {"model": "a\x00"}, "model"),
        ("ledger", {"model": ""}, "model"),
        ("usage", {"by": "colour"}, "by"),
        ("usage", {"by": "day,model,key,team,status,kind,subject"}, "by"),
        ("usage", {"format": "xml"}, "format"),
        ("audit", {"after": "-1"}, "after"),
        ("audit", {"after": "9" * 30}, "after"),
    ],
)
async def test_mistakes_name_their_field(office: House, path: str, wanted: dict[str, str], field: str) -> None:
    assert (await office.ask("GET", path, **wanted)).problem[:2] == (400, field)


async def test_usage_in_groups(office: House) -> None:
    office.desk.ledger.ship([row(1), row(2, cost=None), row(3, model="two", status=500), row(4, metadata={})])
    lines = (await office.ask("GET", "usage", by="model,metadata.project")).json["data"]
    assert lines == [
        {
            "group": {"model": "house", "metadata.project": None}, "requests": 1, "errors": 0, "images": 2,
            "tokens": {"image_output": 7}, "cost": "1.25", "unknown": 0,
        },
        {
            "group": {"model": "house", "metadata.project": "blue"}, "requests": 2, "errors": 0, "images": 4,
            "tokens": {"image_output": 14}, "cost": "1.25", "unknown": 1,
        },
        {
            "group": {"model": "two", "metadata.project": "blue"}, "requests": 1, "errors": 1, "images": 2,
            "tokens": {"image_output": 7}, "cost": "1.25", "unknown": 0,
        },
    ]  # fmt: skip


@pytest.mark.parametrize("asked", ["format", "accept"])
async def test_usage_as_csv(office: House, asked: str) -> None:
    office.desk.ledger.ship([row(1, model="=cmd|' /C calc'!A0"), row(2)])
    if asked == "format":
        answer = await office.ask("GET", "usage", by="model", format="csv")
    else:
        answer = await office.ask("GET", "usage", by="model", accept="text/csv")
    lines = [*csv.DictReader(io.StringIO(answer.body.decode()))]
    assert [line["model"] for line in lines] == ["'=cmd|' /C calc'!A0", "house"]
    assert lines[1] == {
        "model": "house", "requests": "1", "errors": "0", "images": "2", "tokens": '{"image_output":7}',
        "cost": "1.25", "unknown": "0",
    }  # fmt: skip


async def test_the_whole_ledger_as_a_table(office: House) -> None:
    office.desk.ledger.ship([row(n) for n in range(1203)])
    as_csv = await office.ask("GET", "ledger", format="csv")
    assert [line["id"] for line in csv.DictReader(io.StringIO(as_csv.body.decode()))] == [
        f"row{n:04}" for n in reversed(range(1203))
    ]
    as_lines = await office.ask("GET", "ledger", format="jsonl", model="house")
    lines = [json.loads(line) for line in as_lines.body.splitlines()]
    assert len(lines) == 1203
    assert lines[0] == (await office.ask("GET", "ledger", limit="1")).json["data"][0]


async def test_a_long_table_needs_no_more_memory(office: House) -> None:
    def most(start: int, end: int) -> int:
        office.desk.ledger.ship([row(n) for n in range(start, end)])
        tracemalloc.start()
        table = rows(office.desk, Ask(None, {}, RowsWanted(format="csv"), None))  # type: ignore[arg-type]
        assert isinstance(table, Table)
        size = sum(map(len, written(table)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert size > 150 * end
        return peak

    few = most(0, 1000)
    assert most(1000, 5000) < 1.5 * few


async def test_the_audit_log_in_pages(office: House) -> None:
    for name in ("a", "b", "c"):
        await office.ask("PUT", f"teams/{name}", who="mia", role="operator")
    first = (await office.ask("GET", "audit", limit="2")).json
    assert [each["name"] for each in first["data"]] == ["c", "b"]
    assert first["data"][0] == {
        "id": 3, "at": "2027-01-15T08:00:00Z", "actor": "user:mia", "origin": "unknown", "action": "create",
        "kind": "team", "name": "c", "before": None,
        "after": {"name": "c", "description": "", "created": 1_800_000_000.0},
    }  # fmt: skip
    second = (await office.ask("GET", "audit", limit="2", after=first["next"])).json
    assert ([each["name"] for each in second["data"]], second["next"]) == (["a"], None)
    assert len((await office.ask("GET", "audit", kind="team", name="b")).json["data"]) == 1
    assert (await office.ask("GET", "audit", kind="key")).json["data"] == []
