import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

# In a process of its own: a process has one tracer provider, for good.
PROGRAM = """
import sys
from torana.core.clock import SystemClock
from torana.telemetry.otlp import export_spans
from torana.telemetry.record import Record
stop = export_spans(sys.argv[1], "1.2.3")
record = Record(SystemClock(), "req_1", "POST", "/v1/images/variations")
with record.span("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None):
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
