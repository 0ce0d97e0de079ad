from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.core.clock import FakeClock
from torana.core.exchange import CircuitRule
from torana.routing.circuit import Circuit, Outcome, State, Ticket

RULE = CircuitRule(window=60, min_calls=4, failures=0.5, open_for=30)


@dataclass
class Lab:
    """A circuit, its clock, and what it told of itself."""

    rule: CircuitRule = RULE
    clock: FakeClock = field(default_factory=FakeClock)
    told: list[State] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.circuit = Circuit(self.rule, self.clock, self.told.append)

    def enter(self) -> Ticket:
        ticket = self.circuit.enter()
        assert ticket is not None
        return ticket

    def call(self, *outcomes: Outcome) -> None:
        for outcome in outcomes:
            self.circuit.leave(self.enter(), outcome)

    def opened(self) -> "Lab":
        self.call("failure", "failure", "failure", "failure")
        assert self.circuit.state == "open"
        return self

    def due(self) -> "Lab":
        self.opened().clock.advance(30)
        return self


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_new_ones_are_closed(lab):
    assert (lab.circuit.state, lab.circuit.wait, lab.told) == ("closed", 0, [])


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        (["failure"] * 3, "closed"),
        (["failure"] * 4, "open"),
        (["success", "success", "failure", "failure"], "open"),
        (["success", "success", "success", "failure"], "closed"),
        (["failure", "failure", "failure", "success"], "closed"),
        (["failure", "failure", "failure", "nothing", "nothing"], "closed"),
        (["nothing"] * 20, "closed"),
    ],
)
def test_it_opens_at_a_failure_when_enough_of_enough_calls_failed(lab, outcomes, state):
    lab.call(*outcomes)
    assert lab.circuit.state == state
    assert lab.told == ["open"] * (state == "open")


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.7, 0.9])
def test_the_share_itself_opens_it(share):
    lab = Lab(CircuitRule(min_calls=10, failures=share))
    failures = round(share * 10)
    for number in range(10):
        lab.call("success" if number < 10 - failures else "failure")
    assert lab.circuit.state == "open"


def test_what_is_older_than_the_window_is_forgotten(lab):
    lab.call("failure", "failure", "failure")
    lab.clock.advance(61)
    lab.call("failure", "failure", "failure")
    assert lab.circuit.state == "closed"
    lab.call("failure")
    assert lab.circuit.state == "open"


def test_the_window_slides(lab):
    for _ in range(20):
        lab.call("failure")
        lab.clock.advance(25)
    assert lab.circuit.state == "closed"


def test_an_open_one_lets_nobody_in_and_says_for_how_long(lab):
    lab.opened()
    assert lab.circuit.enter() is None
    assert lab.circuit.wait == 30
    lab.clock.advance(29)
    assert lab.circuit.enter() is None
    assert lab.circuit.wait == 1


def test_then_exactly_one_call_is_a_probe(lab):
    lab.due()
    assert (lab.circuit.state, lab.circuit.wait) == ("half-open", 0)
    assert lab.enter().probe
    assert [lab.circuit.enter() for _ in range(3)] == [None] * 3
    assert (lab.circuit.state, lab.circuit.wait) == ("half-open", 1)
    assert lab.told == ["open", "half-open"]


def test_its_success_closes_and_nothing_old_is_held_against_it(lab):
    lab.due().call("success")
    assert lab.told == ["open", "half-open", "closed"]
    lab.call("failure", "failure", "failure")
    assert lab.circuit.state == "closed"


def test_its_failure_opens_anew_for_as_long(lab):
    lab.due().call("failure")
    assert (lab.circuit.state, lab.circuit.wait) == ("open", 30)
    lab.clock.advance(30)
    lab.call("success")
    assert lab.told == ["open", "half-open", "open", "half-open", "closed"]


def test_a_probe_that_tells_nothing_makes_room_for_the_next(lab):
    lab.due().call("nothing")
    assert (lab.circuit.state, lab.circuit.wait) == ("half-open", 0)
    assert lab.enter().probe
    assert lab.told == ["open", "half-open"]


@pytest.mark.parametrize("outcome", ["success", "failure", "nothing"])
def test_calls_from_before_it_opened_change_nothing(lab, outcome):
    late = lab.enter()
    lab.due()
    probe = lab.enter()
    lab.circuit.leave(late, outcome)
    assert lab.circuit.state == "half-open"
    assert lab.circuit.enter() is None
    lab.circuit.leave(probe, "success")
    lab.circuit.leave(late, "failure")
    assert lab.circuit.state == "closed"


@pytest.mark.parametrize("wait", [0, 30])
@pytest.mark.parametrize(("outcome", "changed"), [("success", "closed"), ("failure", None), ("nothing", None)])
def test_a_forced_call_can_only_do_good(lab, wait, outcome, changed):
    lab.opened().clock.advance(wait)
    before = lab.circuit.state
    lab.circuit.leave(lab.circuit.force(), outcome)
    assert lab.circuit.state == (changed or before)


def test_a_forced_call_does_not_free_the_place_of_a_probe(lab):
    lab.due()
    lab.enter()
    for outcome in ("failure", "nothing"):
        lab.circuit.leave(lab.circuit.force(), outcome)
    assert lab.circuit.enter() is None


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.just(0)),
        st.tuples(st.sampled_from(["success", "failure", "nothing"]), st.integers(0, 9)),
        st.tuples(st.just("advance"), st.sampled_from([0, 1, 7, 30, 61])),
    ),
    max_size=120,
)


@given(STEPS)
def test_whatever_happens_there_is_one_probe_at_most_and_a_way_back(steps):
    lab = Lab()
    out: list[Ticket] = []
    for what, number in steps:
        if what == "advance":
            lab.clock.advance(number)
        elif what == "enter":
            state = lab.circuit.state
            probing = any(each.probe and each.epoch == lab.circuit._epoch for each in out)
            ticket = lab.circuit.enter()
            assert (ticket is None) == (state == "open" or (state == "half-open" and probing))
            out += [ticket] if ticket else []
        elif out:
            lab.circuit.leave(out.pop(number % len(out)), what)
        assert (lab.circuit.wait == 0) == (lab.circuit.state == "closed" or _lets_in(lab, out))
    for ticket in out:
        lab.circuit.leave(ticket, "nothing")
    lab.clock.advance(30)
    lab.call("success")
    assert lab.circuit.state == "closed"


def _lets_in(lab: Lab, out: list[Ticket]) -> bool:
    probing = any(each.probe and each.epoch == lab.circuit._epoch for each in out)
    return lab.circuit.state == "half-open" and not probing


@given(st.lists(st.tuples(st.floats(0, 20), st.booleans()), max_size=60))
def test_the_window_counts_as_a_list_of_all_calls_would(calls):
    """To a tenth of the window: what is surely within it counts, what is surely beyond does not."""
    lab = Lab(CircuitRule(window=60, min_calls=1000))
    past: list[tuple[float, bool]] = []
    for after, failed in calls:
        lab.clock.advance(after)
        lab.call("failure" if failed else "success")
        past.append((lab.clock.ticks(), failed))
        seen, failures = lab.circuit._window.totals()
        now = lab.clock.ticks()
        sure = [failed for at, failed in past if at > now - 54]
        possible = [failed for at, failed in past if at > now - 60]
        assert len(sure) <= seen <= len(possible)
        assert sum(sure) <= failures <= sum(possible)
