import pytest
from msgspec import structs

from tests.policy.guardrails.kit import FACTS, named
from torana.config.guardrails import GuardRule
from torana.config.rules import When
from torana.core.errors import InvalidRequest
from torana.core.exchange import GuardWish
from torana.policy import matching
from torana.policy.guardrails.rules import UNGUARDED, Guards
from torana.policy.guardrails.watch import UNWATCHED
from torana.policy.matching import fits

CHECKS = {name: named(name, priority=priority) for name, priority in (("late", 9), ("soon", 1), ("mid", 5))}


def guards(*rules):
    return Guards(CHECKS, rules)


def names(watch):
    return [check.name for check in watch.before], [check.name for check in watch.after]


def test_all_rules_that_fit_count_and_each_check_is_made_once():
    rules = (
        GuardRule("a", before=("late", "soon")),
        GuardRule("b", before=("soon",), after=("mid",)),
        GuardRule("c", before=("mid",), when=When(models=("other",))),
    )
    assert names(guards(*rules).watch(FACTS)) == (["soon", "late"], ["mid"])


def test_where_no_rule_fits_nobody_looks():
    assert UNGUARDED.watch(FACTS) is UNWATCHED
    assert guards(GuardRule("c", before=("mid",), when=When(models=("other",)))).watch(FACTS) is UNWATCHED
    assert guards().watch(FACTS, GuardWish()) is UNWATCHED


def test_a_caller_adds_and_takes_none_away():
    watch = guards(GuardRule("a", before=("late",))).watch(FACTS, GuardWish(("soon", "late"), ("mid",), last_only=True))
    assert names(watch) == (["soon", "late"], ["mid"])
    assert watch.last_only == {"soon"}
    assert watch.held


def test_a_name_that_there_is_not():
    with pytest.raises(InvalidRequest, match=r"no guardrail of the name 'n\?o'") as refused:
        guards().watch(FACTS, GuardWish(before=("n\no",)))
    assert refused.value.param == "x-torana-guardrails"


@pytest.mark.parametrize(
    ("rules", "held"),
    [
        ((GuardRule("a", before=("late",)),), False),
        ((GuardRule("a", after=("late",)),), True),
        ((GuardRule("a", after=("late",), streams="skip"),), False),
        ((GuardRule("a", after=("late",), streams="skip"), GuardRule("b", after=("mid",))), True),
    ],
)
def test_a_stream_is_held_where_a_rule_wants_it(rules, held):
    assert guards(*rules).watch(FACTS).held is held


def test_rules_are_gone_through_once_for_calls_that_they_cannot_tell_apart(monkeypatch):
    looked = []

    def look(when, facts):
        looked.append(when)
        return fits(when, facts)

    monkeypatch.setattr(matching, "fits", look)
    others = [GuardRule(f"r{number}", before=("late",), when=When(models=(f"m{number}",))) for number in range(1000)]
    made = guards(*others, GuardRule("a", before=("soon",), when=When(metadata={"env": "prod"})))
    prod = structs.replace(FACTS, metadata={"env": "prod", "trace": "1"})
    watches = [
        made.watch(prod),
        made.watch(structs.replace(prod, metadata={"env": "prod", "trace": "2"})),
        made.watch(FACTS),
    ]
    assert [names(watch) for watch in watches] == [(["soon"], []), (["soon"], []), ([], [])]
    assert looked == [When(metadata={"env": "prod"})] * 2
