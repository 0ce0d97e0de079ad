from tests.assembly.kit import Log
from torana.assembly.circuits import Circuits
from torana.core.clock import FakeClock
from torana.core.errors import UpstreamError
from torana.core.exchange import CircuitRule, Plan, Routing, Target
from torana.telemetry.signals import Signals

TARGET = Target("lab", "redux")
RULE = CircuitRule(min_calls=1)


def shown(signals: Signals) -> float | None:
    return signals.registry.get_sample_value("torana_circuit_state", {"target": "lab/redux"})


def fail(circuits: Circuits) -> None:
    trial = circuits.health.trial(TARGET, RULE)
    assert trial is not None
    trial.end(UpstreamError("Broken."))


def test_a_circuit_that_opens_is_told_of():
    clock, log, signals = FakeClock(), Log(), Signals()
    circuits = Circuits(clock, log.logger, signals)
    fail(circuits)
    (event,) = log.events
    assert (event["level"], event["event"], event["target"], event["state"]) == (
        "warning", "circuit", "lab/redux", "open",
    )  # fmt: skip
    assert shown(signals) == 2


def test_time_alone_makes_it_half_open():
    clock, signals = FakeClock(), Signals()
    circuits = Circuits(clock, Log().logger, signals)
    fail(circuits)
    clock.advance(RULE.open_for)
    circuits.show()
    assert shown(signals) == 1


def test_what_no_plan_leads_to_is_forgotten():
    signals = Signals()
    circuits = Circuits(FakeClock(), Log().logger, signals)
    fail(circuits)
    circuits.keep([Plan("vary", (TARGET,), Routing(circuit=RULE))])
    assert (circuits.health.states(), shown(signals)) == ({"lab/redux": "open"}, 2)
    circuits.keep([])
    assert (circuits.health.states(), shown(signals)) == ({}, 0)
