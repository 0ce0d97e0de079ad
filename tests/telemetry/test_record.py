import subprocess
import sys
from contextlib import nullcontext, suppress

import pytest

from torana.core.clock import FakeClock
from torana.core.errors import UpstreamTimeout
from torana.core.exchange import Target, Usage
from torana.telemetry.record import Record, trace_headers

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def record(clock):
    return Record(clock, "req_1", "POST", "/v1/images/variations")


class Recorder:
    """Somebody who records spans."""

    def __init__(self) -> None:
        self.told: list[tuple[str, object]] = []

    def request(self, record, traceparent, tracestate):
        self.told.append((record.request_id, (traceparent, tracestate)))
        return nullcontext()

    def stage(self, name, attributes):
        self.told.append((name, attributes))
        return self

    def __enter__(self):
        self.told.append(("in", None))

    def __exit__(self, kind, error, trace):
        self.told.append(("out", kind))


def test_time_runs_from_the_head_of_the_request(record, clock):
    clock.advance(1.5)
    assert record.seconds == 1.5


def test_stages_are_timed_in_their_order_also_when_they_fail(record, clock):
    with record.stage("auth"):
        clock.advance(0.25)
    with suppress(UpstreamTimeout), record.stage("attempt"):
        clock.advance(2)
        raise UpstreamTimeout("slow")
    with record.stage("attempt"):
        clock.advance(0.0004)
    assert [(name, round(seconds, 6)) for name, seconds in record.stages] == [
        ("auth", 0.25), ("attempt", 2), ("attempt", 0.0004),
    ]  # fmt: skip
    assert record.server_timing() == "auth;dur=250.0, attempt;dur=2000.0, attempt;dur=0.4"


def test_a_callers_trace_goes_on_where_spans_are_not_recorded(record):
    with record.span(PARENT, "vendor=1"):
        assert dict(trace_headers()) == {"traceparent": PARENT, "tracestate": "vendor=1"}
    assert trace_headers() == ()


@pytest.mark.parametrize(
    "nonsense", [None, "", "00-0-0-0", f"00-{'0' * 32}-b7ad6b7169203331-01", "ff" + PARENT[2:], "x" * 10_000, "00-é"]
)
def test_without_a_proper_trace_none_is_passed_on(record, nonsense):
    with record.span(nonsense, None):
        assert trace_headers() == ()


def test_whoever_records_spans_is_told_of_the_request_and_its_stages(record, clock):
    recorder = Recorder()
    with record.span(PARENT, "vendor=1", recorder):
        with record.stage("attempt", Target("lab", "redux")):
            clock.advance(1)
        with suppress(UpstreamTimeout), record.stage("write"):
            raise UpstreamTimeout("slow")
    assert recorder.told == [
        ("req_1", (PARENT, "vendor=1")),
        ("attempt", {"gen_ai.response.model": "lab/redux"}), ("in", None), ("out", None),
        ("write", {}), ("in", None), ("out", UpstreamTimeout),
    ]  # fmt: skip
    assert record.stages == [("attempt", 1), ("write", 0)]


@pytest.mark.parametrize(
    ("counted", "told"),
    [
        ({}, {}),
        ({"text_in": 7, "cached_in": 3}, {"input": 10}),
        ({"text_out": 4, "reasoning_out": 1}, {"output": 5}),
        ({"text_in": 1, "text_out": 2, "searches": 3}, {"input": 1, "output": 2}),
        ({"text_in": 0, "text_out": 0}, {}),
    ],
)
def test_tokens_are_those_that_went_in_and_those_that_came_out(record, counted, told):
    record.use(Usage(tokens=counted))
    assert record.tokens == told


@pytest.mark.parametrize(
    ("resets", "told"),
    [((0.0, 1.23456), ("0s", "1.23s")), ((59.9, 60.0), ("59.9s", "60s")), ((1.5, 86_399.6), ("1.5s", "86400s"))],
)
def test_where_a_caller_stands_is_told_as_clients_look_for_it(record, resets, told):
    assert record.rate_limits() == []
    for left in (9, 8):
        record.stand([("requests", 10, left, resets[0]), ("tokens", 1_000, 0, resets[1])])
        assert dict(record.rate_limits()) == {
            "x-ratelimit-limit-requests": "10",
            "x-ratelimit-remaining-requests": f"{left}",
            "x-ratelimit-reset-requests": told[0],
            "x-ratelimit-limit-tokens": "1000",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": told[1],
        }


def test_no_span_library_is_loaded_where_nobody_records_spans():
    program = "import sys; import torana.edge.app; print([name for name in sys.modules if 'opentelemetry' in name])"
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert told == "[]\n"
