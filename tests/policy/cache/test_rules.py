import pytest
from msgspec import structs

from torana.config.caching import CacheRule
from torana.config.rules import When
from torana.config.units import Seconds
from torana.core.clock import FakeClock
from torana.core.errors import InvalidRequest
from torana.core.exchange import CacheWish, Principal, Target, Wishes
from torana.policy import matching
from torana.policy.cache.naming import Sought
from torana.policy.cache.rules import UNKEPT, Caching, Kept
from torana.policy.matching import Facts, fits
from torana.storage.cache.memory import MemoryAnswers
from torana.storage.cache.port import AnswersUnavailable

FACTS = Facts(Principal("ada", "us"), "m", "chat.completions", {})
SOUGHT = Sought("chat.completions", "m", {"messages": []}, (Target("a", "m"),), (), "")
KEPT = Kept(0.0, "a", "m", b"{}", "application/json")
WISH = Wishes(cache=CacheWish("exact-match", ttl=5.0, namespace="x"))


class Broken:
    async def get(self, name):
        raise AnswersUnavailable("no")

    async def put(self, name, data, ttl):
        raise AnswersUnavailable("no")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def told():
    return []


@pytest.fixture
def caching(clock, told):
    def make(*rules, answers=None):
        return Caching(rules, answers or MemoryAnswers(clock, 10_000), clock, most=1000, tell=told.append)

    return make


def shelf(caching, wishes=Wishes(), owner="ada"):  # noqa: B008 - a frozen value
    return caching.shelf(caching.rule(FACTS, wishes), SOUGHT, wishes, owner=owner)


async def test_an_answer_is_found_again_for_as_long_as_the_rule_says(caching, clock, told):
    place = shelf(caching(CacheRule("r", ttl=Seconds(10))))
    assert await place.find() == (None, "miss")
    await place.keep(Kept(clock.now(), "a", "m", b"{}", "application/json"))
    found, how = await place.find()
    assert (found.data, how) == (b"{}", "hit")
    clock.advance(11)
    assert await place.find() == (None, "miss")
    assert told == ["miss", "stored", "hit", "miss"]


async def test_the_first_rule_that_fits_counts(caching):
    rules = (CacheRule("no", when=When(models=("n",))), CacheRule("yes"), CacheRule("late"))
    assert caching(*rules).rule(FACTS, Wishes()).name == "yes"
    assert caching(rules[0]).rule(FACTS, Wishes()) is None
    assert UNKEPT.rule(FACTS, Wishes()) is None


def test_what_a_caller_wants_counts_where_a_rule_lets_him(caching):
    mine = CacheRule("mine", callers=True, ttl=Seconds(60))
    assert caching(mine).rule(FACTS, Wishes()) is None
    assert caching(mine).rule(FACTS, WISH) is mine
    assert shelf(caching(mine), WISH).ttl == 5.0
    assert shelf(caching(CacheRule("r", ttl=Seconds(60))), WISH).ttl == 60
    long = Wishes(cache=CacheWish("exact-match", ttl=1e6))
    assert shelf(caching(mine), long).ttl == 60
    assert shelf(caching(mine), long).name != shelf(caching(mine), WISH).name


async def test_a_caller_who_wants_it_younger_gets_it_younger(caching, clock):
    both = caching(CacheRule("r", callers=True, ttl=Seconds(60)))
    await shelf(both, Wishes(cache=CacheWish("exact-match"))).keep(Kept(clock.now(), "a", "m", b"{}", "x"))
    clock.advance(10)
    young = Wishes(cache=CacheWish("exact-match", ttl=5))
    assert (await shelf(both, young).find())[1] == "miss"
    assert (await shelf(both, Wishes(cache=CacheWish("exact-match"))).find())[1] == "hit"


def test_likeness_is_not_to_be_had_and_that_is_said(caching):
    for rules in ((), (CacheRule("r"),)):
        with pytest.raises(InvalidRequest, match="semantic") as refused:
            caching(*rules).rule(FACTS, Wishes(cache=CacheWish("semantic", 0.9)))
        assert (refused.value.code, refused.value.param) == ("unsupported_value", "x-torana-cache-config")


async def test_what_the_request_says_of_caches_is_heeded(caching):
    rule = CacheRule("r")
    await shelf(caching(rule)).keep(KEPT)
    fresh, secret = shelf(caching(rule), Wishes(afresh=True)), shelf(caching(rule), Wishes(unkept=True))
    await secret.keep(KEPT)
    assert (await fresh.find())[1] == "miss"
    assert (await secret.find())[1] == "miss"
    assert caching(rule).rule(FACTS, Wishes(afresh=True, unkept=True)) is None


@pytest.mark.parametrize(("per", "is_shared"), [("user", False), ("everyone", True)])
def test_whose_answer_it_is(caching, per, is_shared):
    rules = caching(CacheRule("r", per=per))
    assert (shelf(rules, owner="ada").name == shelf(rules, owner="bob").name) is is_shared


async def test_a_store_that_fails_is_as_if_nothing_were_kept(caching, told):
    place = shelf(caching(CacheRule("r"), answers=Broken()))
    assert await place.find() == (None, "error")
    await place.keep(KEPT)
    assert told == ["error", "error"]


async def test_what_is_too_long_or_from_elsewhere_is_no_answer(caching, clock):
    answers = MemoryAnswers(clock, 10_000)
    place = shelf(caching(CacheRule("r"), answers=answers))
    await place.keep(Kept(clock.now(), "a", "m", b"x" * 1000, "x"))
    assert (await place.find())[1] == "miss"
    await answers.put(place.name, b"\xc1", 60)
    assert (await place.find())[1] == "miss"


def test_rules_are_gone_through_once_for_calls_that_they_cannot_tell_apart(caching, monkeypatch):
    looked = []

    def look(when, facts):
        looked.append(when)
        return fits(when, facts)

    monkeypatch.setattr(matching, "fits", look)
    others = [CacheRule(f"r{number}", when=When(models=(f"m{number}",))) for number in range(1000)]
    made = caching(*others, CacheRule("mine", callers=True), CacheRule("all"))
    assert made.rule(FACTS, Wishes()).name == "all"
    assert made.rule(structs.replace(FACTS, metadata={"trace": "1"}), WISH).name == "mine"
    assert looked == [When(), When()]
