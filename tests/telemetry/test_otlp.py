import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from torana.core.clock import FakeClock
from torana.core.errors import UpstreamTimeout
from torana.core.exchange import Target
from torana.telemetry.otlp import TracedSpans
from torana.telemetry.record import Record, trace_headers

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"

# In a process of its own, which ends with it.
PROGRAM = """
import sys
from torana.core.clock import SystemClock
from torana.telemetry.otlp import export_spans
from torana.telemetry.record import Record
spans, stop = export_spans(sys.argv[1], "1.2.3")
record = Record(SystemClock(), "req_1", "POST", "/v1/images/variations")
with record.span("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None, spans):
    with record.stage("auth"):
        pass
stop()
"""


@contextmanager
def collector(heard: list[tuple[str, bytes]]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("path", "expected"), [("", "/v1/traces"), ("/", "/v1/traces"), ("/custom", "/custom")])
def test_spans_reach_the_collector(path: str, expected: str) -> None:
    heard: list[tuple[str, bytes]] = []
    with collector(heard) as url:
        subprocess.run([sys.executable, "-c", PROGRAM, url + path], check=True, timeout=50)
    assert [where for where, _ in heard] == [expected]
    sent = ExportTraceServiceRequest.FromString(heard[0][1]).resource_spans[0]
    attributes = {each.key: each.value.string_value for each in sent.resource.attributes}
    spans = {span.name: span for scope in sent.scope_spans for span in scope.spans}
    assert attributes["service.name"] == "torana"
    assert attributes["service.version"] == "1.2.3"
    assert set(spans) == {"auth", "POST"}
    assert spans["POST"].trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert spans["POST"].parent_span_id.hex() == "b7ad6b7169203331"
    assert spans["auth"].parent_span_id == spans["POST"].span_id


@pytest.fixture
def record():
    return Record(FakeClock(), "req_1", "POST", "/v1/images/variations")


class Recorded(TracedSpans):
    """Spans, and those that have ended, as an exporter gets them."""

    def __init__(self) -> None:
        exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        super().__init__(provider.get_tracer("torana"))
        self.ended = exporter.get_finished_spans


@pytest.fixture
def spans():
    return Recorded()


def test_a_recorded_trace_is_the_callers_with_spans_of_our_own(record, spans):
    with record.span(PARENT, "vendor=1", spans):
        with record.stage("attempt", Target("lab", "redux")):
            told = dict(trace_headers())
        between = dict(trace_headers())
    assert trace_headers() == ()
    stage, request = spans.ended()
    assert told == {"traceparent": f"00-{TRACE}-{stage.context.span_id:016x}-01", "tracestate": "vendor=1"}
    assert between["traceparent"] == f"00-{TRACE}-{request.context.span_id:016x}-01"
    assert f"{request.parent.span_id:016x}" == PARENT.split("-")[2]
    assert stage.parent.span_id == request.context.span_id
    assert (stage.name, dict(stage.attributes)) == ("attempt", {"gen_ai.response.model": "lab/redux"})
    assert request.kind is SpanKind.SERVER


def test_a_span_tells_what_became_of_its_request(record, spans):
    with record.span(None, None, spans):
        record.operation, record.model, record.target = "images.variations", "vary", "lab/redux"
        record.status, record.error = 504, "deadline_exceeded"
    (span,) = spans.ended()
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
    with record.span(None, None, spans):
        record.status, record.error = 404, "unknown_path"
    (span,) = spans.ended()
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
    record.spans = spans
    with pytest.raises(type(error)), record.stage("attempt"):
        raise error
    (span,) = spans.ended()
    assert (span.status.status_code, span.status.description) == (status, description)
    assert not span.events
