import asyncio
from typing import Any

import pytest

from tests.policy.guardrails.kit import FACTS, FAILED, FOUND, REQUEST, Scripted, named, seen
from torana.config.guardrails import Guardrail
from torana.config.units import Seconds
from torana.core.errors import GuardrailBlocked, GuardrailFailed
from torana.policy.guardrails.checks import Finding, Named
from torana.policy.guardrails.watch import UNWATCHED, Watch

ANSWER: dict[str, Any] = {"choices": []}


@pytest.fixture
def told():
    return []


@pytest.fixture
def watch(told):
    def make(*before, after=(), **more):
        return Watch(before, after, lambda name, result, _why: told.append((name, result)), **more)

    return make


class Never:
    async def look(self, matter):
        await asyncio.Event().wait()


async def test_without_findings_all_goes_on_as_it_is(watch, told):
    assert await watch(named("a"), named("b")).asked(REQUEST, FACTS) is REQUEST
    assert told == [("a", "passed"), ("b", "passed")]
    assert await UNWATCHED.asked(REQUEST, FACTS) is REQUEST


async def test_a_finding_refuses_with_all_that_clients_know_it_by(watch, told):
    with pytest.raises(GuardrailBlocked) as refused:
        await watch(named("a", FOUND)).asked(REQUEST, FACTS)
    error = refused.value
    assert error.message == "The guardrail 'a' blocked this request. It is so."
    assert (error.rule, error.spent, error.status, error.code) == ("a", False, 400, "guardrail_blocked")
    data = {"verdict": False, "explanation": "It is so."}
    assert error.beside["guardrail_checks"] == {
        "llm_input_guardrails": [{"guardrail_integration": "a", "result": "failed", "data": data}]
    }
    assert told == [("a", "blocked")]


async def test_the_operators_words_come_before_the_checks_own(watch):
    with pytest.raises(GuardrailBlocked, match=r"blocked this request\. Ask Bob\.\Z"):
        await watch(named("a", FOUND, message="Ask Bob.")).asked(REQUEST, FACTS)


async def test_an_answer_that_is_refused_was_paid_for(watch):
    watching = watch(after=(named("a", FOUND),))
    with pytest.raises(GuardrailBlocked, match="blocked this answer") as refused:
        await watching.answered(REQUEST, ANSWER, FACTS)
    assert refused.value.spent
    checks: Any = refused.value.beside["guardrail_checks"]
    assert list(checks) == ["llm_output_guardrails"]
    assert await watching.asked(REQUEST, FACTS) is REQUEST


@pytest.mark.parametrize(
    ("strategy", "on_finding", "on_failure"),
    [
        ("enforce", "blocked", GuardrailFailed),
        ("enforce_but_ignore_on_error", "blocked", None),
        ("audit", "audited", None),
    ],
)
async def test_what_a_strategy_does(watch, told, strategy, on_finding, on_failure):
    async def outcome(finding):
        try:
            await watch(named("a", finding, strategy=strategy)).asked(REQUEST, FACTS)
        except (GuardrailBlocked, GuardrailFailed) as error:
            return type(error)
        return None

    assert await outcome(FOUND) is (GuardrailBlocked if on_finding == "blocked" else None)
    assert await outcome(FAILED) is on_failure
    assert told == [("a", on_finding), ("a", "failed")]


async def test_those_that_replace_come_first_one_after_the_other(watch, told):
    one, two = {"messages": [1]}, {"messages": [2]}
    first = named("first", Finding(found=True, document=one), operation="mutate")
    second = named("second", Finding(found=True, document=two), operation="mutate")
    looks = named("looks")
    assert await watch(looks, first, second).asked(REQUEST, FACTS) is two
    assert seen(second)[0].request is one
    assert seen(looks)[0].request is two
    assert told == [("first", "changed"), ("second", "changed"), ("looks", "passed")]


async def test_one_that_is_audited_replaces_nothing(watch):
    check = named("a", Finding(found=True, document={}), operation="mutate", strategy="audit")
    assert await watch(check).asked(REQUEST, FACTS) is REQUEST


async def test_one_that_could_replace_may_refuse(watch):
    with pytest.raises(GuardrailBlocked):
        await watch(named("a", FOUND, operation="mutate")).asked(REQUEST, FACTS)


async def test_looking_is_done_all_at_once_and_ends_with_the_first_refusal(watch):
    slow = Named("slow", Guardrail("secrets", timeout=Seconds(30)), Never())
    async with asyncio.timeout(5):
        with pytest.raises(GuardrailBlocked, match="'quick'"):
            await watch(slow, named("quick", FOUND)).asked(REQUEST, FACTS)


async def test_one_that_takes_too_long_has_failed(watch, told):
    slow = Named("slow", Guardrail("secrets", timeout=Seconds(0.01)), Never())
    with pytest.raises(GuardrailFailed, match="'slow' cannot be asked") as failed:
        await watch(slow).asked(REQUEST, FACTS)
    assert (failed.value.rule, failed.value.status) == ("slow", 503)
    assert told == [("slow", "failed")]


async def test_somebody_elses_time_that_is_up_is_his(watch, told):
    slow = Named("slow", Guardrail("secrets", strategy="audit"), Never())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await watch(slow).asked(REQUEST, FACTS)
    assert told == []


async def test_who_looks_at_the_last_message_only(watch):
    scoped, wished, whole = named("scoped", scope="last"), named("wished"), named("whole")
    await watch(scoped, wished, whole, last_only=frozenset({"wished"})).asked(REQUEST, FACTS)
    assert [seen(check)[0].last_only for check in (scoped, wished, whole)] == [True, True, False]
    after = named("after", scope="last")
    await watch(after=(after,)).answered(REQUEST, ANSWER, FACTS)
    assert not seen(after)[0].last_only


def test_what_an_answer_was_let_pass_by_is_known(watch):
    editions = {watch(after=after).edition for after in ((), (named("a"),), (named("a", message="x"),), (named("b"),))}
    assert len(editions) == 4
    assert watch(named("a")).edition == watch().edition
    assert isinstance(named("a").check, Scripted)
