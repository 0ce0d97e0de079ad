import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from torana.core.clock import FakeClock
from torana.core.exchange import Usage
from torana.telemetry import signals as signals_module
from torana.telemetry.record import Record
from torana.telemetry.signals import CONTENT_TYPE, Signals, forget_process, share_metrics

Sample = tuple[str, frozenset[tuple[str, str]]]


def samples(text: str) -> dict[Sample, float]:
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name, frozenset(sample.labels.items())] = sample.value
    return found


def value(signals: Signals, name: str, **labels: str) -> float | None:
    return samples(signals.render().decode()).get((name, frozenset(labels.items())))


def record(status: int = 200, method: str = "POST", **members: object) -> Record:
    clock = FakeClock()
    made = Record(clock, "req_1", method, "/made/up/by/a/caller")
    made.status = status
    for name, member in members.items():
        setattr(made, name, member)
    clock.advance(0.3)
    return made


@pytest.fixture
def signals():
    return Signals()


def test_a_request_is_counted_by_route_and_status(signals):
    signals.observe(record(404), "unknown")
    labels = {"http_route": "unknown", "http_request_method": "POST", "http_response_status_code": "404"}
    assert value(signals, "http_server_request_duration_seconds_count", **labels) == 1
    assert value(signals, "http_server_request_duration_seconds_sum", **labels) == pytest.approx(0.3)
    assert value(signals, "http_server_request_duration_seconds_bucket", **labels, le="0.32") == 1
    assert value(signals, "http_server_request_duration_seconds_bucket", **labels, le="0.08") == 0


def test_a_call_is_counted_by_model_and_target(signals):
    told = record(502, operation="images.variations", principal="ada", model="vary", target="lab/redux")
    told.error = "upstream_error"
    signals.observe(told, "/images/variations")
    labels = {
        "gen_ai_operation_name": "images.variations",
        "gen_ai_request_model": "vary",
        "gen_ai_response_model": "lab/redux",
        "error_type": "upstream_error",
    }
    assert value(signals, "gen_ai_server_request_duration_seconds_count", **labels) == 1


def test_a_call_of_no_model_is_counted_by_its_operation(signals):
    signals.observe(record(operation="models.list", principal="ada"), "/models")
    labels = {"gen_ai_request_model": "", "gen_ai_response_model": "", "error_type": ""}
    name = "gen_ai_server_request_duration_seconds_count"
    assert value(signals, name, gen_ai_operation_name="models.list", **labels) == 1


def test_what_is_no_call_is_not_counted_as_one(signals):
    signals.observe(record(401, operation="images.variations"), "/images/variations")
    assert "gen_ai_server_request_duration_seconds_count" not in signals.render().decode()


def test_stages_bytes_retries_and_failed_attempts(signals):
    told = record(stages=[("auth", 0.001), ("read", 0.5)], bytes_in=2_000, client_retry=2)
    told.attempts += [("lab/redux", "upstream_timeout"), ("lab/redux", "upstream_timeout")]
    signals.observe(told, "/images/variations")
    signals.observe(record(), "/healthz")
    assert value(signals, "torana_stage_duration_seconds_sum", stage="read") == 0.5
    assert value(signals, "http_server_request_body_size_bytes_count") == 1
    assert value(signals, "torana_client_retries_total") == 1
    assert value(signals, "torana_attempt_failures_total", target="lab/redux", error_type="upstream_timeout") == 2


def test_refused_tokens_are_counted_by_reason(signals):
    signals.observe(record(401, error="invalid_api_key", reason="expired"), "/images/variations")
    signals.observe(record(500, error="storage_failed", reason="ENOSPC"), "/images/variations")
    assert value(signals, "torana_auth_refusals_total", reason="expired") == 1
    assert "ENOSPC" not in signals.render().decode()


@pytest.mark.parametrize(("sent", "told"), [("DELETE", "DELETE"), ("delete", "_OTHER"), ("EVIL-METHOD", "_OTHER")])
def test_a_callers_method_makes_no_label(signals, sent, told):
    signals.observe(record(405, method=sent), "/healthz")
    labels = {"http_route": "/healthz", "http_request_method": told, "http_response_status_code": "405"}
    assert value(signals, "http_server_request_duration_seconds_count", **labels) == 1


def test_nothing_of_a_request_but_its_labels_is_kept(signals):
    told = record(200, model="vary", principal="ada")
    signals.observe(told, "/images/variations")
    text = signals.render().decode()
    assert "ada" not in text
    assert "made/up" not in text
    assert "req_1" not in text


def test_what_callers_make_up_adds_no_series(signals):
    signals.observe(record(404, method="M"), "unknown")
    before = len(samples(signals.render().decode()))
    for number in range(20):
        signals.observe(record(404, method=f"M{number}", path=f"/{number}", principal=f"{number}"), "unknown")
    assert len(samples(signals.render().decode())) == before


def test_codes_that_upstreams_make_up_add_few_series(signals, monkeypatch):
    monkeypatch.setattr(signals_module, "_MOST_CODES", 3)
    for number in range(9):
        made = record(400, operation="chat", principal="ada", model="m", error=f"code_{number}")
        made.attempts = [("a/m", f"code_{number}")]
        signals.observe(made, "/chat")
    told = {labels for name, labels in samples(signals.render().decode()) if name == "torana_attempt_failures_total"}
    assert {dict(labels)["error_type"] for labels in told} == {"code_0", "code_1", "_OTHER"}
    counted = "gen_ai_server_request_duration_seconds_count"
    call = {"gen_ai_operation_name": "chat", "gen_ai_request_model": "m", "gen_ai_response_model": ""}
    assert value(signals, counted, **call, error_type="code_1") == 1
    assert value(signals, counted, **call, error_type="_OTHER") == 7


def test_requests_in_flight_go_up_and_down(signals):
    signals.begin()
    signals.begin()
    signals.observe(record(), "/healthz")
    assert value(signals, "http_server_active_requests") == 1
    signals.observe(record(), "/healthz")
    assert value(signals, "http_server_active_requests") == 0


def test_circuits_are_shown_as_they_stand(signals):
    signals.show_circuits({"lab/redux": "open", "lab/flux": "half-open", "lab/gone": "open"})
    assert value(signals, "torana_circuit_state", target="lab/redux") == 2
    assert value(signals, "torana_circuit_state", target="lab/flux") == 1
    signals.show_circuits({"lab/redux": "closed"})
    for target in ("lab/redux", "lab/flux", "lab/gone"):
        assert value(signals, "torana_circuit_state", target=target) == 0


def test_reloads_are_counted_by_result(signals):
    signals.reloads.labels("failed").inc()
    assert value(signals, "torana_reloads_total", result="failed") == 1


def test_the_process_itself_is_measured(signals):
    assert value(signals, "process_resident_memory_bytes")


def test_the_text_is_what_prometheus_reads(signals):
    assert CONTENT_TYPE.startswith("text/plain; version=")
    assert "# TYPE torana_worker_deaths_total counter" in signals.render().decode()


def test_many_requests_are_counted_at_once_and_all_of_them(signals):
    for number in range(1_300):
        signals.observe(record(200 + number % 3, stages=[("read", 1.0)]), "/healthz")
    labels = {"http_route": "/healthz", "http_request_method": "POST"}
    for status, count in (("200", 434), ("201", 433), ("202", 433)):
        told = value(signals, "http_server_request_duration_seconds_count", **labels, http_response_status_code=status)
        assert told == count
    assert value(signals, "torana_stage_duration_seconds_count", stage="read") == 1_300
    assert value(signals, "torana_stage_duration_seconds_sum", stage="read") == 1_300


async def test_other_processes_see_what_was_counted_a_moment_later(monkeypatch, tmp_path):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr(signals_module, "_EVERY", 0.01)
    signals = Signals()
    taken: list[int] = []
    monkeypatch.setattr(signals, "settle", lambda: taken.append(len(taken)))
    for _ in range(2):
        signals.observe(record(), "/healthz")
        signals.observe(record(), "/healthz")
        await asyncio.sleep(0.1)
    assert taken == [0, 1]


async def test_other_processes_see_what_has_only_begun_a_moment_later(monkeypatch, tmp_path):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr(signals_module, "_EVERY", 0.01)
    signals = Signals()
    told: list[float] = []
    monkeypatch.setattr(signals.active, "set", told.append)
    signals.begin()
    await asyncio.sleep(0.1)
    signals.observe(record(), "/healthz")
    await asyncio.sleep(0.1)
    assert told == [1, 0]


COUNT = """
import sys
from torana.core.clock import SystemClock
from torana.telemetry.record import Record
from torana.telemetry.signals import Signals
signals = Signals()
signals.worker_deaths.inc(2)
signals.begin()
signals.begin()
signals.show_circuits({"lab/redux": sys.argv[1]})
signals.show_circuits({"lab/flux": sys.argv[1]})
record = Record(SystemClock(), "req_1", "GET", "/healthz")
with record.stage("read"):
    pass
signals.observe(record, "/healthz")
signals.settle()
"""
SHOW = "import sys; from torana.telemetry.signals import Signals; sys.stdout.buffer.write(Signals().render())"


def run(script: str, environ: Mapping[str, str], *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], env=environ, check=True, capture_output=True, text=True
    ).stdout


def test_processes_that_share_their_metrics_count_together(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "what it was before")
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "counter_1.db").write_bytes(b"left by a run before")
    share_metrics(folder)
    assert not list(folder.iterdir())
    for state in ("open", "closed"):
        run(COUNT, os.environ, state)
    found = samples(run(SHOW, os.environ))
    assert found["torana_worker_deaths_total", frozenset()] == 4
    assert found["http_server_active_requests", frozenset()] == 2
    assert found["torana_stage_duration_seconds_count", frozenset({("stage", "read")})] == 2
    assert found["torana_circuit_state", frozenset({("target", "lab/flux")})] == 2
    assert found["torana_circuit_state", frozenset({("target", "lab/redux")})] == 0


def test_what_an_ended_process_said_of_the_present_is_taken_back(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for name in ("gauge_livesum_7.db", "gauge_livemax_7.db", "gauge_livesum_8.db", "counter_7.db"):
        (tmp_path / name).touch()
    forget_process(7)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counter_7.db", "gauge_livesum_8.db"]


def test_the_folder_for_shared_metrics_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "what it was before")
    share_metrics(tmp_path / "data" / "metrics")
    assert (tmp_path / "data" / "metrics").is_dir()
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(tmp_path / "data" / "metrics")


def test_a_process_that_just_begins_spoils_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "what it was before")
    folder = tmp_path / "metrics"
    share_metrics(folder)
    run(COUNT, os.environ, "open")
    begun = folder / "counter_99.db"
    begun.touch()
    real: Callable[[CollectorRegistry], bytes] = generate_latest

    def latest(registry: CollectorRegistry) -> bytes:
        try:
            return real(registry)
        finally:
            begun.unlink(missing_ok=True)

    monkeypatch.setattr(signals_module, "generate_latest", latest)
    assert b"torana_worker_deaths_total" in Signals().render()


CALL = {
    "gen_ai_operation_name": "chat.completions",
    "gen_ai_request_model": "house",
    "gen_ai_response_model": "lab/large",
}


def call(usage: Usage, **members: Any) -> Record:
    told: dict[str, Any] = {"operation": "chat.completions", "principal": "ada", "model": "house"}
    made = record(target="lab/large", **told, **members)
    made.use(usage)
    return made


def test_tokens_and_dollars_are_counted(signals):
    used = Usage(tokens={"text_in": 7, "cached_in": 3, "text_out": 4, "reasoning_out": 1}, cost=Decimal("0.25"))
    signals.observe(call(used, first_piece=0.2), "/chat/completions")
    assert value(signals, "gen_ai_client_token_usage_sum", **CALL, gen_ai_token_type="input") == 10
    assert value(signals, "gen_ai_client_token_usage_sum", **CALL, gen_ai_token_type="output") == 5
    assert value(signals, "gen_ai_server_time_to_first_token_seconds_sum", **CALL) == pytest.approx(0.2)
    assert value(signals, "torana_cost_dollars_total", **CALL) == 0.25
    assert value(signals, "torana_cost_unknown_total", **CALL) is None


def test_what_nobody_knows_is_not_nothing(signals):
    signals.observe(call(Usage()), "/chat/completions")
    signals.observe(call(Usage(), replayed=True), "/chat/completions")
    signals.observe(call(Usage(cost=Decimal(0))), "/chat/completions")
    assert value(signals, "torana_cost_unknown_total", **CALL) == 1
    assert value(signals, "torana_cost_dollars_total", **CALL) is None
    assert value(signals, "gen_ai_server_time_to_first_token_seconds_count", **CALL) is None
