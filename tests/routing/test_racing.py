import asyncio

import pytest

from tests.routing.lab import FIRST, RULE, SECOND, THIRD, Lab
from torana.core.errors import (
    InvalidRequest,
    Moderated,
    UpstreamError,
    UpstreamTimeout,
)
from torana.core.exchange import Target


async def test_who_answers_before_the_hedge_is_asked_alone():
    lab = Lab(hedge_after=30).answer("a")
    assert await lab.walk() == "a"
    assert lab.tried == ["a"]


async def test_who_fails_before_the_hedge_is_replaced_at_once():
    lab = Lab(hedge_after=30).fail("a").answer("b")
    async with asyncio.timeout(1):
        assert await lab.walk() == "b"
    assert (lab.tried, lab.reported) == (["a", "b"], ["a"])


@pytest.mark.parametrize("winner", ["a", "b"])
async def test_a_second_is_asked_when_the_first_is_slow_and_the_first_answer_counts(winner):
    lab = Lab(hedge_after=0.01)
    call = asyncio.create_task(lab.walk())
    await lab.until("a", "b")
    await asyncio.sleep(0.03)
    assert lab.running == {"a", "b"}, "never more than two"
    lab.answer(winner)
    assert await call == winner
    assert not lab.running
    assert (lab.tried, lab.reported) == (["a", "b"], [])
    assert lab.health.states() == {"lab/a": "closed", "lab/b": "closed"}


async def test_when_both_answer_at_once_it_is_the_first_ones():
    lab = Lab(hedge_after=0.01)
    call = asyncio.create_task(lab.walk())
    await lab.until("a", "b")
    lab.answer("b", "a")
    assert await call == "a"


@pytest.mark.parametrize(("failing", "winner"), [("a", "b"), ("b", "a")])
async def test_when_one_of_two_fails_the_other_goes_on_and_a_third_is_its_hedge(failing, winner):
    lab = Lab(hedge_after=0.01)
    call = asyncio.create_task(lab.walk())
    await lab.until("a", "b")
    lab.fail(failing)
    await lab.until(winner, "c")
    lab.answer(winner)
    assert await call == winner
    assert lab.reported == [failing]
    assert lab.most == 2


async def test_an_answer_counts_more_than_a_failure_at_the_same_time():
    lab = Lab(hedge_after=0.01)
    call = asyncio.create_task(lab.walk())
    await lab.until("a", "b")
    lab.fail("a", InvalidRequest("no")).answer("b")
    assert await call == "b"
    assert lab.reported == ["a"]


async def test_when_two_fail_the_last_failure_is_told():
    lab = Lab(hedge_after=0.01, targets=(FIRST, SECOND))
    call = asyncio.create_task(lab.walk())
    await lab.until("a", "b")
    lab.fail("b", UpstreamTimeout("b"))
    await lab.until("a")
    lab.fail("a")
    with pytest.raises(UpstreamError, match=r"^a$"):
        await call
    assert lab.reported == ["b", "a"]


async def test_a_callers_mistake_stops_the_hedge_which_may_be_charged_for():
    lab = Lab(hedge_after=0.01)
    call = asyncio.create_task(lab.walk())
    await lab.until("a", "b")
    lab.fail("a", InvalidRequest("no"))
    with pytest.raises(InvalidRequest) as caught:
        await call
    assert caught.value.spent
    assert not lab.running
    assert lab.tried == ["a", "b"]


async def test_what_only_the_hedge_refuses_the_first_may_still_do():
    lab = Lab(hedge_after=0.01)
    call = asyncio.create_task(lab.walk())
    await lab.until("a", "b")
    lab.fail("b", Moderated("no"))
    await lab.until("a")
    lab.answer("a")
    assert await call == "a"
    assert lab.tried == ["a", "b"]


@pytest.mark.parametrize("later", [UpstreamError("down"), InvalidRequest("no, too")])
async def test_when_the_first_fails_as_well_the_refusal_is_told(later):
    lab = Lab(hedge_after=0.01)
    call = asyncio.create_task(lab.walk())
    await lab.until("a", "b")
    refusal = Moderated("no")
    lab.fail("b", refusal)
    await lab.until("a")
    lab.fail("a", later)
    with pytest.raises(Moderated) as caught:
        await call
    assert caught.value is refusal
    assert lab.tried == ["a", "b"]


async def test_with_nobody_left_to_hedge_the_walk_waits():
    lab = Lab(hedge_after=0.001)
    lab.open(SECOND, THIRD)
    call = asyncio.create_task(lab.walk())
    await lab.until("a")
    await asyncio.sleep(0.02)
    assert lab.tried == ["a"]
    lab.answer("a")
    assert await call == "a"


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("hedge_after", [None, 0.001])
async def test_cancellation_leaves_nothing_running(hedge_after, times):
    lab = Lab(hedge_after=hedge_after)
    call = asyncio.create_task(lab.walk())
    await lab.until("a", *["b"] * (hedge_after is not None))
    for _ in range(times):
        call.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await call
    assert not lab.running
    assert lab.reported == []


async def test_a_deadline_outside_is_a_deadline():
    lab = Lab(hedge_after=0.001)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await lab.walk()
    assert not lab.running


async def test_a_bug_in_one_stops_the_other_and_is_told_as_it_is():
    lab = Lab(hedge_after=0.001)
    call = asyncio.create_task(lab.walk())
    await lab.until("a", "b")
    lab.fail("a", ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        await call
    assert not lab.running


async def test_the_loser_is_known_to_be_at_least_that_slow():
    lab = Lab(hedge_after=0.001)
    for name in "ab":
        trial = lab.health.trial(Target("lab", name), RULE)
        assert trial is not None
        lab.clock.advance(1)
        trial.end(None)
    call = asyncio.create_task(lab.walk())
    await lab.until("a", "b")
    lab.clock.advance(5)
    lab.answer("b")
    assert await call == "b"
    assert lab.health.standing(FIRST, RULE).latency == 5
    assert lab.health.standing(SECOND, RULE).latency == pytest.approx(1.8)


# Answers that are told as they come


async def test_who_has_begun_to_answer_has_nobody_beside_him():
    lab = Lab(hedge_after=0.01)
    call = asyncio.create_task(lab.walk())
    await lab.until("a")
    lab.claims["a"]()
    await asyncio.sleep(0.03)
    assert lab.tried == ["a"]
    lab.answer("a")
    assert await call == "a"


@pytest.mark.parametrize(("first", "late"), [("a", "b"), ("b", "a")])
async def test_of_two_the_one_that_begins_goes_on_and_the_other_is_stopped(first, late):
    lab = Lab(hedge_after=0.01)
    call = asyncio.create_task(lab.walk())
    await lab.until("a", "b")
    lab.claims[first]()
    await lab.until(first)
    assert not call.done()
    lab.answer(first)
    assert await call == first
    assert (lab.tried, lab.reported) == (["a", "b"], [])


async def test_a_claim_is_of_the_attempt_it_was_given_to_whoever_makes_it():
    lab = Lab(hedge_after=0.01)
    call = asyncio.create_task(lab.walk())
    await lab.until("a", "b")

    async def somebody() -> None:
        lab.claims["b"]()

    await asyncio.create_task(somebody())
    await lab.until("b")
    lab.answer("b")
    assert await call == "b"


async def test_whoever_was_stopped_at_a_claim_may_be_charged_for():
    lab = Lab(hedge_after=0.01)
    call = asyncio.create_task(lab.walk())
    await lab.until("a", "b")
    lab.claims["b"]()
    lab.fail("b", UpstreamError("broken off"))
    with pytest.raises(UpstreamError) as caught:
        await call
    assert caught.value.spent
    assert (lab.tried, lab.reported) == (["a", "b"], ["b"])
