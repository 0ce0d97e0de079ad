import pytest

from tests.assembly.kit import Log
from torana.assembly.office.standing import Standing
from torana.assembly.settings import load
from torana.core.registry import Registry, Subject

BUDGETS = "providers:\n  here:\n    type: local\nbudgets:\n  - name: {}\n    limit: 20.00\n"


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "torana.yaml"
    file.write_text(BUDGETS.format("one"))
    return file


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def standing(config, log):
    return Standing(load(config).settings, config, log.logger)


def names(standing):
    return [budget.name for budget in standing.budgets]


def added(*documents):
    return Registry(revision=1, budgets=documents, subjects=(Subject("user", "anna"),))


def test_it_takes_up_a_file_that_has_changed(standing, config):
    before = standing.settings
    standing.look()
    assert standing.settings is before
    config.write_text(BUDGETS.format("other"))
    standing.look()
    assert names(standing) == ["other"]


def test_a_file_that_cannot_be_read_leaves_what_was_there_and_is_told_once(standing, config, log):
    config.write_text("what is this?")
    standing.look()
    standing.look()
    assert names(standing) == ["one"]
    config.unlink()
    standing.look()
    assert names(standing) == ["one"]
    assert [event["event"] for event in log.events] == ["reload_failed"] * 2


def test_what_operators_add_counts_unless_the_file_has_it(standing, config):
    standing.learn(added({"name": "one", "limit": "5"}, {"name": "two", "limit": "5"}))
    assert [(budget.name, float(budget.limit)) for budget in standing.budgets] == [("one", 20.0), ("two", 5.0)]
    assert ("user", "anna") in standing.directory.edition.subjects
    config.write_text(BUDGETS.format("two"))
    standing.look()
    assert [(budget.name, float(budget.limit)) for budget in standing.budgets] == [("two", 20.0), ("one", 5.0)]


def test_a_rule_of_a_newer_version_ends_nothing(standing, log):
    standing.learn(added({"name": "two", "limit": "5", "colour": "red"}, {"name": "three", "limit": "5"}))
    assert names(standing) == ["one", "three"]
    assert [event["rule"] for event in log.events] == ["two"]
