"""Builds a running gateway from settings: what stays for as long as it lives, and the first edition of the rest."""

import importlib
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from msgspec.structs import replace

from torana.assembly.books.bookkeeping import Books
from torana.assembly.circuits import Circuits
from torana.assembly.keeping.responses import Remembering, remembering
from torana.assembly.lending import Connections, make_workers
from torana.assembly.life import Life, Sweeper, Sweepers
from torana.assembly.pictures import Keeping, keeping
from torana.assembly.policies.guarding import check_tokens
from torana.assembly.reload.compiling import Compiler, certificate
from torana.assembly.reload.documents import Documents
from torana.assembly.reload.editions import Editions
from torana.assembly.reload.reloader import Reloader
from torana.auth.build import build_authenticator
from torana.config.model import Settings
from torana.config.secrets import read_secret
from torana.core.clock import Clock, SystemClock
from torana.edge.administration import Administration, absent
from torana.edge.app import App, Route
from torana.edge.bodies.reading import BodyReader
from torana.edge.bodies.uploads import FormReader
from torana.edge.health import Metrics, Readiness
from torana.edge.operations import Operations
from torana.edge.pictures import Origin, PictureLinks
from torana.edge.responses import KeptResponses
from torana.edge.routes import routes
from torana.families.listed import FAMILIES
from torana.media.probe import probe
from torana.media.workers import Workers
from torana.policy.idempotency import Replays
from torana.providers.base import Declaration, declarations
from torana.storage.keys import load_or_create_key
from torana.storage.objects.port import Objects
from torana.storage.spool import Spool
from torana.telemetry.logs import Logger
from torana.telemetry.record import Spans
from torana.telemetry.signals import Signals
from torana.upstream.passing import NotThere, Passer

PICTURE_KEY = "picture.key"
OTLP = "torana.telemetry.otlp"
_ELSEWHERE = "The admin API is not on this port: the setting `admin.port` gives it one of its own."
_WITHOUT = "There is no admin API here: it needs the database, and `database.enabled` is false."


def build_app(
    settings: Settings, environ: Mapping[str, str], *, listening: str, logger: Logger, config: Path | None = None
) -> App:
    """The application for settings that hold together; ``listening`` is its own address, for links.

    ``config`` is the file that the settings are from, where its changes are to be taken up. To be called in the event
    loop that will run it. KeyProblem, SecretMissing and UnsafeKey say what keys are amiss.
    """
    check_keys(settings, environ)  # before anything is opened that would have to be closed again
    clock, (spans, stop_spans) = SystemClock(), _span_export(settings.telemetry.otlp_endpoint)
    signals = Signals(spans)
    workers, circuits = make_workers(settings, _used(settings), logger, signals), Circuits(clock, logger, signals)
    books = Books(settings, environ, clock=clock, logger=logger, signals=signals)
    kept = keeping(settings, environ, clock=clock)
    remembered = remembering(settings, environ, clock=clock, logger=logger)
    compiler = Compiler(
        environ=environ,
        workers=workers,
        health=circuits.health,
        replays=Replays(clock, settings.idempotency),
        books=books,
        documents=Documents(),
        clock=clock,
        logger=logger,
        signals=signals,
        memory=remembered.memory,
    )
    editions = Editions(compiler.edition(settings, Connections()), circuits.keep)
    links = _links(settings, environ, kept.objects, listening=listening, clock=clock)
    return App(
        _routes(
            _operations(settings, editions, links, clock),
            links,
            _readiness(editions, circuits, books, workers=workers, objects=kept.objects),
            Metrics(signals, circuits.show, books.show) if settings.telemetry.metrics else None,
        )
        | _beside(settings, editions, books, remembered, clock),
        life=Life(
            editions=editions,
            reloader=Reloader(config, compiler, editions, every=settings.server.watch),
            workers=workers,
            sweeper=_sweepers(kept, remembered, logger, signals),
            books=books,
            last_words=(signals.settle, stop_spans, logger.close),
        ),
        settings=settings,
        clock=clock,
        logger=logger,
        signals=signals,
    )


def _routes(
    operations: Operations, links: PictureLinks, readiness: Readiness, metrics: Metrics | None
) -> dict[str, Route]:
    return routes(FAMILIES, operations, links, readiness=readiness, metrics=metrics, version=version("torana"))


def _beside(
    settings: Settings, editions: Editions, books: Books, remembered: Remembering, clock: Clock
) -> dict[str, Route]:
    """What is asked of the gateway itself, and of no model."""
    kept = KeptResponses(editions.lend, remembered.memory)
    return kept.routes() | _administration(settings, books.passer, clock)


def _operations(settings: Settings, editions: Editions, links: PictureLinks, clock: Clock) -> Operations:
    return Operations(
        editions.lend,
        open_body=_bodies(settings, clock).open,
        links=links,
        names=settings.server.reply_headers,
        heartbeat=settings.server.heartbeat,
    )


def _sweepers(kept: Keeping, remembered: Remembering, logger: Logger, signals: Signals) -> Sweepers:
    pictures = Sweeper(kept.objects, logger, signals, every=kept.sweep)
    if remembered.shelf is None:
        return Sweepers(pictures)
    return Sweepers(pictures, Sweeper(remembered.shelf, logger, signals, every=remembered.sweep, kept="responses"))


def _used(settings: Settings) -> list[Declaration]:
    declared = declarations()
    return [declared[account.type] for account in settings.providers.values()]


def _bodies(settings: Settings, clock: Clock) -> BodyReader:
    spool = Spool(data_directory(settings) / "spool", settings.uploads.memory, settings.uploads.patience)
    return BodyReader(FormReader(settings.uploads, spool, probe, clock))


def check_keys(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raises what ``build_app`` would raise for want of a key, without building anything."""

    async def fetch(url: str) -> bytes:
        raise NotImplementedError(url)

    build_authenticator(settings.auth, environ, clock=SystemClock(), fetch=fetch)
    certificate(settings, environ)
    check_tokens(settings, environ)
    _picture_key(settings, environ, data_directory(settings))
    keeping(settings, environ, clock=SystemClock())
    remembering(settings, environ, clock=SystemClock())


def data_directory(settings: Settings) -> Path:
    """The data directory, made if need be, with the folders in it."""
    directory = Path(settings.server.data_dir)
    for folder in (directory, directory / "pictures", directory / "spool"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def _links(
    settings: Settings, environ: Mapping[str, str], objects: Objects, *, listening: str, clock: Clock
) -> PictureLinks:
    return PictureLinks(
        objects,
        key=_picture_key(settings, environ, data_directory(settings)),
        ttl=settings.pictures.ttl,
        origin=Origin(settings.server.public_url, listening),
        clock=clock,
    )


def _administration(settings: Settings, passer: Passer | None, clock: Clock) -> dict[str, Route]:
    if passer is None:
        return absent(_ELSEWHERE if settings.database.enabled else _WITHOUT)
    limits = replace(settings.uploads, max_body=settings.admin.max_body)
    return Administration(passer.passed, NotThere, limits=limits, clock=clock).routes


def _readiness(
    editions: Editions, circuits: Circuits, books: Books, *, workers: Workers, objects: Objects
) -> Readiness:
    async def workers_ready() -> bool:
        return workers.ready

    async def keys_ready() -> bool:
        # An issuer that cannot be reached must not shut out the callers of all others.
        edition = editions.current
        issuers = edition.settings.auth.issuers
        return not issuers or len(edition.authenticator.unready) < len(issuers)

    async def registry_known() -> bool:
        return books.directory.known

    checks = {
        "workers": workers_ready,
        "storage": objects.writable,
        "keys": keys_ready,
        "registry": registry_known,
        "budgets": books.opened,
    }
    return Readiness(checks, circuits.health.states)


def _span_export(endpoint: str | None) -> tuple[Spans | None, Callable[[], None]]:
    if endpoint is None:
        return None, lambda: None
    # By name, because the module needs an extra that most gateways do without.
    spans, stop = importlib.import_module(OTLP).export_spans(endpoint, version("torana"))
    return spans, stop


def _picture_key(settings: Settings, environ: Mapping[str, str], directory: Path) -> bytes:
    if settings.pictures.signing_key is not None:
        return read_secret(settings.pictures.signing_key, environ)
    return load_or_create_key(directory / PICTURE_KEY)
