from pathlib import Path

import pytest

from tests.cli.admin.kit import done, failed, told
from tests.cli.command import CONFIG

SETS = [
    ("grants", ("to=[team:design]", "models=[house]"), {"to": ["team:design"], "models": ["house"]}),
    ("limits", ("of=images", "limit=100", "every=1h"), {"of": "images", "limit": 100, "every": "1h"}),
    ("budgets", ("limit=0.1", "when={metadata: {day: 2026-01-01}}"), {"limit": "0.1"}),
]


@pytest.mark.parametrize(("kind", "fields", "rule"), SETS, ids=[kind for kind, _, _ in SETS])
def test_made_by_fields(kind: str, fields: tuple[str, ...], rule: dict[str, object]) -> None:
    made = told(kind, "set", "mine", *(part for field in fields for part in ("--set", field)))
    assert made.items() >= {"name": "mine", "source": "database", **rule}.items()
    assert told(kind, "show", "mine") == made
    assert told(kind, "list") == [made]
    assert "mine" in done(kind, "list")
    assert done(kind, "delete", "mine") == f"The {kind[:-1]} mine is gone.\n"
    assert told(kind, "list") == []


def test_what_yaml_takes_for_a_date_is_text() -> None:
    made = told("budgets", "set", "mine", "--set", "limit=1", "--set", "when={metadata: {day: 2026-01-01}}")
    assert made["when"]["metadata"] == {"day": "2026-01-01"}


def test_made_from_a_file_and_a_field(here: Path) -> None:
    here.joinpath("rule.yaml").write_text("of: images\nlimit: 5\nevery: 1m\n")
    made = told("limits", "set", "mine", "--file", "rule.yaml", "--set", "limit=7")
    assert (made["of"], made["limit"], made["every"]) == ("images", 7, "1m")


def test_those_of_the_configuration(here: Path) -> None:
    here.joinpath("gateway.yaml").write_text(CONFIG + "limits: [{name: all, of: requests, limit: 5}]\n")
    assert told("limits", "show", "all", "-c", "gateway.yaml")["source"] == "file"
    code, says = failed("limits", "delete", "all", "-c", "gateway.yaml")
    assert (code, "stands in the configuration file" in says) == (2, True)


def test_what_was_spent() -> None:
    done("budgets", "set", "mine", "--set", "limit=1")
    assert told("budgets", "spend", "mine") == []
    assert told("budgets", "spend", "mine", "--period", "2026-01") == []
    assert failed("budgets", "spend", "none") == (2, "There is no budget 'none'.")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--set", "of"), "'of' is not FIELD=VALUE, such as limit=100."),
        (("--set", "of={"), "the value of of is not YAML: put it in quotes."),
        (("--set", "of=image", "--set", "limit=1"), "of: expected one of requests, images"),
        (("--file", "text.yaml"), "text.yaml does not hold a rule, which has fields."),
        (("--file", "broken.yaml"), "broken.yaml is not YAML."),
        (("--file", "nowhere.yaml"), "does not exist"),
    ],
)
def test_mistakes(here: Path, arguments: tuple[str, ...], says: str) -> None:
    here.joinpath("text.yaml").write_text("just text")
    here.joinpath("broken.yaml").write_text("{a: ")
    code, complaint = failed("limits", "set", "mine", *arguments)
    assert (code, says in complaint) == (2, True), complaint
