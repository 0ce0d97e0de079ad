from collections import Counter
from collections.abc import Mapping
from itertools import cycle
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from torana.core.errors import InvalidRequest
from torana.core.exchange import Plan, Routing, Target
from torana.routing.health import Standing
from torana.routing.selection import NOBODY, Caller, Draw, order, sticky_value, suits

A, B, C = (Target("lab", name) for name in "abc")
WELL = Standing()


def names(
    *targets: Target,
    routing: Routing = Routing(),  # noqa: B008 - frozen
    caller: Caller = NOBODY,
    standings: Mapping[str, Standing] | None = None,
    draw: Draw = lambda: 0.5,
) -> str:
    """The models in the order of trying, each a letter."""
    known = standings or {}
    plan = Plan("vary", targets, routing)
    found = order(plan, caller, lambda target: known.get(target.model, WELL), draw)
    return "".join(candidate.target.model for candidate in found)


def drawing(*numbers: float) -> Draw:
    return cycle(numbers).__next__


def test_as_written():
    assert names(C, A, B) == "cab"


def test_by_priority_and_then_as_written():
    assert (
        names(
            replace(A, priority=2),
            replace(B, priority=1),
            C,
            replace(Target("lab", "d"), priority=1),
        )
        == "cbda"
    )


@pytest.mark.parametrize("kind", ["weight", "latency"])
def test_priority_goes_before_chance_and_speed(kind):
    standings = {"a": Standing(latency=0.1), "b": Standing(latency=9)}
    last = replace(A, priority=1, weight=1000)
    for number in (0.0, 0.05, 0.99):
        assert names(last, B, routing=Routing(order=kind), standings=standings, draw=drawing(number)) == "ba"


@pytest.mark.parametrize(
    ("when", "metadata", "suited"),
    [
        ({}, {}, True),
        ({}, {"tier": "gold"}, True),
        ({"tier": "gold"}, {"tier": "gold", "more": "x"}, True),
        ({"tier": "gold"}, {"tier": "lead"}, False),
        ({"tier": "gold"}, {}, False),
        ({"tier": "gold", "lane": "1"}, {"tier": "gold"}, False),
        ({"tier": "gold", "lane": "1"}, {"tier": "gold", "lane": "1"}, True),
        ({"tier": "Gold"}, {"tier": "gold"}, False),
    ],
)
def test_for_which_metadata_a_target_is(when, metadata, suited):
    assert suits(replace(A, when=tuple(when.items())), Caller(metadata=metadata)) == suited


def test_who_is_not_suited_is_not_tried():
    gold = replace(A, when=(("tier", "gold"),))
    assert names(gold, B) == "b"
    assert names(gold, B, caller=Caller(metadata={"tier": "gold"})) == "ab"


def test_when_nobody_is_the_caller_is_told():
    with pytest.raises(InvalidRequest, match=r"^The model 'vary' has no target for a request with this metadata") as no:
        names(replace(A, when=(("tier", "gold"),)))
    assert (no.value.param, no.value.code) == ("x-torana-metadata", "unsupported_metadata")


def test_weights_are_shares_of_the_first_tries():
    chance = Random(4)
    targets = [replace(A, weight=6), replace(B, weight=3), replace(C, weight=1)]
    routing = Routing(order="weight")
    orders = Counter(names(*targets, routing=routing, draw=chance.random) for _ in range(10_000))
    first = {name: sum(count for each, count in orders.items() if each[0] == name) / 10_000 for name in "abc"}
    assert first == pytest.approx({"a": 0.6, "b": 0.3, "c": 0.1}, abs=0.02)
    # Among those that are left the shares are the same: b, then, before c in three of four.
    assert orders["abc"] / (orders["abc"] + orders["acb"]) == pytest.approx(0.75, abs=0.03)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_no_weight_is_for_fallbacks_only_and_as_written(weights, chance):
    targets = [Target("lab", str(place), weight=weight) for place, weight in enumerate(weights)]
    found = names(*targets, routing=Routing(order="weight"), draw=chance.random)
    nothing = "".join(target.model for target in targets if not target.weight)
    assert found.endswith(nothing)
    assert sorted(found) == sorted(target.model for target in targets)


def test_the_fastest_first_the_unknown_last():
    standings = {"a": Standing(latency=3), "c": Standing(latency=1)}
    assert names(B, A, C, routing=Routing(order="latency"), standings=standings) == "cab"


def test_as_written_where_nothing_is_known():
    assert names(B, C, A, routing=Routing(order="latency")) == "bca"


@pytest.mark.parametrize(
    ("known", "draws", "found"),
    [
        ("ab", (0.05, 0.0), "cab"),
        ("ab", (0.05, 0.999), "cab"),
        ("ab", (0.1,), "abc"),
        ("abc", (0.05, 0.999), "cab"),
        ("abc", (0.05, 0.5), "bac"),
        ("", (0.05, 0.5), "bac"),
    ],
)
def test_now_and_then_another_is_measured_first_of_all_the_unknown(known, draws, found):
    standings = {name: Standing(latency=place) for place, name in enumerate(known, 1)}
    assert names(A, B, C, routing=Routing(order="latency"), standings=standings, draw=drawing(*draws)) == found


def test_nothing_is_measured_that_would_not_come_first():
    standings = {"b": Standing("open", 5), "c": Standing(latency=1)}
    targets = (replace(A, priority=1), B, C, Target("lab", "d"))
    assert names(*targets, routing=Routing(order="latency"), standings=standings, draw=drawing(0.0)) == "dcab"


def test_whom_a_circuit_leaves_alone_comes_last():
    standings = {"a": Standing("open", 20), "b": Standing("half-open")}
    assert names(A, B, C, standings=standings) == "bca"
    assert names(A, replace(B, priority=9), standings=standings) == "ba"


def test_of_those_the_soonest_first():
    standings = {"a": Standing("open", 20), "b": Standing("open", 10), "c": Standing("half-open", 1)}
    assert names(A, B, C, standings=standings) == "cba"


@pytest.mark.parametrize("kind", ["priority", "weight", "latency"])
def test_all_may_be_left_alone_and_still_there_is_a_first(kind):
    standings = {name: Standing("open", 10) for name in "abc"}
    assert sorted(names(A, B, C, routing=Routing(order=kind), standings=standings, draw=lambda: 0.0)) == list("abc")


@pytest.mark.parametrize(
    ("sticky", "caller", "value"),
    [
        (None, Caller("ada"), None),
        ("subject", Caller("ada"), "ada"),
        ("subject", NOBODY, None),
        ("metadata.user", Caller("ada", {"user": "7"}), "7"),
        ("metadata.user.id", Caller("ada", {"user.id": "8"}), "8"),
        ("metadata.user", Caller("ada", {"other": "7"}), None),
    ],
)
def test_what_calls_stick_by(sticky, caller, value):
    assert sticky_value(Plan("vary", (A,), Routing(sticky=sticky)), caller) == value


STICKY = st.builds(Routing, order=st.sampled_from(["priority", "weight", "latency"]), sticky=st.just("subject"))
SOME = tuple(Target("lab", name, weight=weight) for name, weight in zip("abcde", (1, 2, 3, 4, 1), strict=True))


@given(STICKY, st.text(min_size=1), st.permutations(SOME), st.randoms(use_true_random=False))
def test_a_callers_order_is_always_the_same(routing, subject, targets, chance):
    caller = Caller(subject)
    standings = {name: Standing(latency=chance.random()) for name in "ace"}
    found = names(*targets, routing=routing, caller=caller, standings=standings, draw=chance.random)
    assert found == names(*SOME, routing=routing, caller=caller)


@given(STICKY, st.text(min_size=1), st.sets(st.sampled_from("abcde"), max_size=4))
def test_a_lost_target_moves_its_own_callers_only(routing, subject, lost):
    everyone = names(*SOME, routing=routing, caller=Caller(subject))
    removed = names(*[each for each in SOME if each.model not in lost], routing=routing, caller=Caller(subject))
    opened = names(
        *SOME, routing=routing, caller=Caller(subject), standings={name: Standing("open", 9) for name in lost}
    )
    assert removed == "".join(name for name in everyone if name not in lost)
    assert opened[: len(removed)] == removed


@pytest.mark.parametrize(("kind", "shares"), [("weight", (0.6, 0.3, 0.1)), ("priority", (1 / 3,) * 3)])
def test_callers_are_shared_out_as_the_weights_say_where_they_count(kind, shares):
    targets = [replace(A, weight=6), replace(B, weight=3), replace(C, weight=1)]
    routing = Routing(order=kind, sticky="subject")
    first = Counter(names(*targets, routing=routing, caller=Caller(str(number)))[0] for number in range(10_000))
    assert [first[name] / 10_000 for name in "abc"] == pytest.approx(shares, abs=0.02)


def test_two_ways_to_the_same_model_share_the_callers():
    fine, coarse = (
        replace(A, parameters=(("quality", "high"),)),
        replace(A, parameters=(("quality", "low"),)),
    )
    plan = Plan("vary", (fine, coarse), Routing(sticky="subject"))
    first = Counter(
        order(plan, Caller(str(number)), lambda _: WELL, lambda: 0.5)[0].target.parameters for number in range(1000)
    )
    assert [first[each.parameters] / 1000 for each in (fine, coarse)] == pytest.approx([0.5, 0.5], abs=0.06)


def test_without_the_value_it_is_as_if_nothing_were_sticky():
    routing = Routing(order="weight", sticky="metadata.user")
    draws = (0.9, 0.1, 0.5)
    assert names(A, B, C, routing=routing, caller=Caller("ada"), draw=drawing(*draws)) == "bca"
