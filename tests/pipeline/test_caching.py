import json
from decimal import Decimal

import pytest

from tests.policy.guardrails.kit import FACTS, named
from torana.config.caching import CacheRule
from torana.core.clock import FakeClock
from torana.core.errors import InvalidRequest
from torana.core.exchange import CacheWish, Call, Credentials, Plan, Reply, Target, Usage, Wishes
from torana.families.language.asked import Spoken, read_request
from torana.pipeline import caching as module
from torana.pipeline.caching import NOWHERE, place
from torana.policy.cache.rules import UNKEPT, Caching
from torana.policy.guardrails.watch import UNWATCHED, Watch
from torana.storage.cache.memory import MemoryAnswers
from torana.telemetry.record import Record

TARGET = Target("lab", "m")
PLAN = Plan("m", (TARGET, Target("web", "m", when=(("project", "web"),)), Target("no", "m", when=(("project", "x"),))))
WHOLE = {"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]}
TOKENS = Usage(tokens={"text_in": 7, "cached_in": 3, "text_out": 5, "image_in": 9}, cost=Decimal(1))


@pytest.fixture
def caching():
    clock = FakeClock()
    return Caching((CacheRule("r"),), MemoryAnswers(clock, 100_000), clock, most=10_000, editions={"lab": "1"})


@pytest.fixture
def record():
    return Record(FakeClock(), "req", "POST", "/")


def call(**more):
    async def read():
        raise NotImplementedError

    return Call("r", "chat.completions", Credentials(None), read, **more)


def request(operation="chat.completions", **more):
    return read_request(operation, json.dumps({"model": "m", "messages": [], **more}).encode())


def at(caching, asked=None, plan=PLAN, watch=UNWATCHED, **more):
    return place(caching, call(**more), asked or request(), plan=plan, facts=FACTS, watch=watch)


def reply(body=WHOLE, **more):
    return Reply(Spoken(json.dumps(body).encode(), **more), usage=TOKENS)


async def test_an_answer_is_found_by_whom_it_came_from_and_costs_nothing(caching, record):
    assert await at(caching).find(record) is None
    assert record.cache == "miss"
    await at(caching).keep(TARGET, reply({**WHOLE, "usage": {"total_tokens": 1}}))
    target, found = await at(caching).find(record)
    assert (target is TARGET, found.usage, record.cache) == (True, Usage(cost=Decimal(0)), "hit")
    assert json.loads(found.body.data)["usage"] == {"total_tokens": 1}
    assert [name for name, _ in record.stages] == ["cache", "cache"]


async def test_a_target_that_is_no_more_is_named_all_the_same(caching, record):
    await at(caching).keep(Target("gone", "x"), reply())
    target, _ = await at(caching).find(record)
    assert target == Target("gone", "x")


async def test_what_was_used_is_told_to_those_who_come_later(caching, record):
    await at(caching).keep(TARGET, reply())
    _, found = await at(caching).find(record)
    usage = json.loads(found.body.data)["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (10, 5)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 3


@pytest.mark.parametrize(
    "unfit",
    [
        Reply(Spoken(b"", told=True)),
        Reply("pictures"),
        reply({"choices": [{"finish_reason": "length"}]}),
        reply(media_type="text/plain"),
    ],
)
async def test_what_is_not_whole_is_not_kept(caching, record, unfit):
    await at(caching).keep(TARGET, unfit)
    assert await at(caching).find(record) is None


async def test_what_another_call_might_hear_otherwise_is_kept_apart(caching):
    name = at(caching).shelf.name
    others = [
        at(caching, request(seed=1)),
        at(caching, plan=Plan("m", (TARGET,))),
        at(caching, watch=Watch(after=(named("a"),))),
        at(caching, forwarded=(("x-beta", "1"),)),
        at(caching, wishes=Wishes(strict_openai=True)),
    ]
    assert len({name, *(other.shelf.name for other in others)}) == 6
    unmet = Plan("m", (*PLAN.targets, Target("y", "m", when=(("project", "y"),))))
    assert at(caching, plan=unmet).shelf.name == name


async def test_what_is_not_to_be_kept_has_no_place(caching, record, monkeypatch):
    assert at(UNKEPT) is NOWHERE
    assert at(caching, request("responses", previous_response_id="x")) is NOWHERE
    assert at(caching, request("audio.speech")) is NOWHERE
    monkeypatch.setattr(module, "MOST_ASKED", 10)
    assert at(caching) is NOWHERE
    assert await NOWHERE.find(record) is None
    assert record.cache is None
    await NOWHERE.keep(TARGET, reply())


def test_likeness_is_refused_wherever_it_is_wanted():
    with pytest.raises(InvalidRequest, match="semantic"):
        at(UNKEPT, wishes=Wishes(cache=CacheWish("semantic")))
