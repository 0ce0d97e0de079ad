import asyncio

import pytest

from torana.core.clock import FakeClock
from torana.core.errors import InvalidRequest, Overloaded, ToranaError, UpstreamError, UpstreamTimeout, WorkFailed
from torana.core.exchange import CircuitRule, Plan, Routing, Target
from torana.routing.circuit import State
from torana.routing.health import Health, Standing

RULE = CircuitRule(min_calls=2)
OTHER = CircuitRule(min_calls=3)
LAB, STUDIO = Target("lab", "redux"), Target("studio", "patchwork")


class Ward:
    """Targets under watch."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.told: list[tuple[str, State]] = []
        self.health = Health(self.clock, lambda target, state: self.told.append((target, state)))

    def call(
        self, error: BaseException | None = None, *, target: Target = LAB, rule: CircuitRule = RULE, seconds: float = 0
    ) -> None:
        trial = self.health.trial(target, rule)
        assert trial is not None
        self.clock.advance(seconds)
        trial.end(error)

    def latency(self, target: Target = LAB) -> float | None:
        return self.health.standing(target, RULE).latency


@pytest.fixture
def ward() -> Ward:
    return Ward()


def test_of_a_stranger_nothing_is_known(ward):
    assert ward.health.standing(LAB, RULE) == Standing("closed", 0, None)
    assert ward.health.states() == {}


def test_failures_open_a_targets_circuit_and_no_others(ward):
    ward.call(UpstreamError("no"))
    ward.call(UpstreamError("no"))
    ward.call(target=STUDIO)
    assert ward.health.standing(LAB, RULE) == Standing("open", 30, None)
    assert ward.health.trial(LAB, RULE) is None
    assert ward.health.states() == {"lab/redux": "open", "studio/patchwork": "closed"}
    assert ward.told == [("lab/redux", "open")]


@pytest.mark.parametrize(
    "error",
    [InvalidRequest("no"), Overloaded("no"), WorkFailed("no"), asyncio.CancelledError(), ValueError("a bug")],
    ids=lambda error: type(error).__name__,
)
def test_what_tells_nothing_opens_nothing_and_frees_a_probes_place(ward, error):
    for _ in range(5):
        ward.call(error)
    assert ward.health.states() == {"lab/redux": "closed"}
    ward.call(UpstreamError("no"))
    ward.call(UpstreamError("no"))
    ward.clock.advance(30)
    for _ in range(3):
        ward.call(error)
    assert ward.health.states() == {"lab/redux": "half-open"}
    ward.call()
    assert ward.told == [("lab/redux", state) for state in ("open", "half-open", "closed")]


def test_the_same_rule_is_the_same_circuit_and_another_judges_for_itself(ward):
    for _ in range(2):
        ward.call(UpstreamError("no"), rule=CircuitRule(min_calls=2))
        ward.call(UpstreamError("no"), rule=OTHER)
    assert ward.health.standing(LAB, RULE).state == "open"
    assert ward.health.standing(LAB, OTHER).state == "closed"
    assert ward.health.states() == {"lab/redux": "open"}


def test_a_forced_trial_goes_where_no_other_does(ward):
    ward.call(UpstreamError("no"))
    ward.call(UpstreamError("no"))
    ward.health.forced_trial(LAB, RULE).end(None)
    assert ward.health.standing(LAB, RULE).state == "closed"


def test_latency_is_that_of_lately(ward):
    ward.call(seconds=10)
    assert ward.latency() == 10
    ward.call(seconds=20)
    assert ward.latency() == pytest.approx(12)
    for _ in range(30):
        ward.call(seconds=1)
    assert ward.latency() == pytest.approx(1, abs=0.02)
    assert ward.latency(STUDIO) is None


@pytest.mark.parametrize(("after", "latency"), [(599, 10), (600, None)])
def test_what_was_known_grows_old(ward, after, latency):
    ward.call(seconds=10)
    ward.clock.advance(after)
    assert ward.latency() == latency


@pytest.mark.parametrize("error", [asyncio.CancelledError(), UpstreamTimeout("no"), UpstreamError("no")])
def test_who_did_not_answer_in_time_is_at_least_that_slow(ward, error):
    ward.call(seconds=10)
    ward.call(error, rule=OTHER, seconds=4)
    assert ward.latency() == 10
    ward.call(error, rule=OTHER, seconds=40)
    assert ward.latency() == 40


@pytest.mark.parametrize("error", [asyncio.CancelledError(), UpstreamError("no")])
def test_nobody_gets_fast_by_failing(ward, error):
    ward.call(error, seconds=0.001)
    assert ward.latency() is None


@pytest.mark.parametrize("error", [InvalidRequest("no"), WorkFailed("no")])
def test_what_is_not_the_targets_says_nothing_of_its_pace(ward, error: ToranaError):
    ward.call(seconds=1)
    ward.call(error, seconds=40)
    assert ward.latency() == 1


def test_a_new_configuration_keeps_what_is_unchanged_and_forgets_the_rest(ward):
    for target, rule in [(LAB, RULE), (LAB, OTHER), (STUDIO, RULE)]:
        ward.call(target=target, rule=rule, seconds=1)
    ward.call(UpstreamError("no"))
    ward.health.keep([Plan("vary", (LAB,), Routing(circuit=RULE)), Plan("new", (Target("new", "x"),))])
    assert ward.health.states() == {"lab/redux": "open"}
    assert ward.latency() == 1
    assert ward.latency(STUDIO) is None


def test_what_was_under_way_when_it_was_forgotten_ends_in_peace(ward):
    trial = ward.health.trial(LAB, RULE)
    ward.health.keep([])
    trial.end(None)
    assert ward.health.states() == {}
