from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from torana.core.exchange import Plan, Routing, Target
from torana.routing.explain import Row, explain
from torana.routing.health import Standing
from torana.routing.selection import NOBODY, Caller

A, B, C = (Target("lab", name) for name in "abc")


def told(
    *targets: Target, routing: Routing, caller: Caller = NOBODY, standings: Mapping[str, Standing] | None = None
) -> list[tuple[str, int | None, str]]:
    known = standings or {}
    rows = explain(Plan("vary", targets, routing), caller, lambda target: known.get(target.model, Standing()))
    return [(row.target.model, row.place, ", ".join(row.reasons)) for row in rows]


def test_priority():
    assert explain(Plan("vary", (replace(A, priority=2), B)), NOBODY, lambda _: Standing()) == (
        Row(B, 1, ("priority 0",)),
        Row(replace(A, priority=2), 2, ("priority 2",)),
    )


def test_weight_the_greatest_first():
    assert told(replace(A, weight=0), B, replace(C, weight=3), routing=Routing(order="weight")) == [
        ("c", 1, "priority 0, weight 3"),
        ("b", 2, "priority 0, weight 1"),
        ("a", 3, "priority 0, weight 0: a fallback only"),
    ]


def test_latency():
    standings = {"b": Standing(latency=12.3456), "c": Standing(latency=0.5)}
    assert told(A, B, C, routing=Routing(order="latency"), standings=standings) == [
        ("c", 1, "priority 0, answers in about 0.5 s"),
        ("b", 2, "priority 0, answers in about 12.3 s"),
        ("a", 3, "priority 0, latency not known"),
    ]


@pytest.mark.parametrize("kind", ["priority", "latency"])
def test_sticky_where_the_call_has_the_value(kind):
    routing = Routing(order=kind, sticky="metadata.user")
    with_value = told(A, B, routing=routing, caller=Caller(metadata={"user": "7"}))
    assert {reasons for _, _, reasons in with_value} == {"priority 0, sticky by metadata.user"}
    assert "sticky" not in str(told(A, B, routing=routing))


def test_sticky_by_weight():
    ((_, _, reasons),) = told(A, routing=Routing(order="weight", sticky="subject"), caller=Caller("ada"))
    assert reasons == "priority 0, sticky by subject, weight 1"


def test_conditions_and_who_is_not_for_such_a_call():
    gold = replace(A, when=(("tier", "gold"), ("lane", "1")))
    reasons = "only when metadata has tier=gold, only when metadata has lane=1"
    assert told(gold, B, routing=Routing()) == [("b", 1, "priority 0"), ("a", None, reasons)]
    caller = Caller(metadata={"tier": "gold", "lane": "1"})
    assert told(gold, B, routing=Routing(), caller=caller) == [
        ("a", 1, f"priority 0, {reasons}"),
        ("b", 2, "priority 0"),
    ]


def test_a_plan_that_is_for_no_such_call_is_explained_all_the_same():
    assert told(replace(A, when=(("tier", "gold"),)), routing=Routing()) == [
        ("a", None, "only when metadata has tier=gold")
    ]


def test_circuits():
    standings = {"a": Standing("open", 12.4), "b": Standing("half-open")}
    assert told(A, B, C, routing=Routing(), standings=standings) == [
        ("b", 1, "priority 0, circuit half-open"),
        ("c", 2, "priority 0"),
        ("a", 3, "priority 0, circuit open, next try in 12 s"),
    ]
