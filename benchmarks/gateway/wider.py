"""What a call of chat costs in this gateway where much is configured, and where many streams stand idle."""

import http.client
import resource
import select
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from benchmarks.gateway.driving import Round, Upstream, check, load, median
from benchmarks.gateway.machine import cost, memory
from benchmarks.gateway.targets import Torana, body_of, headers, run
from benchmarks.gateway.works import WORKS, Work

CHAT = WORKS[0]
DRIP = Work("drip", "a stream whose events come 20 s apart", "chat-stream", 1, way="drip")
MODELS = (10, 100, 1_000, 10_000)
RULES = (10, 100, 1_000)
ISSUERS = (10, 100)
_STARTED_SECONDS = 60.0
_WATCHED_SECONDS = 5.0
_SPARE_FILES = 200
_ENOUGH = 100
"""Fewer streams than these do not show in memory."""


def _models(count: int) -> dict[str, str]:
    return {"models": "".join(f"  more-{i}: {{targets: [{{target: plain/upstream-model}}]}}\n" for i in range(count))}


def _rules(count: int) -> dict[str, str]:
    """Half of them limits, half grants, all for others than the caller."""
    half = count // 2
    limits = (
        f"  - {{name: more-{i}, of: requests, limit: 9, every: 1m, per: [user], when: {{models: [more-{i}]}}}}\n"
        for i in range(half)
    )
    grants = (f'    - {{name: more-{i}, to: ["team:more-{i}"], models: [more-{i}]}}\n' for i in range(half))
    everyone = "    - {name: everyone, to: [everyone], models: [chat]}\n"
    return {"limits": "".join(limits), "grants": f"access:\n  default: granted\n  grants:\n{everyone}{''.join(grants)}"}


def _issuers(count: int) -> dict[str, str]:
    line = "    - {{issuer: more-{}, audience: torana, algorithms: [HS256], secret: {{env: TORANA_JWT_SECRET}}}}\n"
    return {"issuers": "".join(map(line.format, range(count)))}


def growth(upstream: Upstream, rounds: int, seconds: int) -> str:
    """A table: chat's CPU time with more and more models, rules and issuers beside those of ``torana.yaml``."""
    rows = ["| beside the plain configuration | CPU us/request | to the plain one | start s |", "|---|---:|---:|---:|"]
    cases: list[tuple[str, Mapping[str, str]]] = [("nothing", {})]
    cases += [(f"{count:,} models", _models(count)) for count in MODELS]
    cases += [(f"{count:,} rules: limits and grants", _rules(count)) for count in RULES]
    cases += [(f"{count:,} issuers", _issuers(count)) for count in ISSUERS]
    plain = 0.0
    for told, added in cases:
        running = run(Torana(upstream.port, name="growth", added=added), CHAT)
        try:
            check(running.target, CHAT, upstream)
            load(running, CHAT, upstream, 1)
            cpu = median([load(running, CHAT, upstream, seconds) for _ in range(rounds)]).cpu
        finally:
            running.stop()
        plain = plain or cpu
        rows.append(f"| {told} | {cpu:,.1f} | {cpu / plain:.2f} | {running.seconds:.2f} |")
    return "\n".join(rows) + "\n"


@contextmanager
def _streams(target: Torana, count: int) -> Iterator[list[socket.socket]]:
    """So many streams, each of which has had its first event."""
    address = target.address(DRIP)
    body = body_of(target, DRIP)
    lines = {"Host": "gateway", "Content-Length": str(len(body)), **headers(DRIP, address)}
    head = f"POST {address.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    whole = f"{head}\r\n".encode() + body
    clients: list[socket.socket] = []
    try:
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", address.port), timeout=_STARTED_SECONDS)
            clients.append(client)
            client.sendall(whole)
        for client in clients:
            _hear_first(client)
        yield clients
    finally:
        for client in clients:
            client.close()


def _hear_first(client: socket.socket) -> None:
    answer = http.client.HTTPResponse(client)
    answer.begin()
    said = answer.readline() if answer.status == http.HTTPStatus.OK else answer.read()
    if not said.startswith(b"data: "):
        raise SystemExit(f"A stream did not begin: {answer.status} {said[:300]!r}")


def idle_streams(upstream: Upstream, counts: Sequence[int], rounds: int, seconds: int) -> str:
    """A table: memory, CPU of standing idle, and chat's CPU time beside so many streams that wait for events.

    The gateway's bounds of connections and of calls in flight are raised for it.
    """
    most = max(counts)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # One file for each stream here; two in the gateway, which takes over this bound.
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * most + 10 * _SPARE_FILES), hard))
    bounds = f", max_connections: {most + _SPARE_FILES}, max_concurrent: {most + _SPARE_FILES}"
    target = Torana(upstream.port, name="idle-streams", added={"server": bounds})
    running = run(target, CHAT)
    rows = [
        "| idle streams | MiB of PSS | KiB a stream | CPU of idling, % of a core | chat us/request | RPS |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    try:
        load(running, CHAT, upstream, 1)
        bare = memory(running.pid)[0]
        for count in (0, *counts):
            with _streams(target, count) as clients:
                held, before = memory(running.pid)[0], cost(running.pid)
                time.sleep(_WATCHED_SECONDS)
                idle = (cost(running.pid) - before).whole / _WATCHED_SECONDS * 100
                found: Round = median([load(running, CHAT, upstream, seconds) for _ in range(rounds)])
                if _ended(clients):
                    raise SystemExit(f"{_ended(clients)} of {count} streams ended while others were served")
            each = f"{(held - bare) * 1024 / count:.1f}" if count >= _ENOUGH else "-"
            rows.append(f"| {count:,} | {held:.0f} | {each} | {idle:.1f} | {found.cpu:,.1f} | {found.rps:,.0f} |")
    finally:
        running.stop()
    return "\n".join(rows) + "\n"


def _ended(clients: Sequence[socket.socket]) -> int:
    """How many of them were closed by the gateway."""
    looking = select.poll()
    for client in clients:
        looking.register(client, select.POLLRDHUP)
    return len(looking.poll(0))
