"""Metrics for Prometheus. Names follow OpenTelemetry's conventions, as Prometheus writes them; labels are bounded.

Every label value comes from the configuration or from our own code, never from a caller.
"""

import asyncio
import os
import struct
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from itertools import chain
from operator import attrgetter, methodcaller
from pathlib import Path
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.process_collector import ProcessCollector

from torana.telemetry.record import Record, Spans
from torana.telemetry.tallies import Tallied

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.02, 0.08, 0.32, 1.28, 5.12, 20.48, 81.92, 327.68)
_TOKENS = (1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576)
_BYTES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "_OTHER"
_MOST_CODES = 200
"""Of errors: some are their upstreams' own words, and nobody bounds how many of those there are."""
_UNAUTHENTICATED = 401
_TRIES = 20
_MOST_TALLIED = 512
"""Requests that are given to the metrics at once: so many take about half a millisecond."""
_EVERY = 1.0
"""Seconds after which other processes see what this one has counted."""
_LASTED, _TOKENS_OF, _FIRST_PIECE = attrgetter("lasted"), attrgetter("tokens"), attrgetter("first_piece")
_SIDES = {side: methodcaller("get", side) for side in ("input", "output")}
_BYTES_IN, _STAGES, _ATTEMPTS = attrgetter("bytes_in"), attrgetter("stages"), attrgetter("attempts")
_RETRIED, _COST = attrgetter("client_retry"), attrgetter("usage.cost")
_LABELS = attrgetter("method", "status", "operation", "model", "target", "error")
_Labels = tuple[str, bool, str, int, str | None, str | None, str | None, str | None]
"""Route; whether it is nobody's; method and status; operation, model, target and error of a call."""
_CIRCUIT = {"closed": 0, "half-open": 1, "open": 2}


class BookSignals:
    """How it goes with what is written down of calls."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lost = Counter(
            "torana_ledger_entries_lost", "Entries of the ledger that could not be written to the journal.",
            registry=registry,
        )  # fmt: skip
        self.journal_bytes = Gauge(
            "torana_journal_size_bytes",
            "The journal's size: what the database has not taken yet, and up to 4 MiB for each process that it has.",
            multiprocess_mode="livemax", registry=registry,
        )  # fmt: skip
        self.office_up = Gauge(
            "torana_office_up", "Whether the process that has the database works.", multiprocess_mode="livemin",
            registry=registry,
        )  # fmt: skip
        self.database_available = Gauge(
            "torana_database_available", "Whether the database answers it.", multiprocess_mode="livemin",
            registry=registry,
        )  # fmt: skip


class UsageSignals:
    """What calls use and cost, and how soon they are answered."""

    def __init__(self, registry: CollectorRegistry) -> None:
        call = ["gen_ai_operation_name", "gen_ai_request_model", "gen_ai_response_model"]
        self.operations = Tallied(
            "gen_ai_server_request_duration_seconds", "Calls by operation, model and target.", [*call, "error_type"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.tokens = Tallied(
            "gen_ai_client_token_usage", "Tokens of a call, those that went in and those that came out.",
            [*call, "gen_ai_token_type"], buckets=_TOKENS, registry=registry,
        )  # fmt: skip
        self.first_token = Tallied(
            "gen_ai_server_time_to_first_token_seconds", "Time until an answer began that was told as it came.",
            call, buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.cost = Counter(
            "torana_cost_dollars", "US dollars that calls cost upstream, as far as that is known.", call,
            registry=registry,
        )  # fmt: skip
        self.unknown = Counter(
            "torana_cost_unknown", "Calls that were answered and whose cost nobody knows.", call, registry=registry
        )

    def take(self, call: tuple[str, str, str], records: list[Record]) -> None:
        """Counts calls with these labels."""
        told = list(map(_TOKENS_OF, records))
        for side, of_it in _SIDES.items():
            counted = list(filter(None, map(of_it, told)))
            if counted:
                self.tokens.labels(*call, side).take(counted)
        first_pieces = [seconds for seconds in map(_FIRST_PIECE, records) if seconds is not None]
        if first_pieces:
            self.first_token.labels(*call).take(first_pieces)
        costs = list(map(_COST, records))
        cost = sum(filter(None, costs), Decimal(0))
        if cost:
            self.cost.labels(*call).inc(float(cost))
        if None in costs and call[-1]:
            unknown = [record for record in records if record.usage.cost is None and not record.replayed]
            if unknown:
                self.unknown.labels(*call).inc(len(unknown))


class Signals:
    """The gateway's metrics, over all its processes when it has several.

    What is counted of requests is gathered first, and counted at the latest when somebody looks.
    """

    def __init__(self, spans: Spans | None = None) -> None:
        self.spans = spans
        """Who records spans; None where nobody does."""
        self.registry = r = CollectorRegistry()
        self._finished: defaultdict[_Labels, list[Record]] = defaultdict(list)
        self._waiting = self.in_flight = 0
        """Requests that are over and not counted yet, and those that have begun and are not over."""
        # Where there is no other process, nobody sees it before he looks here.
        self._awake = "PROMETHEUS_MULTIPROC_DIR" not in os.environ
        self._circuits_shown: set[str] = set()
        self._codes: set[str] = {""}
        ProcessCollector(registry=r)
        self.http = Tallied(
            "http_server_request_duration_seconds", "Requests by route and status.",
            ["http_route", "http_request_method", "http_response_status_code"], buckets=_SECONDS, registry=r,
        )  # fmt: skip
        self.active = Gauge(
            "http_server_active_requests", "Requests in flight.", multiprocess_mode="livesum", registry=r
        )
        self.bytes_in = Tallied("http_server_request_body_size_bytes", "Bytes taken in.", buckets=_BYTES, registry=r)
        self.stages = Tallied(
            "torana_stage_duration_seconds", "Time by stage of the journey.", ["stage"], buckets=_SECONDS, registry=r
        )
        self.refusals = Counter("torana_auth_refusals", "Tokens and keys refused, by reason.", ["reason"], registry=r)
        self.failures = Counter(
            "torana_attempt_failures", "Attempts that failed.", ["target", "error_type"], registry=r
        )
        self.retries = Counter("torana_upstream_retries", "Messages sent to an upstream again.", ["reason"], registry=r)
        self.limit_refusals = Counter(
            "torana_limit_refusals", "Calls refused by a limit or a budget.", ["limit"], registry=r
        )
        self.cache = Counter(
            "torana_cache", "Answers looked for and kept: hit, miss, stored, or error.", ["result"], registry=r
        )
        self.guardrails = Counter(
            "torana_guardrail", "Checks: passed, blocked, changed, audited, or failed.", ["guardrail", "result"],
            registry=r,
        )  # fmt: skip
        self.counters_available = Gauge(
            "torana_counters_available", "Whether the counters answer.", multiprocess_mode="livemin", registry=r
        )
        self.books, self.usage = BookSignals(r), UsageSignals(r)
        self.client_retries = Counter("torana_client_retries", "Requests that a client sent again.", registry=r)
        self.evictions = Counter("torana_pictures_evicted", "Made pictures dropped before their time.", registry=r)
        self.circuits = Gauge(
            "torana_circuit_state", "Each target's circuit: 0 closed, 1 half-open, 2 open.", ["target"],
            multiprocess_mode="livemax", registry=r,
        )  # fmt: skip
        self.reloads = Counter("torana_reloads", "Reloads of the configuration, by result.", ["result"], registry=r)
        self.worker_deaths = Counter("torana_worker_deaths", "Picture workers that died and were replaced.", registry=r)

    def begin(self) -> None:
        """Counts a request in; ``observe`` counts it out."""
        self.in_flight += 1
        if not self._awake:
            self._wake()

    def observe(self, record: Record, route: str) -> None:
        """Counts a finished request, which ends with this."""
        record.end()
        self.in_flight -= 1
        self._finished[route, record.principal is None, *_LABELS(record)].append(record)
        self._waiting += 1
        if self._waiting >= _MOST_TALLIED:
            self.settle()
        elif not self._awake:
            self._wake()

    def settle(self) -> None:
        """Counts what was gathered; to be called before the process ends."""
        finished, self._finished = self._finished, defaultdict(list)
        self._waiting = 0
        self.active.set(self.in_flight)
        everyone = list(chain.from_iterable(finished.values()))
        for labels, records in finished.items():
            self._count(labels, records)
        bodies = list(filter(None, map(_BYTES_IN, everyone)))
        if bodies:
            self.bytes_in.take(bodies)
        self._count_stages(everyone)
        for target, code in chain.from_iterable(map(_ATTEMPTS, everyone)):
            self.failures.labels(target, self._code(code)).inc()
        retried = list(filter(None, map(_RETRIED, everyone)))
        if retried:
            self.client_retries.inc(len(retried))

    def _count(self, by: _Labels, records: list[Record]) -> None:
        route, is_nobodys, method, status, operation, model, target, error = by
        times = list(map(_LASTED, records))
        self.http.labels(route, method if method in _METHODS else _OTHER, str(status)).take(times)
        if operation is not None and not is_nobodys:
            call = (operation, model or "", target or "")
            self.usage.operations.labels(*call, self._code(error or "")).take(times)
            self.usage.take(call, records)
        if status == _UNAUTHENTICATED:
            for record in records:
                self.refusals.labels(record.reason or "").inc()

    def _count_stages(self, records: list[Record]) -> None:
        # Most went through the same ones: their times are put together line by line, not one by one.
        ways: defaultdict[tuple[str, ...], list[tuple[float, ...]]] = defaultdict(list)
        for stages in filter(None, map(_STAGES, records)):
            names, times = zip(*stages, strict=True)
            ways[names].append(times)
        by_name: defaultdict[str, list[float]] = defaultdict(list)
        for names, lines in ways.items():
            for name, each in zip(names, zip(*lines, strict=True), strict=True):
                by_name[name] += each
        for name, seconds in by_name.items():
            self.stages.labels(name).take(seconds)

    def _wake(self) -> None:
        """Settles a moment later, where a loop runs that can."""
        with suppress(RuntimeError):
            asyncio.get_running_loop().call_later(_EVERY, self._settle_for_others)
            self._awake = True

    def _settle_for_others(self) -> None:
        self._awake = False
        self.settle()

    def _code(self, code: str) -> str:
        if len(self._codes) < _MOST_CODES:
            self._codes.add(code)
        return code if code in self._codes else _OTHER

    def show_circuits(self, states: Mapping[str, Literal["closed", "half-open", "open"]]) -> None:
        """How the circuits stand. A target that is not named any more goes back to closed: it cannot be taken away."""
        for target in self._circuits_shown - states.keys():
            self.circuits.labels(target).set(_CIRCUIT["closed"])
        for target, state in states.items():
            self.circuits.labels(target).set(_CIRCUIT[state])
        self._circuits_shown |= states.keys()

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        self.settle()
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self.registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]  # the library leaves it untyped
        for _ in range(_TRIES):
            # A process that begins makes its file first and fills it then.
            with suppress(struct.error):
                return generate_latest(everyone)
        return generate_latest(everyone)


def share_metrics(directory: Path) -> None:
    """Makes processes started from here count together; to be called before any of them imports this module."""
    directory.mkdir(parents=True, exist_ok=True)
    for left in directory.glob("*.db"):
        left.unlink()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)


def forget_process(pid: int) -> None:
    """Takes back what a process that is no more said of the present; what it counted stays."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]  # the library leaves it untyped
