from contextlib import suppress

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from torana.core.clock import FakeClock
from torana.core.errors import UpstreamTimeout
from torana.telemetry import record as module
from torana.telemetry.record import Record, trace_headers

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def record(clock):
    return Record(clock, "req_1", "POST", "/v1/images/variations")


@pytest.fixture
def spans(monkeypatch):
    """The spans that end, as an exporter gets them."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(module, "_TRACER", provider.get_tracer("torana"))
    return exporter.get_finished_spans


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


def test_a_recorded_trace_is_the_callers_with_spans_of_our_own(record, spans):
    with record.span(PARENT, None), record.stage("attempt", **{"gen_ai.response.model": "lab/redux"}):
        sent = dict(trace_headers())["traceparent"]
    stage, request = spans()
    assert sent == f"00-{TRACE}-{stage.context.span_id:016x}-01"
    assert f"{request.parent.span_id:016x}" == PARENT.split("-")[2]
    assert stage.parent.span_id == request.context.span_id
    assert (stage.name, dict(stage.attributes)) == ("attempt", {"gen_ai.response.model": "lab/redux"})
    assert request.kind is SpanKind.SERVER


def test_a_span_tells_what_became_of_its_request(record, spans):
    with record.span(None, None):
        record.operation, record.model, record.target = "images.variations", "vary", "lab/redux"
        record.status, record.error = 504, "deadline_exceeded"
    (span,) = spans()
    assert span.name == "images.variations vary"
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "images.variations",
        "gen_ai.request.model": "vary",
        "gen_ai.response.model": "lab/redux",
        "http.request.method": "POST",
        "http.response.status_code": 504,
        "error.type": "deadline_exceeded",
        "torana.request_id": "req_1",
    }
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "deadline_exceeded")


def test_a_callers_mistake_is_no_error_of_the_server(record, spans):
    with record.span(None, None):
        record.status, record.error = 404, "unknown_path"
    (span,) = spans()
    assert (span.name, span.status.status_code) == ("POST", StatusCode.UNSET)


@pytest.mark.parametrize(
    ("error", "status", "description"),
    [
        (UpstreamTimeout("slow"), StatusCode.ERROR, "upstream_timeout"),
        (ValueError("a picture's bytes"), StatusCode.UNSET, None),
    ],
    ids=["foreseen", "unforeseen"],
)
def test_a_failed_stage_shows_its_code_and_no_message(record, spans, error, status, description):
    with pytest.raises(type(error)), record.stage("attempt"):
        raise error
    (span,) = spans()
    assert (span.status.status_code, span.status.description) == (status, description)
    assert not span.events
