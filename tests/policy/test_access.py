import pytest

from torana.core.errors import Forbidden
from torana.core.exchange import Permit, Plan, Principal, Target
from torana.policy.access import admit, may_use

SOME_TARGET = (Target("studio", "patchwork"),)


def principal(*patterns: str) -> Principal:
    return Principal("alice", "torana", models=patterns)


@pytest.mark.parametrize(
    ("patterns", "model"),
    [
        (["vary"], "vary"),
        (["other", "vary"], "vary"),
        (["*"], "vary"),
        (["*"], "studio/patchwork"),
        (["studio/*"], "studio/patchwork"),
        (["studio/*"], "studio/a/b"),
        (["*/patchwork"], "studio/patchwork"),
        (["var*"], "vary"),
        (["v*r*y"], "vary"),
    ],
)
def test_patterns_that_allow(patterns, model):
    asking = principal(*patterns)
    assert may_use(asking, model)
    assert admit(asking, Plan(model, SOME_TARGET)) == Permit(asking, model)


def test_who_is_not_restricted_may_use_all():
    asking = Principal("alice", "torana")
    assert may_use(asking, "vary")
    assert admit(asking, Plan("vary", SOME_TARGET)) == Permit(asking, "vary")


@pytest.mark.parametrize(
    ("patterns", "model"),
    [
        ([], "vary"),
        ([""], "vary"),
        (["var"], "vary"),
        (["ary"], "vary"),
        (["VARY"], "vary"),
        (["vary"], "vary2"),
        (["vary "], "vary"),
        (["studio/*"], "studio"),
        (["studio/*"], "my-studio/patchwork"),
        (["*/patchwork"], "studio/patchwork-2"),
        (["v.ry"], "vary"),
        (["v?ry"], "vary"),
        (["[uvw]ary"], "vary"),
        (["vary"], "vary\n"),
    ],
)
def test_patterns_that_do_not(patterns, model):
    assert not may_use(principal(*patterns), model)
    with pytest.raises(Forbidden) as caught:
        admit(principal(*patterns), Plan(model, SOME_TARGET))
    assert (caught.value.status, caught.value.param, caught.value.code) == (403, "model", "model_not_allowed")
    assert caught.value.message == f"Your token does not allow the model '{model}'."


def test_a_pattern_means_what_it_says_where_it_has_brackets():
    asking = principal("lab/redux[dev]?*")
    assert admit(asking, Plan("lab/redux[dev]?-2", SOME_TARGET)).model == "lab/redux[dev]?-2"


def test_the_model_that_is_named_counts_not_what_is_behind_it():
    with pytest.raises(Forbidden):
        admit(principal("studio/patchwork"), Plan("vary", SOME_TARGET))
