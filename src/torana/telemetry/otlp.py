"""Records spans and sends them away, by OTLP over HTTP. The one module that needs the extra ``torana[otlp]``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

from opentelemetry import context as otel_context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from torana.core.errors import ToranaError
from torana.telemetry.record import Record
from torana.telemetry.tracing import Carrying

_TRACES = "/v1/traces"
_PROPAGATOR = TraceContextTextMapPropagator()


class TracedSpans:
    """Spans of OpenTelemetry's: a ``torana.telemetry.record.Spans``."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def request(self, record: Record, traceparent: str | None, tracestate: str | None) -> Iterator[None]:
        """A request's own span, a child of the caller's when he sent his trace context (W3C)."""
        carrier = {"traceparent": traceparent or "", "tracestate": tracestate or ""}
        token = otel_context.attach(_PROPAGATOR.extract(carrier))
        try:
            with self._tracer.start_as_current_span(record.method, kind=SpanKind.SERVER) as span, _carrying():
                yield
                span.update_name(f"{record.operation or record.method} {record.model or ''}".strip())
                span.set_attributes(_attributes(record))
                if record.status >= 500:  # noqa: PLR2004 - HTTP's border between their fault and ours
                    span.set_status(Status(StatusCode.ERROR, record.error))
        finally:
            otel_context.detach(token)

    @contextmanager
    def stage(self, name: str, attributes: dict[str, str]) -> Iterator[None]:
        """The span of one of its stages; of a failure it has the code."""
        # The SDK would note an exception with its message, and one that nobody foresaw may quote anything.
        with self._tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                with _carrying():
                    yield
            except ToranaError as error:
                span.set_status(Status(StatusCode.ERROR, error.code))
                raise


class Export(NamedTuple):
    """Spans on their way to a collector."""

    spans: TracedSpans
    stop: Callable[[], None]
    """Sends what is left; it blocks for a while."""


def export_spans(endpoint: str, version: str) -> Export:
    """Starts sending this process's spans to a collector, in batches, behind the requests.

    ``endpoint`` is the collector's address, or the whole URL where it takes traces.
    """
    url = endpoint if urlsplit(endpoint).path.strip("/") else endpoint.rstrip("/") + _TRACES
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "torana", SERVICE_VERSION: version}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
    return Export(TracedSpans(provider.get_tracer("torana")), provider.shutdown)


def _carrying() -> Carrying:
    """Upstreams are told of the span that is the current one."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return Carrying(tuple(carrier.items()))


def _attributes(record: Record) -> dict[str, str | int]:
    tokens = record.tokens
    found = {
        "gen_ai.operation.name": record.operation,
        "gen_ai.request.model": record.model,
        "gen_ai.response.model": record.target,
        "gen_ai.usage.input_tokens": tokens.get("input"),
        "gen_ai.usage.output_tokens": tokens.get("output"),
        "http.request.method": record.method,
        "http.response.status_code": record.status,
        "error.type": record.error,
        "gen_ai.conversation.id": record.conversation,
        "torana.request_id": record.request_id,
    }
    return {name: value for name, value in found.items() if value is not None}
