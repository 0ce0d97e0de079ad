import pytest

from torana.assembly.importing.litellm.values import Values, duration, reference, seconds, written_seconds
from torana.assembly.importing.reading import Found
from torana.assembly.importing.report import Outcome, Report

ROOT = Found((), {"environment_variables": {"OWN": "here"}, "key": "os.environ/TORANA_KEY"})


def values(report: Report | None = None) -> Values:
    return Values(ROOT, {"OWN": "there", "ELSE": " else "}, report or Report())


def found(value: object) -> Found:
    return Found(("place",), value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a ", "a"),
        (4, "4"),
        (True, None),
        ([], None),
        ("", None),
        ("a\nb", None),
        (None, None),
        ("os.environ/OWN", "here"),
        ("os.environ/ELSE", "else"),
        ("os.environ/NOBODY", None),
    ],
)
def test_text_from_the_file_or_from_where_it_says(value: object, text: str | None) -> None:
    assert values().text(found(value)) == text


@pytest.mark.parametrize(
    ("value", "number", "whole"),
    [
        ("7", 7.0, 7),
        (0.5, 0.5, None),
        ("nan", None, None),
        (float("inf"), None, None),
        ("x", None, None),
        (-1, -1.0, None),
    ],
)
def test_numbers(value: object, number: float | None, whole: int | None) -> None:
    assert values().number(found(value)) == number
    assert values().whole(found(value), 0) == whole


def test_flags_and_addresses() -> None:
    assert [values().flag(found(each)) for each in (True, "False", "maybe", 1)] == [True, False, None, None]
    told = (
        "https://a.example/v1/",
        "https://u:p@a.example",
        "https://a.example?key=x",
        "ftp://a",
        "http://[",
        "http://a:0",
    )
    assert [values().address(found(each)) for each in told] == ["https://a.example/v1", *[None] * 5]


def test_a_secret_is_a_reference_or_becomes_one() -> None:
    report = Report()
    kept = values(report)
    assert kept.secret(found("os.environ/NAME"), "wanted") == {"env": "NAME"}
    assert kept.secret(found("plain"), "torana-key") == {"env": "TORANA_KEY_2"}, "TORANA_KEY is somebody else's"
    assert kept.secret(Found(("again",), "plain"), "other") == {"env": "TORANA_KEY_2"}
    assert kept.secret(found("os.environ/not a name"), "other") == {"env": "OTHER"}
    told = report.closed(ROOT, {}, "unknown")
    assert "plain" not in str(told)
    assert [line.place for line in told if line.outcome is Outcome.TO_DO] == ["place", "again", "place"]


def test_durations() -> None:
    assert (duration("30d"), duration("1mo"), duration("soon"), duration(None)) == ((30, "d"), (1, "mo"), None, None)
    assert (seconds("2m"), seconds("1mo"), seconds("x")) == (120, None, None)
    assert [written_seconds(each) for each in (30.0, 0.5, 0.0, -1.0, 1e12, None)] == ["30s", "500ms", *[None] * 4]


def test_references() -> None:
    assert [reference(found(each)) for each in ("os.environ/A_1", "os.environ/", "os.environ/a b", "A", 1)] == [
        "A_1", None, None, None, None,
    ]  # fmt: skip
