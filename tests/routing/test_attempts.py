import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.core.clock import FakeClock
from torana.core.errors import (
    AnswerLate,
    CallerError,
    DeadlineExceeded,
    FirstTokenLate,
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
from torana.core.exchange import CircuitRule, Plan, Reply, Routing, Target
from torana.routing.attempts import Claim, walk
from torana.routing.health import Health
from torana.routing.selection import Caller

PASSING = [
    *(UpstreamError, UpstreamAuth, UpstreamRateLimited, UpstreamRejected, UpstreamTimeout, UpstreamUnreachable),
    *(Overloaded, WorkFailed),
]
FINAL = [CallerError, InvalidRequest, InvalidImage, Moderated, DeadlineExceeded]


@dataclass
class Upstreams:
    """Upstreams that do as they are told, target by target, and what was seen of them."""

    outcomes: list[BaseException | str]
    tried: list[Target] = field(default_factory=list)
    reported: list[tuple[Target, ToranaError]] = field(default_factory=list)

    @property
    def plan(self) -> Plan:
        return Plan("vary", tuple(Target("lab", str(number)) for number in range(len(self.outcomes))))

    async def attempt(self, target: Target, claim: Claim) -> Reply[str]:
        self.tried.append(target)
        outcome = self.outcomes[int(target.model)]
        if isinstance(outcome, BaseException):
            raise outcome
        return Reply(outcome)

    async def walk(self) -> tuple[Target, Reply[str]]:
        def report(target: Target, error: ToranaError) -> None:
            self.reported.append((target, error))

        return await walk(self.plan, self.attempt, report, health=Health(FakeClock()))


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


RULE = CircuitRule(min_calls=1, failures=1)
FIRST, SECOND, THIRD = TARGETS = tuple(Target("lab", name) for name in "abc")


class Lab:
    """Upstreams that answer when told to, with a circuit each that the first failure opens."""

    def __init__(self, hedge_after: float | None = None, *, targets: tuple[Target, ...] = TARGETS) -> None:
        self.plan = Plan("vary", targets, Routing(hedge_after=hedge_after, circuit=RULE))
        self.clock = FakeClock()
        self.health = Health(self.clock)
        self.tried: list[str] = []
        self.running: set[str] = set()
        self.most = 0
        self.reported: list[str] = []
        self.changed = asyncio.Event()
        self.ends: dict[str, asyncio.Future[str]] = {}
        self.claims: dict[str, Claim] = {}

    async def attempt(self, target: Target, claim: Claim) -> Reply[str]:
        name = target.model
        self.tried.append(name)
        self.running.add(name)
        self.claims[name] = claim
        self.most = max(self.most, len(self.running))
        self.changed.set()
        try:
            return Reply(await self.end(name))
        finally:
            await asyncio.sleep(0)  # as a connection that is closed
            self.running.remove(name)
            self.changed.set()

    def end(self, name: str) -> "asyncio.Future[str]":
        return self.ends.setdefault(name, asyncio.get_running_loop().create_future())

    def answer(self, *names: str) -> "Lab":
        for name in names:
            self.end(name).set_result(name)
        return self

    def fail(self, name: str, error: BaseException | None = None) -> "Lab":
        self.end(name).set_exception(error or UpstreamError(name))
        return self

    async def walk(self, caller: Caller | None = None) -> str:
        def report(target: Target, error: ToranaError) -> None:
            self.reported.append(target.model)

        target, reply = await walk(
            self.plan, self.attempt, report, health=self.health, caller=caller or Caller(), draw=lambda: 0.5
        )
        assert reply.body == target.model
        return reply.body

    def open(self, *targets: Target) -> None:
        for target in targets:
            trial = self.health.trial(target, RULE)
            assert trial is not None
            trial.end(UpstreamError("no"))

    async def until(self, *running: str) -> None:
        async with asyncio.timeout(1):
            while self.running != set(running):
                self.changed.clear()
                await self.changed.wait()


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


async def test_a_target_that_is_late_to_begin_is_followed_by_the_next_whatever_is_allowed():
    upstreams = Upstreams([FirstTokenLate("late"), "answer"])
    plan = replace(upstreams.plan, routing=Routing(fallback_on=frozenset()))
    got = await walk(plan, upstreams.attempt, lambda *_: None, health=Health(FakeClock()))
    assert got == (Target("lab", "1"), Reply("answer"))


# Callers who give a target only so long

HASTY = Caller(patience=0.02)


async def test_who_takes_longer_than_the_caller_gives_is_followed_by_the_next():
    lab = Lab().answer("b")
    assert await lab.walk(HASTY) == "b"
    assert (lab.tried, lab.reported) == (["a", "b"], ["a"])
    assert not lab.running
    assert lab.health.states() == {"lab/a": "closed", "lab/b": "closed"}, "nobody is closed to others by that"


async def test_when_none_is_quick_enough_the_caller_is_told_and_not_to_ask_again():
    lab = Lab(targets=(FIRST, SECOND))
    with pytest.raises(AnswerLate, match=r"0\.02 s") as caught:
        await lab.walk(HASTY)
    assert caught.value.spent
    assert (caught.value.status, lab.reported) == (504, ["a", "b"])


async def test_each_target_has_its_own_time():
    lab = Lab()
    call = asyncio.create_task(lab.walk(Caller(patience=0.1)))
    await lab.until("b")
    await asyncio.sleep(0.05)
    lab.answer("b")
    assert await call == "b"


async def test_who_has_begun_to_answer_may_take_his_time():
    lab = Lab()
    call = asyncio.create_task(lab.walk(HASTY))
    await lab.until("a")
    lab.claims["a"]()
    await asyncio.sleep(0.06)
    lab.answer("a")
    assert await call == "a"
    assert lab.tried == ["a"]


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
