"""What is learnt about one request on its way: the stuff of its log line, its metrics and its ``server-timing``."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from torana.core.clock import Clock
from torana.core.errors import ToranaError
from torana.core.exchange import Usage

_TRACER = trace.get_tracer("torana")
_PROPAGATOR = TraceContextTextMapPropagator()
_MINUTE = 60


@dataclass(slots=True)
class Record:
    """Filled in stage by stage; never holds a token, a picture or a prompt."""

    clock: Clock
    request_id: str
    method: str
    path: str
    started: float = 0.0
    operation: str | None = None
    principal: str | None = None
    model: str | None = None
    target: str | None = None
    status: int = 0
    error: str | None = None
    """The error's code on the wire."""
    reason: str | None = None
    """Why, in one word that only operators see."""
    rule: str | None = None
    """The limit, budget or grant that refused it."""
    client_retry: int = 0
    replayed: bool = False
    """Whether an earlier call's reply was the answer."""
    standings: tuple[tuple[str, int, int, float], ...] = ()
    """Where the caller stands with limits; see ``stand``."""
    cut_short: bool = False
    """Whether a target was told to stop while it was at work."""
    cache: str | None = None
    """What the cache had for it: ``hit``, ``miss`` or ``error``; None where it was not asked."""
    conversation: str | None = None
    """Id of the conversation that the caller says it belongs to."""
    usage: Usage = field(default_factory=Usage)
    """What the call used, as far as it is known."""
    first_piece: float | None = None
    """Seconds until the first piece left of an answer that was told as it came."""
    bytes_in: int = 0
    bytes_out: int = 0
    stages: list[tuple[str, float]] = field(default_factory=list)
    attempts: list[tuple[str, str]] = field(default_factory=list)
    """Targets that failed, and the code of the failure."""

    def __post_init__(self) -> None:
        self.started = self.clock.ticks()

    @property
    def seconds(self) -> float:
        """Time since the request's head came in."""
        return self.clock.ticks() - self.started

    @contextmanager
    def stage(self, name: str, **attributes: str) -> Iterator[None]:
        """Times a stage, and spans it."""
        start = self.clock.ticks()
        # The SDK would note an exception with its message, and one that nobody foresaw may quote anything.
        with _TRACER.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except ToranaError as error:
                span.set_status(Status(StatusCode.ERROR, error.code))
                raise
            finally:
                self.stages.append((name, self.clock.ticks() - start))

    @contextmanager
    def span(self, traceparent: str | None, tracestate: str | None) -> Iterator[None]:
        """The request's own span, a child of the caller's when he sent his trace context (W3C)."""
        carrier = {"traceparent": traceparent or "", "tracestate": tracestate or ""}
        token = otel_context.attach(_PROPAGATOR.extract(carrier))
        try:
            with _TRACER.start_as_current_span(self.method, kind=SpanKind.SERVER) as span:
                yield
                span.update_name(f"{self.operation or self.method} {self.model or ''}".strip())
                span.set_attributes(self._attributes())
                if self.status >= 500:  # noqa: PLR2004 - HTTP's border between their fault and ours
                    span.set_status(Status(StatusCode.ERROR, self.error))
        finally:
            otel_context.detach(token)

    @property
    def tokens(self) -> dict[str, int]:
        """How many went in and came out, where they are counted: ``input`` and ``output``."""
        counted = self.usage.tokens
        sides = {
            "input": sum(count for kind, count in counted.items() if kind.endswith("_in")),
            "output": sum(count for kind, count in counted.items() if kind.endswith("_out")),
        }
        return {side: count for side, count in sides.items() if count}

    def stand(self, standings: Iterable[tuple[str, int, int, float]]) -> None:
        """Note where the caller stands with the operator's limits: of what, how much, how much is left, whole when."""
        self.standings = tuple(standings)

    def rate_limits(self) -> list[tuple[str, str]]:
        """Where the caller stands, as the headers have it that OpenAI's clients look for."""
        told: list[tuple[str, str]] = []
        for of, limit, remaining, reset in self.standings:
            told += [
                (f"x-ratelimit-limit-{of}", str(limit)),
                (f"x-ratelimit-remaining-{of}", str(remaining)),
                (f"x-ratelimit-reset-{of}", f"{reset:.3g}s" if reset < _MINUTE else f"{reset:.0f}s"),
            ]
        return told

    def server_timing(self) -> str:
        """The stages so far, in milliseconds, as the ``server-timing`` header has them."""
        return ", ".join(f"{name};dur={seconds * 1000:.1f}" for name, seconds in self.stages)

    def _attributes(self) -> dict[str, str | int]:
        found = {
            "gen_ai.operation.name": self.operation,
            "gen_ai.request.model": self.model,
            "gen_ai.response.model": self.target,
            "gen_ai.usage.input_tokens": self.tokens.get("input"),
            "gen_ai.usage.output_tokens": self.tokens.get("output"),
            "http.request.method": self.method,
            "http.response.status_code": self.status,
            "error.type": self.error,
            "gen_ai.conversation.id": self.conversation,
            "torana.request_id": self.request_id,
        }
        return {name: value for name, value in found.items() if value is not None}


def trace_headers() -> tuple[tuple[str, str], ...]:
    """The current span's context, for the upstream."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return tuple(carrier.items())
