"""What the house lends to its providers: connections, downloads, workers."""

import asyncio
import importlib
import os
from collections.abc import Iterable
from random import SystemRandom
from typing import Protocol

from torana.config.model import Settings
from torana.core.clock import Clock
from torana.media.jobs.signing import Credentials
from torana.media.workers import Incident, Workers
from torana.providers.base import Declaration, Lent
from torana.telemetry.logs import Logger
from torana.telemetry.signals import Signals
from torana.upstream.client import Client
from torana.upstream.download import Downloader
from torana.upstream.http1.client import HttpClient
from torana.upstream.http1.pool import Limits
from torana.upstream.proxy import Proxy
from torana.upstream.retrying import Patience, Retrying

PROXIED = "torana.upstream.transport"
HTTP2 = "torana.upstream.http2.client"


class _Closing(Client, Protocol):
    async def close(self) -> None: ...


class Connections:
    """Every outward client that was opened, so that all of them can be closed."""

    def __init__(self) -> None:
        self.downloader = Downloader()
        self.closed = False
        self._clients: list[_Closing] = []

    def connect(self, per_host: int, waiting: int = 1000, *, proxy: Proxy | None = None, http2: bool = False) -> Client:
        """Another client, with its own bounds on connections and on calls that wait for one."""
        client: _Closing
        if proxy is None:
            client = HttpClient(per_host=per_host, limits=Limits(waiting=waiting))
        else:
            # By name, because what it is built on is as large as the rest of us, and few have a proxy.
            module = importlib.import_module(PROXIED)
            client = module.AiohttpClient(per_host=per_host, waiting=waiting, proxy=proxy)
        if http2:
            module = importlib.import_module(HTTP2)
            client = module.Http2Client(client, per_host=per_host, waiting=waiting, proxy=proxy)
        self._clients.append(client)
        return client

    async def close(self) -> None:
        """Drop all connections."""
        self.closed = True
        await asyncio.gather(self.downloader.close(), *(client.close() for client in self._clients))


def make_workers(settings: Settings, used: Iterable[Declaration], logger: Logger, signals: Signals) -> Workers:
    """The workers for this process, its share of those that the settings give to all processes."""
    total = settings.workers.count or os.cpu_count() or 1

    def report(incident: Incident) -> None:
        signals.worker_deaths.inc()
        logger.warning("worker_replaced", kind=incident.kind, why=incident.reason)

    count = max(1, round(total / settings.server.processes))
    return Workers(
        count=count,
        # The setting counts the pictures that are being made too.
        queue=max(0, settings.workers.queue - count),
        memory=settings.workers.memory,
        warm=next((declaration.warm for declaration in used if declaration.warm), None),
        on_incident=report,
    )


def lent_by(
    settings: Settings,
    connections: Connections,
    workers: Workers,
    *,
    clock: Clock,
    signals: Signals,
    credentials: Credentials | None = None,
) -> Lent:
    """What a provider may use."""
    retries = settings.retries
    patience = Patience(retries.attempts, retries.budget, retries.burst, retries.wait, retries.max_wait)

    def patient(client: Client) -> Client:
        return Retrying(
            client,
            patience,
            clock=clock,
            random=SystemRandom().random,
            on_retry=lambda reason: signals.retries.labels(reason).inc(),
        )

    return Lent(
        connect=connections.connect,
        patient=patient,
        downloads=connections.downloader,
        workers=workers,
        work_deadline=settings.workers.deadline,
        max_pixels=settings.uploads.max_pixels,
        prompts=settings.images.prompts,
        mark=settings.images.mark,
        credentials=credentials,
        clock=clock,
    )
