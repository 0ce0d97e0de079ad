"""Guardrails and kept answers, in their places on the way."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from tests.pipeline.test_flow import OPERATION, Journey
from tests.policy.guardrails.kit import FOUND, named, seen
from tests.policy.rules import permits
from torana.config.caching import CacheRule
from torana.config.guardrails import GuardRule
from torana.core.errors import GuardrailBlocked, LimitExceeded
from torana.core.exchange import Opening, Reply, Usage
from torana.families.language.asked import LanguageRequest, Spoken, read_request
from torana.policy.access import Access
from torana.policy.cache.rules import Caching
from torana.policy.guardrails.checks import Finding
from torana.policy.guardrails.rules import Guards
from torana.policy.rulebook import Ruling
from torana.storage.cache.memory import MemoryAnswers

WHOLE = json.dumps({"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]}).encode()
PAID = Usage(tokens={"text_in": 3}, cost=Decimal("0.25"))
CHAT = "chat.completions"


@dataclass
class Upstream:
    """Answers, whole or piece by piece."""

    told: bool = False
    asked: list[LanguageRequest] = field(default_factory=list)

    async def __call__(self, request: Any, model: str, context: Any) -> Reply[Any]:
        self.asked.append(request)
        if not self.told:
            return Reply(Spoken(WHOLE), usage=PAID)
        show = context.open(Opening())
        for place in range(0, len(WHOLE), 10):
            await show(WHOLE[place : place + 10])
        return Reply(Spoken(b"", told=True), usage=PAID)


@pytest.fixture
def upstream():
    return Upstream()


@pytest.fixture
def got():
    return []


@pytest.fixture
def journey(upstream, got, monkeypatch):
    monkeypatch.setattr("tests.pipeline.test_flow.OPERATION", CHAT)
    made = Journey(upstream, upstream)
    body = {"model": "vary", "messages": [{"role": "user", "content": "hi"}]}

    async def read():
        return LanguageRequest(CHAT, "vary", body, json.dumps(body).encode())

    def opened(request, target, opening):
        async def show(piece):
            got.append(piece)

        return show

    def fold(request, pieces):
        return Spoken(b"".join(pieces))

    made.call = structs.replace(made.call, operation=CHAT, read=read, open=opened, fold=fold)
    return made


def cached(journey):
    return Caching((CacheRule("r"),), MemoryAnswers(journey.clock, 100_000), journey.clock, most=10_000)


def guarded(*, before=(), after=()):
    checks = {check.name: check for check in (*before, *after)}
    rule = GuardRule("g", before=tuple(c.name for c in before), after=tuple(c.name for c in after))
    return Guards(checks, (rule,))


async def again(journey):
    """The same call once more."""
    fresh = structs.replace(journey.record, stages=[], attempts=[], cache=None)
    journey.record = fresh
    return await journey.go()


async def test_what_was_kept_is_free_and_counts_as_a_request(journey, upstream):
    journey.caching = cached(journey)
    journey.ruling = Ruling(
        Access("all", ()), permits({"name": "calls", "of": "requests", "limit": 2}, clock=journey.clock)
    )
    first = await journey.go()
    second = await again(journey)
    assert (len(upstream.asked), journey.record.cache) == (1, "hit")
    assert (second.reply.usage.cost, first.reply.usage.cost) == (Decimal(0), Decimal("0.25"))
    assert json.loads(second.reply.body.data)["choices"] == json.loads(WHOLE)["choices"]
    assert [name for name, _ in journey.record.stages] == ["auth", "read", "cache"]
    closed = journey.written.entries[-1]
    assert (closed.cost, closed.replayed, closed.target, dict(closed.tokens)) == (0, True, "one/a", {})
    with pytest.raises(LimitExceeded):
        await again(journey)


async def test_a_stream_is_told_once_and_kept_whole(journey, upstream, got):
    journey.caching = cached(journey)
    upstream.told = True
    first = await journey.go()
    assert (b"".join(got), first.reply.body.told) == (WHOLE, True)
    second = await again(journey)
    assert (journey.record.cache, second.reply.body.told, len(upstream.asked)) == ("hit", False, 1)


async def test_a_request_that_is_blocked_takes_nothing_and_asks_nobody(journey, upstream):
    journey.guards = guarded(before=[named("a", FOUND)])
    journey.ruling = Ruling(
        Access("all", ()), permits({"name": "calls", "of": "requests", "limit": 1}, clock=journey.clock)
    )
    for _ in range(3):
        with pytest.raises(GuardrailBlocked):
            await again(journey)
    assert (upstream.asked, journey.record.standings) == ([], ())
    closed = journey.written.entries[-1]
    assert (closed.status, closed.error, closed.rule, closed.cost) == (400, "guardrail_blocked", "a", 0)


async def test_an_upstream_gets_what_the_guardrails_let_go_on(journey, upstream):
    document = {"messages": [{"role": "user", "content": "ho"}]}
    journey.guards = guarded(before=[named("a", Finding(found=True, document=document), operation="mutate")])
    answered = await journey.go()
    assert upstream.asked[0].body["messages"][0]["content"] == "ho"
    assert answered.request.body["messages"][0]["content"] == "ho"


@pytest.mark.parametrize("told", [False, True])
async def test_an_answer_that_is_blocked_is_paid_for_and_neither_told_nor_kept(journey, upstream, got, told):
    upstream.told = told
    journey.guards, journey.caching = guarded(after=[named("a", FOUND)]), cached(journey)
    with pytest.raises(GuardrailBlocked) as refused:
        await journey.go()
    assert (refused.value.spent, got) == (True, [])
    closed = journey.written.entries[-1]
    assert (closed.status, closed.cost, dict(closed.tokens)) == (400, 250_000_000, {"text_in": 3})
    with pytest.raises(GuardrailBlocked):
        await again(journey)
    assert (journey.record.cache, len(upstream.asked)) == ("miss", 2)


async def test_an_answer_is_held_until_it_is_as_the_guardrails_want_it(journey, upstream, got):
    upstream.told = True
    better = json.loads(WHOLE.replace(b"hi", b"[x]"))
    journey.guards = guarded(after=[named("a", Finding(found=True, document=better), operation="mutate")])
    journey.caching = cached(journey)
    for expected in ("miss", "hit"):
        answered = await again(journey)
        told = json.loads(answered.reply.body.data)["choices"][0]["message"]["content"]
        assert (got, told, journey.record.cache) == ([], "[x]", expected)
    assert OPERATION == "things.do"


@pytest.mark.parametrize("policy", ["guards", "caching"])
async def test_an_upstream_gets_what_was_looked_at_and_nothing_else(journey, upstream, policy):
    raw = b'{"model": "vary", "messages": [{"content": "dirty", "content": "clean"}]}'

    async def read():
        return LanguageRequest(CHAT, "vary", json.loads(raw), raw)

    journey.call = structs.replace(journey.call, read=read)
    await journey.go()
    kept = {"guards": guarded(before=[named("a", Finding())]), "caching": cached(journey)}[policy]
    setattr(journey, policy, kept)
    await again(journey)
    before, after = (asked.raw for asked in upstream.asked)
    assert before == raw
    assert after == b'{"model":"vary","messages":[{"content":"clean"}]}'


async def test_what_was_said_before_is_guarded_too(journey, upstream):
    async def read():
        return read_request("responses", b'{"model": "vary", "input": "go on", "previous_response_id": "resp_1"}')

    class Recalling:
        shelf = "one"

        def of(self, request):
            return self

        async def recalled(self, request, owner):
            assert owner
            return structs.replace(request, body={**request.body, "input": [{"content": "dirty"}]})

    journey.call, journey.memory = structs.replace(journey.call, read=read), Recalling()
    check = named("a", FOUND)
    journey.guards = guarded(before=[check])
    with pytest.raises(GuardrailBlocked):
        await journey.go()
    assert [matter.request["input"] for matter in seen(check)] == [[{"content": "dirty"}]]
    assert upstream.asked == []
