"""What is learnt about one request on its way: the stuff of its log line, its metrics and its ``server-timing``."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from types import TracebackType
from typing import Protocol

from msgspec import Struct

from torana.core.clock import Clock
from torana.core.exchange import Target, Usage
from torana.telemetry.tracing import CARRIED, Carrying, Headers, passed_on

_MINUTE = 60
_NOTHING = nullcontext()
_NOTHING_USED = Usage()
_AT_WORK = "gen_ai.response.model"
_IN_MILLISECONDS = (1000.0).__mul__
_SHORTLY = "{:.3g}s".format


class Spans(Protocol):
    """Whoever records spans; most gateways have nobody who does."""

    def request(
        self, record: "Record", traceparent: str | None, tracestate: str | None
    ) -> AbstractContextManager[None]:
        """A request's own span, a child of the caller's when he sent his trace context (W3C)."""
        ...

    def stage(self, name: str, attributes: dict[str, str]) -> AbstractContextManager[None]:
        """The span of one of its stages."""
        ...


class Stage(Struct, gc=False):
    """Times a stage, which begins when this is made."""

    stages: list[tuple[str, float]]
    """Where it is told when it is over."""
    name: str
    ticks: Callable[[], float]
    begun: float

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stages.append((self.name, self.ticks() - self.begun))


class _Spanned(Stage):
    """Times a stage, and spans it."""

    span: AbstractContextManager[None]

    def __enter__(self) -> None:
        self.span.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.span.__exit__(kind, error, trace)
        finally:
            super().__exit__(kind, error, trace)


class Record(Struct):
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
    usage: Usage = _NOTHING_USED
    """What the call used, as far as it is known; see ``use``."""
    tokens: dict[str, int] = {}
    """How many of them went in and came out, where they are counted: ``input`` and ``output``."""
    first_piece: float | None = None
    """Seconds until the first piece left of an answer that was told as it came."""
    bytes_in: int = 0
    bytes_out: int = 0
    stages: list[tuple[str, float]] = []
    attempts: list[tuple[str, str]] = []
    """Targets that failed, and the code of the failure."""
    spans: Spans | None = None
    """Who records them; None where nobody does."""
    lasted: float = 0.0
    """Seconds that it took; nothing as long as it is not over."""

    def __post_init__(self) -> None:
        self.started = self.clock.ticks()

    @property
    def seconds(self) -> float:
        """Time since the request's head came in."""
        return self.clock.ticks() - self.started

    def end(self) -> None:
        """The request is over."""
        self.lasted = self.clock.ticks() - self.started

    def stage(self, name: str, target: Target | None = None) -> Stage:
        """Times a stage, in which a target is at work or none, and spans it where spans are recorded."""
        ticks = self.clock.ticks
        if self.spans is None:
            return Stage(self.stages, name, ticks, ticks())
        span = self.spans.stage(name, {} if target is None else {_AT_WORK: str(target)})
        return _Spanned(self.stages, name, ticks, ticks(), span)

    def span(
        self, traceparent: str | None, tracestate: str | None, spans: Spans | None = None
    ) -> AbstractContextManager[None]:
        """The request's own span where somebody records it; else the caller's trace is passed on as it is."""
        if spans is not None:
            self.spans = spans
            return spans.request(self, traceparent, tracestate)
        headers = passed_on(traceparent, tracestate) if traceparent else ()
        return Carrying(headers) if headers else _NOTHING

    def use(self, usage: Usage) -> None:
        """Note what the call used."""
        self.usage = usage
        if usage.tokens:
            self.tokens = _by_side(usage.tokens)

    def stand(self, standings: Iterable[tuple[str, int, int, float]]) -> None:
        """Note where the caller stands with the operator's limits: of what, how much, how much is left, whole when."""
        self.standings = tuple(standings)

    def rate_limits(self) -> list[tuple[str, str]]:
        """Where the caller stands, as the headers have it that OpenAI's clients look for."""
        if not self.standings:
            return []
        of, limits, remaining, resets = zip(*self.standings, strict=True)
        whole, left, until = _rate_limits(of, limits)
        waits = map(_SHORTLY if max(resets) < _MINUTE else _wait, resets)
        return [*whole, *zip(left, map(str, remaining), strict=True), *zip(until, waits, strict=True)]

    def server_timing(self) -> str:
        """The stages so far, in milliseconds, as the ``server-timing`` header has them."""
        if not self.stages:
            return ""
        names, times = zip(*self.stages, strict=True)
        return _timing(names) % tuple(map(_IN_MILLISECONDS, times))


@lru_cache(64)
def _timing(names: tuple[str, ...]) -> str:
    """The ``server-timing`` of these stages, into which their times are still to be put."""
    return ", ".join([f"{name};dur=%.1f" for name in names])


@lru_cache(256)
def _rate_limits(of: tuple[str, ...], limits: tuple[int, ...]) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """The headers that say how much there is of each thing, and the names of those for what is left, and until when."""
    whole = [(f"x-ratelimit-limit-{each}", str(limit)) for each, limit in zip(of, limits, strict=True)]
    left = [f"x-ratelimit-remaining-{each}" for each in of]
    return whole, left, [f"x-ratelimit-reset-{each}" for each in of]


def _wait(seconds: float) -> str:
    return _SHORTLY(seconds) if seconds < _MINUTE else f"{seconds:.0f}s"


@lru_cache(64)
def _sides(kinds: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Which of these kinds of tokens go in, and which come out."""
    return [kind for kind in kinds if kind.endswith("_in")], [kind for kind in kinds if kind.endswith("_out")]


def _by_side(tokens: Mapping[str, int]) -> dict[str, int]:
    coming, going = _sides(tuple(tokens))
    into, out = sum(map(tokens.__getitem__, coming)), sum(map(tokens.__getitem__, going))
    if into and out:
        return {"input": into, "output": out}
    return {"input": into} if into else {"output": out} if out else {}


def trace_headers() -> Headers:
    """The current span's context, for the upstream."""
    return CARRIED.get()
