"""Sends the spans away, by OTLP over HTTP. The one module that needs the extra ``torana[otlp]``."""

from collections.abc import Callable
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

_TRACES = "/v1/traces"


def export_spans(endpoint: str, version: str) -> Callable[[], None]:
    """Starts sending this process's spans to a collector, in batches, behind the requests.

    ``endpoint`` is the collector's address, or the whole URL where it takes traces. What is returned sends what is
    left and stops; it blocks for a while.
    """
    url = endpoint if urlsplit(endpoint).path.strip("/") else endpoint.rstrip("/") + _TRACES
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "torana", SERVICE_VERSION: version}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
    trace.set_tracer_provider(provider)
    return provider.shutdown
