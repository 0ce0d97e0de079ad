import json

import pytest

from torana.cli.admin.showing import show_done, show_list, show_one

THING = {"name": "\x1b[2Jx", "none": None, "yes": True, "list": ["a", 1], "empty": [], "map": {"a": 1, "b": []}}


def test_a_list_that_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show_list([THING, {"name": "[bold]y[/bold]"}], ("name", "none", "list"), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["name", "none", "list"], ["?[2Jx", "-", "a,", "1"], ["[bold]y[/bold]", "-", "-"],
    ]  # fmt: skip


def test_a_line_has_nothing_after_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 300
    show_list([{"name": long, "none": "a"}, {"name": "y", "none": ""}], ("name", "none"), as_json=False)
    assert capsys.readouterr().out.splitlines() == ["name" + " " * 298 + "none", f"{long}  a", "y"]


def test_one_thing(capsys: pytest.CaptureFixture[str]) -> None:
    show_one({**THING, "created_at": "2027-01-15T08:00:00.25Z"}, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "name        ?[2Jx",
        "none        -",
        "yes         yes",
        "list        a, 1",
        "empty       -",
        "map         a=1",
        "created at  2027-01-15 08:00:00",
    ]


def test_as_json_nothing_is_changed(capsys: pytest.CaptureFixture[str]) -> None:
    show_list([THING], (), as_json=True)
    assert json.loads(capsys.readouterr().out) == [THING]
    show_one(THING, as_json=True)
    assert json.loads(capsys.readouterr().out) == THING
    show_done("Done.", THING, as_json=True)
    assert json.loads(capsys.readouterr().out) == THING


def test_that_it_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    show_done("It is gone.", THING, as_json=False)
    assert capsys.readouterr().out == "It is gone.\n"
    show_list([], ("name",), as_json=False)
    assert capsys.readouterr().err == "There is none.\n"
