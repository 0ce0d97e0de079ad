from typing import Any

import pytest

from torana.core.registry import Registry
from torana.policy.rulebook import Additions, Rulebook

GRANT = {"name": "design", "to": ["team:design"]}
BUDGET = {"name": "team", "limit": "20.00"}


@pytest.fixture
def spoilt():
    return []


@pytest.fixture
def additions(spoilt):
    return Additions(lambda name, why: spoilt.append((name, why)))


def test_what_operators_add_is_read_as_the_settings_are(additions, spoilt):
    additions.learn(Registry(grants=(GRANT,), budgets=(BUDGET,)))
    assert [grant.name for grant in additions.current.grants] == ["design"]
    assert [str(budget.limit) for budget in additions.current.budgets] == ["20.00"]
    assert spoilt == []


def test_a_rule_that_this_version_cannot_read_leaves_the_others(additions, spoilt):
    additions.learn(Registry(budgets=({**BUDGET, "name": "later", "colour": "red"}, BUDGET, {"limit": "a lot"})))
    assert [budget.name for budget in additions.current.budgets] == ["team"]
    assert [name for name, _ in spoilt] == ["later", "None"]
    assert "colour" in spoilt[0][1]


def test_rules_are_compiled_anew_only_when_they_have_changed(additions):
    made: list[Any] = []

    def rule(added) -> Any:
        made.append(added)
        return len(made)

    book: Any = Rulebook(rule, additions)
    assert [book.ruling, book.ruling] == [1, 1]
    additions.learn(Registry(grants=(GRANT,)))
    assert [book.ruling, book.ruling] == [2, 2]
    assert made[-1].grants[0].name == "design"
    additions.learn(Registry())
    assert book.ruling == 3
    assert made[-1].grants == ()
