"""What goes wrong at a vendor, by chance or as told, and the ledger of all that was submitted meanwhile."""

import asyncio
import random
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count

from aiohttp import web

WAIT = 1
"""What a vendor that is asked too often asks for, in seconds."""
REFUSALS = ("rate_limited", "rate_limited_until", "broken", "unavailable", "unauthorized")
"""The request is not taken on."""
HITCHES = ("reset", "cut", "nonsense", "mislabelled", "slow")
"""The request is taken on, and its reply spoilt or late."""
FATES = ("moderated", "job_failed", "never_ends", "short")
"""The request is taken on, and comes to nothing, or to less."""
STAGES: Mapping[str, tuple[str, ...]] = {
    "call": (*REFUSALS, *HITCHES, "moderated", "short"),
    "job": (*REFUSALS, *HITCHES, *FATES),
    "poll": (*REFUSALS[:-1], *HITCHES),
    "link": ("expired", "broken", *HITCHES),
}
"""What can go wrong when a vendor is called for pictures, given a job, asked after it, asked for a file."""
STATUSES = {
    "rate_limited": 429, "rate_limited_until": 429, "broken": 500, "unavailable": 503, "unauthorized": 401,
    "expired": 403,
}  # fmt: skip


@dataclass
class Entry:
    """One submission, as the vendor remembers it."""

    vendor: str
    asked: int
    """Pictures."""
    fault: str | None
    accepted: bool
    """Whether the vendor charges for it."""
    made: list[int] = field(default_factory=list)
    """Its pictures' own numbers."""
    cancelled: bool = False


@dataclass
class World:
    """What all vendors share: chance, the ledger, what they were told."""

    chance: random.Random = field(default_factory=random.Random)
    rate: float = 0.0
    """Share of requests that meet a fault of their stage."""
    always: dict[str, dict[str, str]] = field(default_factory=dict)
    """By vendor and stage, the fault that every request meets."""
    slow: float = 5.0
    """Seconds that a slow reply takes."""
    ledger: defaultdict[int, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)
    """What a vendor was sent that it never should be."""
    serials: Iterator[int] = field(default_factory=count)
    requests: int = 0
    faults: int = 0

    def fault(self, vendor: str, stage: str) -> str | None:
        """What the next request meets."""
        self.requests += 1
        by_chance = self.chance.choice(STAGES[stage]) if self.chance.random() < self.rate else None
        fault = self.always.get(vendor, {}).get(stage, by_chance)
        self.faults += fault is not None
        return fault


@dataclass(frozen=True)
class Said:
    """A reply as it would be without a fault."""

    body: bytes
    kind: str = "application/json"
    status: int = 200


async def say(request: web.Request, said: Said, fault: str | None, slow: float) -> web.StreamResponse:
    """A reply that was taken on, as far as its fault lets it through."""
    match fault:
        case "nonsense":
            return web.Response(body=b"<html><body>It works!</body></html>", content_type="text/html")
        case "mislabelled":
            return web.Response(body=said.body, status=said.status, content_type="text/html")
        case "reset":
            return _reset(request)
        case "cut":
            return await _cut(request, said)
        case "slow":
            await asyncio.sleep(slow)
    return web.Response(body=said.body, status=said.status, content_type=said.kind)


def refuse(body: bytes, fault: str) -> web.Response:
    """The reply to what is not taken on."""
    waits = {"rate_limited": str(WAIT), "rate_limited_until": formatdate(time.time() + WAIT, usegmt=True)}
    headers = {"Retry-After": waits[fault]} if fault in waits else {}
    return web.Response(body=body, status=STATUSES[fault], headers=headers, content_type="application/json")


def _reset(request: web.Request) -> web.StreamResponse:
    """The connection is gone, without a goodbye."""
    if request.transport is None:
        return web.Response()
    raw: socket.socket = request.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
    return web.Response()


async def _cut(request: web.Request, said: Said) -> web.StreamResponse:
    """Half of the body, and then the connection closes."""
    response = web.StreamResponse(headers={"Content-Type": said.kind, "Content-Length": str(len(said.body))})
    # Who asked may have gone before.
    with suppress(ConnectionResetError):
        await response.prepare(request)
        await response.write(said.body[: len(said.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
