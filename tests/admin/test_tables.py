import csv
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from torana.admin.operation import Table
from torana.admin.tables import written


def as_csv(*rows: tuple[object, ...]) -> list[list[str]]:
    text = b"".join(written(Table(("a", "b"), iter(rows), "csv"))).decode()
    return [*csv.reader(io.StringIO(text))]


def test_a_table_with_its_columns() -> None:
    assert as_csv(("x", 1), (None, ["p", "q"]), ('say "hi",\nyou', {"k": 2})) == [
        ["a", "b"], ["x", "1"], ["", '["p","q"]'], ['say "hi",\nyou', '{"k":2}'],
    ]  # fmt: skip
    assert as_csv((True, False))[1] == ["true", "false"]
    assert as_csv() == [["a", "b"]]


@given(st.text(max_size=20))
def test_no_cell_is_a_formula(text: str) -> None:
    cell = as_csv((text.replace("\x00", ""), 1))[1][0]
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_lines_of_json() -> None:
    lines = b"".join(written(Table(("a", "b"), iter([("=x", None), (1, {"k": 2})]), "jsonl"))).splitlines()
    assert [json.loads(line) for line in lines] == [{"a": "=x", "b": None}, {"a": 1, "b": {"k": 2}}]


def test_no_more_is_fetched_than_is_sent() -> None:
    fetched: list[int] = []

    def rows():
        for number in range(1000):
            fetched.append(number)
            yield (number, number)

    pieces = written(Table(("a", "b"), rows(), "csv"))
    assert (next(pieces), fetched) == (b"a,b\r\n", [])
    next(pieces)
    assert len(fetched) == 200
