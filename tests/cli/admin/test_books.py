import csv
import io
from pathlib import Path

import pytest

from tests.admin.kit import database_in, row
from tests.cli.admin.kit import ACTOR, done, failed, told
from torana.core.clock import FakeClock
from torana.storage.sql.ledger.table import LedgerTable
from torana.storage.sql.schema import prepare


@pytest.fixture
def books(here: Path) -> None:
    """Four calls in the database of this folder."""
    here.joinpath("torana-data").mkdir()
    database = database_in(here / "torana-data")
    prepare(database)
    rows = [row(1), row(2, model="two", cost=None), row(3, subject="ben", status=429, error="e", rule="busy"), row(4)]
    LedgerTable(database, FakeClock()).ship(rows)
    database.close()


@pytest.mark.usefixtures("books")
def test_usage() -> None:
    lines = told("usage", "--by", "model", "--since", "2027-01-01", "--until", "2027-02-01")
    assert [(line["group"]["model"], line["requests"], line["cost"]) for line in lines] == [
        ("house", 3, "3.75"), ("two", 1, "0"),
    ]  # fmt: skip
    assert "house" in done("usage", "--by", "day,model")
    assert told("usage", "--since", "2027-02-01") == []


@pytest.mark.usefixtures("books")
def test_usage_as_csv() -> None:
    lines = [*csv.DictReader(io.StringIO(done("usage", "--by", "subject,model", "--csv")))]
    assert [(line["subject"], line["model"], line["requests"]) for line in lines] == [
        ("user:anna", "house", "2"), ("user:anna", "two", "1"), ("user:ben", "house", "1"),
    ]  # fmt: skip


@pytest.mark.usefixtures("books")
def test_calls() -> None:
    assert [call["id"] for call in told("ledger", "--last", "3")] == ["row0004", "row0003", "row0002"]
    assert [call["id"] for call in told("ledger", "--status-from", "400")] == ["row0003"]
    assert [call["id"] for call in told("ledger", "--subject", "user:ben")] == ["row0003"]
    assert "2027-01-15 08:00:01" in done("ledger", "--request-id", "req_1")
    assert len([*csv.reader(io.StringIO(done("ledger", "--csv", "--subject", "user:anna")))]) == 4


def test_changes() -> None:
    for name in ("a", "b", "c"):
        done("teams", "set", name)
    assert [each["name"] for each in told("audit", "--last", "2")] == ["c", "b"]
    (change,) = told("audit", "--kind", "team", "--name", "a")
    assert (change["actor"], change["origin"], change["before"]) == (ACTOR, "command line", None)
    assert ACTOR in done("audit")


def test_mistakes() -> None:
    code, says = failed("usage", "--by", "colour")
    assert (code, "not by 'colour'" in says) == (2, True)
    code, says = failed("ledger", "--since", "yesterday")
    assert (code, "since" in says) == (2, True)
    code, _ = failed("ledger", "--csv", "--since", "yesterday")
    assert code == 2
