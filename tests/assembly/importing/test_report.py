from torana.assembly.importing.reading import Found
from torana.assembly.importing.report import ANY, Outcome, Remark, Remarks, Report

ROOT = Found((), {"a": {"b": 1, "c": {"d": 2, "e": []}}, "list": [{"x": 1, "y": 2}, {"x": 3}], "rest": {"deep": [1]}})
REMARKS: Remarks = {("list", ANY, "x"): Remark(Outcome.MOOT, "an x"), ("a", "c"): Remark(Outcome.LEFT, "a c")}


def lines(report: Report) -> list[str]:
    return [str(line) for line in report.closed(ROOT, REMARKS, "unknown")]


def test_what_nobody_spoke_of_is_told_as_large_as_can_be() -> None:
    assert lines(Report()) == [
        "a.b: left out: unknown",
        "a.c: left out: a c",
        "list[0].x: means nothing here: an x",
        "list[0].y: left out: unknown",
        "list[1].x: means nothing here: an x",
        "rest: left out: unknown",
    ]


def test_what_is_said_of_a_piece_is_said_of_all_below_it() -> None:
    report = Report()
    report.taken(ROOT.get("a"))
    report.left(ROOT.get("list"), "no lists")
    report.to_do(ROOT.get("rest").get("deep"), "do it")
    assert lines(report) == ["list: left out: no lists", "rest.deep: to do: do it"]


def test_a_note_covers_nothing() -> None:
    report = Report()
    report.note(ROOT.get("rest"), Outcome.TO_DO, "by the way")
    report.note(ROOT.get("rest"), Outcome.TO_DO, "by the way")
    told = lines(report)
    assert told.count("rest: to do: by the way") == 1
    assert "rest: left out: unknown" in told


def test_of_settings_that_mean_the_same_the_first_counts() -> None:
    report = Report()
    absent, first, second = ROOT.get("none"), ROOT.get("a").get("b"), ROOT.get("rest")
    assert report.foremost(absent, first, second) is first
    assert report.foremost(absent, absent) is absent
    assert "rest: means nothing here: `a.b` goes before it." in lines(report)
