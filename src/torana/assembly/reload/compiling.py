"""Compiles settings into what calls are served from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from torana.assembly.books.bookkeeping import Books
from torana.assembly.lending import Connections, lent_by
from torana.assembly.policies.caching import caching
from torana.assembly.policies.guarding import CONNECTIONS, Guarding
from torana.assembly.providers import make_catalog, make_providers
from torana.assembly.reload.documents import Documents
from torana.assembly.reload.editions import Edition
from torana.auth.build import build_authenticator
from torana.auth.identity import Identity
from torana.config.model import Settings
from torana.config.secrets import read_secret
from torana.core.clock import Clock
from torana.core.exchange import Reply, Target
from torana.media.jobs.signing import Credentials
from torana.media.workers import Workers
from torana.pipeline.flow import Snapshot
from torana.pipeline.judging import Judging
from torana.pipeline.remembering import FORGETFUL, Memory
from torana.policy.access import Access
from torana.policy.budgets import Budgets
from torana.policy.guardrails.rules import UNGUARDED, Guards
from torana.policy.idempotency import Replays
from torana.policy.limits import Limits, Rule
from torana.policy.permits import Permits
from torana.policy.rulebook import Added, Rulebook, Ruling
from torana.providers.base import Provider, declarations
from torana.routing.catalog import Catalog
from torana.routing.health import Health
from torana.telemetry.logs import Logger
from torana.telemetry.signals import Signals


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)

_LEASE = 30.0


@dataclass(frozen=True, slots=True)
class Compiler:
    """Makes editions of the configuration, from settings and from what outlives them."""

    environ: Mapping[str, str]
    workers: Workers
    health: Health
    replays: Replays[tuple[Target, Reply[Any]]]
    books: Books
    documents: Documents
    clock: Clock
    logger: Logger
    signals: Signals
    memory: Memory = FORGETFUL

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
        authenticator = build_authenticator(settings.auth, self.environ, clock=self.clock, fetch=fetch)
        catalog = make_catalog(settings, declared)
        providers = make_providers(settings, declared, lent, environ=self.environ, logger=self.logger)
        snapshot = Snapshot(
            identity=Identity(authenticator, self.books.directory, roles=settings.access.roles, clock=self.clock),
            catalog=catalog,
            providers=providers,
            deadline=settings.server.deadline,
            clock=self.clock,
            health=self.health,
            rulebook=Rulebook(partial(self._ruling, settings), self.books.additions),
            ledger=self.books.ledger,
            replays=self.replays,
            memory=self.memory,
            guards=self._guards(settings, catalog, providers, connections),
            caching=caching(settings, self.books.answers.answers, self.clock, self.signals),
        )
        return Edition(settings, snapshot, authenticator, connections)

    def _guards(
        self, settings: Settings, catalog: Catalog, providers: Mapping[str, Provider], connections: Connections
    ) -> Guards:
        if not settings.guardrails.checks:
            return UNGUARDED
        judge = Judging(catalog, providers, self.health).judge
        return Guarding(self.environ, judge, connections.connect(CONNECTIONS), self.logger, self.signals).guards(
            settings
        )

    def _ruling(self, settings: Settings, added: Added) -> Ruling:
        """The rules of the file, and those added to them; of two with one name the file's counts."""
        counting = self.books.counting
        return Ruling(
            Access(settings.access.default, _together(settings.access.grants, added.grants)),
            Permits(
                Limits(
                    tuple(
                        Rule.of(limit, replicas=settings.counters.replicas)
                        for limit in _together(settings.limits, added.limits)
                    ),
                    lease=_LEASE,
                ),
                Budgets(_together(settings.budgets, added.budgets), self.clock),
                counters=counting.counters,
                own=counting.own,
                refused=lambda name: self.signals.limit_refusals.labels(name).inc(),
            ),
        )


def _together(written: Sequence[N], added: Sequence[N]) -> tuple[N, ...]:
    names = {rule.name for rule in written}
    return (*written, *(rule for rule in added if rule.name not in names))


def certificate(settings: Settings, environ: Mapping[str, str]) -> Credentials | None:
    """What made pictures are signed with, where they are; SecretMissing says what is not there."""
    signing = settings.images.c2pa
    if signing is None:
        return None
    return Credentials(read_secret(signing.certificates, environ), read_secret(signing.key, environ))
