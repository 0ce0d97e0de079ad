from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tests.policy.rules import ADA, BOB, budget, facts, limit
from torana.config.books import Budget
from torana.config.policies import Limit
from torana.config.rules import When
from torana.core.exchange import Principal
from torana.policy import matching
from torana.policy.limits import Limits, Rule
from torana.policy.matching import Facts, Fitting, apart, fits, remembered

NIGHTLY = Principal("nightly", "torana", kind="service_account", key="k1")
KEYED = Principal("ada", "torana", key="k2")
NAMES = st.text(st.characters(), max_size=6)


def when(**said: Any) -> When:
    return msgspec.convert(said, When)


@pytest.mark.parametrize(
    ("said", "one", "another"),
    [
        ({"users": ["a*"]}, facts(), facts(BOB)),
        ({"users": ["*"]}, facts(), facts(NIGHTLY)),
        ({"service_accounts": ["n*"]}, facts(NIGHTLY), facts(Principal("nightly", "idp"))),
        ({"users": ["bob"], "service_accounts": ["nightly"]}, facts(BOB), facts(ADA)),
        ({"users": ["bob"], "service_accounts": ["nightly"]}, facts(NIGHTLY), facts(Principal("nightly", "idp"))),
        ({"teams": ["design"]}, facts(), facts(BOB)),
        ({"keys": ["k*"]}, facts(KEYED), facts(ADA)),
        ({"keys": ["k1"]}, facts(NIGHTLY), facts(KEYED)),
        ({"models": ["v*y"]}, facts(), facts(model="other")),
        ({"models": ["var?"]}, facts(model="var?"), facts()),
        ({"models": ["[v]*"]}, facts(model="[v]ary"), facts()),
        ({"operations": ["*.variations"]}, facts(), facts(operation="images.edits")),
        ({"metadata": {"env": "prod"}}, facts(metadata={"env": "prod", "x": "y"}), facts(metadata={"env": "test"})),
        ({"metadata": {"env": ""}}, facts(metadata={"env": ""}), facts()),
        ({"teams": ["web"], "models": ["vary"]}, facts(BOB), facts(BOB, "other")),
    ],
)
def test_a_rule_is_for_the_calls_that_fit_all_of_it(said: dict[str, Any], one: Facts, another: Facts) -> None:
    assert fits(when(**said), one)
    assert not fits(when(**said), another)


@pytest.mark.parametrize("who", [ADA, NIGHTLY, KEYED])
def test_a_rule_that_says_nothing_is_for_all(who: Principal) -> None:
    assert fits(When(), facts(who))


@pytest.mark.parametrize(
    ("per", "call", "share"),
    [
        ([], facts(), ""),
        (["user"], facts(), "user=ada"),
        (["user"], facts(KEYED), "user=ada"),
        (["user"], facts(NIGHTLY), "user=service_account:nightly"),
        (["user"], facts(Principal("service_account:nightly", "idp")), "user=service_account%3Anightly"),
        (["user"], facts(Principal("anna b@example.org", "idp")), "user=anna%20b@example.org"),
        (["team"], facts(), "team=design,web"),
        (["team"], facts(Principal("x", "idp", teams=("a,b",))), "team=a%2Cb"),
        (["team"], facts(NIGHTLY), "team="),
        (["key"], facts(KEYED), "key=k2"),
        (["key"], facts(ADA), "key=user:ada"),
        (["model"], facts(model="openai/gpt image"), "model=openai/gpt%20image"),
        (["metadata.project"], facts(metadata={"project": "a=b&c"}), "metadata.project=a%3Db%26c"),
        (["metadata.project"], facts(metadata={"project": ""}), "metadata.project="),
        (["metadata.project"], facts(), "metadata.project"),
        (["metadata.my project"], facts(metadata={"my project": "\ud800"}), "metadata.my%20project=%ED%A0%80"),
        (["user", "model"], facts(), "user=ada&model=vary"),
    ],
)
def test_what_is_counted_apart(per: list[str], call: Facts, share: str) -> None:
    assert apart(per, call) == share


@given(*[st.tuples(NAMES, NAMES, NAMES, st.booleans())] * 2)
def test_none_is_counted_as_another(one: tuple[Any, ...], another: tuple[Any, ...]) -> None:
    def share(subject: str, team: str, project: str, service: bool) -> str:
        who = Principal(subject, "idp", teams=(team,), kind="service_account" if service else "user")
        return apart(["user", "team", "metadata.project"], facts(who, metadata={"project": project}))

    assert (share(*one) == share(*another)) is (one == another)
    assert " " not in share(*one)


def test_what_rules_cannot_tell_apart_is_looked_for_once() -> None:
    looked: list[Facts] = []

    def find(call: Facts) -> int:
        looked.append(call)
        return len(looked)

    rules: list[Limit | Budget] = [
        limit(name="few", of="requests", limit=1, when={"metadata": {"env": "prod"}}),
        budget(name="all", limit="1", per=["user", "metadata.project"]),
    ]
    ask = remembered(find, rules)
    calls = [
        facts(),
        facts(BOB),
        facts(model="other"),
        facts(operation="images.edits"),
        facts(metadata={"env": "prod"}),
        facts(metadata={"project": "prod"}),
        facts(metadata={"project": ""}),
    ]
    assert [ask(call) for call in calls] == [1, 2, 3, 4, 5, 6, 7]
    alike = [structs.replace(call, metadata={**call.metadata, "trace": "1"}) for call in calls]
    assert [ask(call) for call in alike] == [1, 2, 3, 4, 5, 6, 7]
    assert looked == calls


WHENS = st.builds(
    When,
    users=st.lists(st.sampled_from(["ada", "bob", "a*"]), max_size=2).map(tuple),
    service_accounts=st.lists(st.sampled_from(["nightly", "*"]), max_size=1).map(tuple),
    teams=st.lists(st.sampled_from(["design", "web", "w*"]), max_size=2).map(tuple),
    keys=st.lists(st.sampled_from(["k1", "k2", "None"]), max_size=1).map(tuple),
    models=st.lists(st.sampled_from(["vary", "other", "v*"]), max_size=2).map(tuple),
)
CALLS = [facts(who, model) for who in (ADA, BOB, NIGHTLY, KEYED) for model in ("vary", "other", "user:ada")]


@given(st.lists(WHENS, max_size=8), st.sampled_from(CALLS))
def test_rules_are_found_by_names_as_they_would_be_one_by_one(whens: list[When], call: Facts) -> None:
    rules = [(limit(name="n", of="requests", limit=1), place) for place in range(len(whens))]
    rules = [(structs.replace(rule, when=when), place) for (rule, place), when in zip(rules, whens, strict=True)]
    assert Fitting(rules).to(call) == [place for place, when in enumerate(whens) if fits(when, call)]


@pytest.mark.parametrize("many", [10, 10_000])
def test_however_many_rules_name_others_none_of_them_is_looked_at(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[When] = []

    def look(when: When, call: Facts) -> bool:
        looked.append(when)
        return fits(when, call)

    monkeypatch.setattr(matching, "fits", look)
    rules = [limit({"users": [f"u{number}"]}, name="n", of="requests", limit=1) for number in range(many)]
    rules.append(limit({"users": ["ada"]}, name="n", of="requests", limit=1))
    made = Limits([Rule.of(rule, replicas=1) for rule in rules], 1.0)
    assert [rule.limit for rule in made.sheet(facts()).rules] == rules[-1:]
    assert looked == [When(users=("ada",))]
    made.sheet(facts(Principal("ada", "idp", teams=("design", "web"))))
    assert len(looked) == 1, "what was found for a caller is remembered"
