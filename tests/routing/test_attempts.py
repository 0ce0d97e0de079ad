import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.routing.lab import FIRST, RULE, SECOND, TARGETS, THIRD, Lab, Upstreams
from torana.core.clock import FakeClock
from torana.core.errors import (
    CallerError,
    DeadlineExceeded,
    InvalidImage,
    InvalidRequest,
    Moderated,
    Overloaded,
    ToranaError,
    UpstreamAuth,
    UpstreamCut,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
    WorkFailed,
)
from torana.core.exchange import Reply, Routing, Target
from torana.routing.attempts import walk
from torana.routing.health import Health
from torana.routing.selection import Caller

PASSING = [
    *(UpstreamError, UpstreamAuth, UpstreamRateLimited, UpstreamRejected, UpstreamTimeout, UpstreamUnreachable),
    *(Overloaded, WorkFailed),
]
FINAL = [CallerError, InvalidRequest, InvalidImage, Moderated, DeadlineExceeded]


@pytest.mark.parametrize("failures", [0, 1, 2])
async def test_the_first_that_answers_ends_the_walk(failures):
    errors = [UpstreamError(str(number)) for number in range(failures)]
    upstreams = Upstreams([*errors, "answer", "never asked"])
    target, reply = await upstreams.walk()
    assert (target, reply) == (Target("lab", str(failures)), Reply("answer"))
    assert upstreams.tried == list(upstreams.plan.targets[: failures + 1])
    assert upstreams.reported == list(zip(upstreams.plan.targets, errors, strict=False))


@pytest.mark.parametrize("kind", PASSING)
async def test_a_failure_that_another_may_not_share_goes_on(kind):
    upstreams = Upstreams([kind("no"), "answer"])
    assert (await upstreams.walk())[1] == Reply("answer")


@pytest.mark.parametrize("kind", FINAL)
@pytest.mark.parametrize("before", [0, 1])
async def test_a_failure_that_another_would_share_ends_the_walk(kind, before):
    final = kind("no")
    upstreams = Upstreams([*[UpstreamError("first")] * before, final, "never asked"])
    with pytest.raises(kind) as caught:
        await upstreams.walk()
    assert caught.value is final
    assert len(upstreams.tried) == before + 1
    assert upstreams.reported[-1] == (Target("lab", str(before)), final)


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_when_none_answers_the_last_ones_error_is_told(count):
    errors = [UpstreamTimeout(str(number)) for number in range(count)]
    upstreams = Upstreams([*errors])
    with pytest.raises(UpstreamTimeout) as caught:
        await upstreams.walk()
    assert caught.value is errors[-1]
    assert upstreams.reported == list(zip(upstreams.plan.targets, errors, strict=True))


@pytest.mark.parametrize("bug", [ValueError("a bug"), asyncio.CancelledError(), TimeoutError()])
@pytest.mark.parametrize("behind", [0, 1])
async def test_what_is_no_error_of_ours_is_nobodys_answer(bug, behind):
    upstreams = Upstreams([bug, *["never asked"] * behind])
    with pytest.raises(type(bug)):
        await upstreams.walk()
    assert len(upstreams.tried) == 1
    assert upstreams.reported == []


BEYOND = InvalidRequest("This model takes no mask.", param="mask", code="unsupported_parameter")


async def test_what_is_beyond_one_target_another_may_do():
    upstreams = Upstreams([BEYOND, "answer"])
    assert await upstreams.walk() == (Target("lab", "1"), Reply("answer"))


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [([UpstreamError("down"), BEYOND], 0), ([BEYOND, UpstreamError("down")], 1), ([BEYOND], 0)],
)
async def test_that_it_is_beyond_a_target_is_told_when_nothing_else_went_wrong(outcomes, told):
    upstreams = Upstreams(outcomes)
    with pytest.raises(ToranaError) as caught:
        await upstreams.walk()
    assert caught.value is outcomes[told]


async def test_an_operator_may_name_a_callers_mistake():
    routing = Routing(fallback_on=frozenset({400}))
    upstreams = Upstreams([Moderated("no"), "answer"])
    got = await walk(
        replace(upstreams.plan, routing=routing), upstreams.attempt, lambda *_: None, health=Health(FakeClock())
    )
    assert got == (Target("lab", "1"), Reply("answer"))


@pytest.mark.parametrize("kind", [WorkFailed, Overloaded])
async def test_what_was_paid_for_and_lost_in_our_own_house_ends_the_walk(kind):
    lost = kind("no")
    lost.spent = True
    upstreams = Upstreams([lost, "never asked"])
    with pytest.raises(kind):
        await upstreams.walk()
    assert len(upstreams.tried) == 1


async def test_what_was_spent_on_the_way_is_said_in_the_end():
    charged = UpstreamTimeout("no")
    charged.spent = True
    last = UpstreamUnreachable("no")
    with pytest.raises(UpstreamUnreachable) as caught:
        await Upstreams([charged, last]).walk()
    assert caught.value is last
    assert last.spent


async def test_an_errors_cause_stays():
    failed = UpstreamError("no")
    failed.__cause__ = OSError("why")
    with pytest.raises(UpstreamError) as caught:
        await Upstreams([failed]).walk()
    assert caught.value.__cause__ is failed.__cause__


async def test_the_target_is_chosen_for_the_call():
    gold = replace(FIRST, when=(("tier", "gold"),))
    lab = Lab(targets=(gold, SECOND)).answer("a", "b")
    assert await lab.walk() == "b"
    assert await lab.walk(Caller(metadata={"tier": "gold"})) == "a"


async def test_whom_a_circuit_leaves_alone_is_not_asked():
    lab = Lab().answer("b")
    lab.fail("a")
    assert [await lab.walk(), await lab.walk()] == ["b", "b"]
    assert lab.tried == ["a", "b", "b"]
    assert lab.health.states() == {"lab/a": "open", "lab/b": "closed"}


async def test_not_even_when_the_others_fail():
    lab = Lab().fail("a").fail("c")
    lab.open(SECOND)
    with pytest.raises(UpstreamError, match=r"^c$"):
        await lab.walk()
    assert lab.tried == ["a", "c"]


async def test_one_call_tries_again_when_it_is_time():
    lab = Lab().answer("b")
    lab.open(FIRST)
    lab.clock.advance(30)
    probe = asyncio.create_task(lab.walk())
    await lab.until("a")
    assert [await lab.walk() for _ in range(3)] == ["b"] * 3
    lab.answer("a")
    assert await probe == "a"
    assert await lab.walk() == "a"


@pytest.mark.parametrize("steps", range(4))
async def test_a_probe_that_is_given_up_makes_room_for_the_next(steps):
    lab = Lab()
    lab.open(FIRST)
    lab.clock.advance(30)
    probe = asyncio.create_task(lab.walk())
    for _ in range(steps):
        await asyncio.sleep(0)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert lab.health.states() == {"lab/a": "half-open"}
    lab.ends.clear()
    assert await lab.answer("a").walk() == "a"


async def test_when_all_are_left_alone_the_least_bad_is_tried():
    lab = Lab().answer("b")
    lab.open(SECOND)
    lab.clock.advance(5)
    lab.open(FIRST, THIRD)
    assert await lab.walk() == "b"
    assert lab.tried == ["b"]
    assert lab.health.states()["lab/b"] == "closed"


async def test_when_that_fails_too_the_caller_is_told_when_to_come_back():
    lab = Lab().fail("b", UpstreamTimeout("no"))
    lab.open(SECOND)
    lab.clock.advance(5)
    lab.open(FIRST, THIRD)
    with pytest.raises(UpstreamError, match=r"^Every target of the model 'vary' has failed") as caught:
        await lab.walk()
    error = caught.value
    assert (error.status, error.code, error.retry_after, error.reason) == (
        502,
        "upstream_unavailable",
        25,
        "upstream_timeout",
    )
    assert isinstance(error.__cause__, UpstreamTimeout)
    assert (lab.tried, lab.reported) == (["b"], ["b"])


async def test_whose_time_has_come_while_it_was_tried_is_tried_next():
    lab = Lab().answer("b")
    lab.open(SECOND, THIRD, FIRST)
    call = asyncio.create_task(lab.walk())
    await lab.until("a")
    lab.clock.advance(30)
    lab.fail("a")
    assert await call == "b"
    assert lab.tried == ["a", "b"]


async def test_an_upstream_that_asks_for_more_time_gets_it():
    lab = Lab().fail("a", UpstreamRateLimited("no", retry_after=99))
    lab.open(*TARGETS)
    with pytest.raises(UpstreamError) as caught:
        await lab.walk()
    assert (caught.value.code, caught.value.retry_after) == ("upstream_unavailable", 99)


@pytest.mark.parametrize("kind", [InvalidRequest, UpstreamRejected, WorkFailed])
async def test_what_is_not_the_targets_fault_stays_what_it_is_even_then(kind):
    lab = Lab().fail("a", kind("no"))
    lab.open(*TARGETS)
    with pytest.raises(kind):
        await lab.walk()


async def test_no_mistake_of_callers_and_no_lack_of_ours_leaves_a_target_alone():
    for error in (InvalidRequest("no"), Moderated("no"), Overloaded("no"), WorkFailed("no"), DeadlineExceeded("no")):
        lab = Lab(targets=(FIRST,)).fail("a", error)
        for _ in range(3):
            with pytest.raises(type(error)):
                await lab.walk()
        assert lab.health.states() == {"lab/a": "closed"}


async def test_who_has_begun_to_answer_has_nobody_after_him():
    lab = Lab()
    call = asyncio.create_task(lab.walk())
    await lab.until("a")
    lab.claims["a"]()
    broken = UpstreamCut("broken off")
    lab.fail("a", broken)
    with pytest.raises(UpstreamCut) as caught:
        await call
    assert caught.value is broken
    assert not broken.spent, "whether it was is for the attempt to say"
    assert (lab.tried, lab.reported) == (["a"], ["a"])


OUTCOMES = st.sampled_from(["answer", UpstreamError, UpstreamAuth, Overloaded, InvalidRequest, Moderated])


@given(st.lists(OUTCOMES, min_size=1, max_size=5), st.integers(0, 3))
async def test_as_long_as_nobody_is_to_blame_the_first_answer_is_found(outcomes, again):
    """Whatever the circuits have come to be, a call is answered, or fails as an attempt of its own did."""
    health = Health(FakeClock())
    upstreams = Upstreams([kind if isinstance(kind, str) else kind("no") for kind in outcomes])
    plan = replace(upstreams.plan, routing=Routing(circuit=RULE))
    for _ in range(again):
        with suppress(ToranaError):
            await walk(plan, upstreams.attempt, lambda *_: None, health=health)
    upstreams.tried.clear()
    ends = next((place for place, kind in enumerate(outcomes) if kind in {"answer", InvalidRequest, Moderated}), None)
    try:
        target, _ = await walk(plan, upstreams.attempt, lambda *_: None, health=health)
    except ToranaError:
        assert ends is None or outcomes[ends] != "answer"
    else:
        assert ends is not None
        assert target == plan.targets[ends]
    assert 1 <= len(upstreams.tried) <= len(outcomes)
    assert len(set(upstreams.tried)) == len(upstreams.tried)
