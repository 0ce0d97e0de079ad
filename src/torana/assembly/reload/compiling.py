"""Compiles settings into what calls are served from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torana.assembly.counting import Counting
from torana.assembly.lending import Connections, lent_by
from torana.assembly.providers import make_catalog, make_providers
from torana.assembly.reload.documents import Documents
from torana.assembly.reload.editions import Edition
from torana.auth.build import build_authenticator
from torana.config.model import Settings
from torana.config.secrets import read_secret
from torana.core.clock import Clock
from torana.core.exchange import Reply, Target
from torana.media.jobs.signing import Credentials
from torana.media.workers import Workers
from torana.pipeline.flow import Snapshot
from torana.policy.idempotency import Replays
from torana.policy.limits import Limits, Rule
from torana.providers.base import declarations
from torana.routing.health import Health
from torana.telemetry.logs import Logger
from torana.telemetry.signals import Signals

_LEASE = 30.0


@dataclass(frozen=True, slots=True)
class Compiler:
    """Makes editions of the configuration, from settings and from what outlives them."""

    environ: Mapping[str, str]
    workers: Workers
    health: Health
    replays: Replays[tuple[Target, Reply[Any]]]
    counting: Counting
    documents: Documents
    clock: Clock
    logger: Logger
    signals: Signals

    def edition(self, settings: Settings, connections: Connections) -> Edition:
        """An edition that is not started yet; ``connections`` are its own from then on.

        KeyProblem and SecretMissing say what keys are amiss.
        """
        declared = declarations()
        lent = lent_by(
            settings,
            connections,
            self.workers,
            clock=self.clock,
            signals=self.signals,
            credentials=certificate(settings, self.environ),
        )
        fetch = self.documents.fetch_by(connections.downloader.fetch_document)
        snapshot = Snapshot(
            authenticator=build_authenticator(settings.auth, self.environ, clock=self.clock, fetch=fetch),
            catalog=make_catalog(settings, declared),
            providers=make_providers(settings, declared, lent, environ=self.environ, logger=self.logger),
            deadline=settings.server.deadline,
            clock=self.clock,
            health=self.health,
            limits=self._limits(settings),
            replays=self.replays,
        )
        return Edition(settings, snapshot, connections)

    def _limits(self, settings: Settings) -> Limits:
        return Limits(
            tuple(Rule.of(limit, replicas=settings.counters.replicas) for limit in settings.limits),
            counters=self.counting.counters,
            own=self.counting.own,
            lease=_LEASE,
            refused=lambda name: self.signals.limit_refusals.labels(name).inc(),
        )


def certificate(settings: Settings, environ: Mapping[str, str]) -> Credentials | None:
    """What made pictures are signed with, where they are; SecretMissing says what is not there."""
    signing = settings.images.c2pa
    if signing is None:
        return None
    return Credentials(read_secret(signing.certificates, environ), read_secret(signing.key, environ))
