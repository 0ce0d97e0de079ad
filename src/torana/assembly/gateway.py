"""Compiles settings into a running gateway."""

import importlib
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from torana.assembly.lending import Connections, lent_by, make_workers
from torana.assembly.life import Life, Sweeper
from torana.assembly.providers import make_catalog, make_providers
from torana.auth.build import build_authenticator
from torana.auth.jwt import Authenticator
from torana.config.model import Settings
from torana.config.secrets import read_secret
from torana.core.clock import SystemClock
from torana.edge.app import App
from torana.edge.health import Metrics, Readiness
from torana.edge.operations import Operations
from torana.edge.pictures import Origin, PictureLinks
from torana.edge.routes import routes
from torana.edge.uploads import FormReader
from torana.families.images import VARIATIONS
from torana.media.probe import probe
from torana.media.workers import Workers
from torana.pipeline.flow import Snapshot
from torana.providers.base import declarations
from torana.storage.keys import load_or_create_key
from torana.storage.objects import Objects
from torana.storage.spool import Spool
from torana.telemetry.logs import Logger
from torana.telemetry.signals import Signals

FAMILIES = (VARIATIONS,)
PICTURE_KEY = "picture.key"
OTLP = "torana.telemetry.otlp"


def build_app(settings: Settings, environ: Mapping[str, str], *, listening: str, logger: Logger) -> App:
    """The application for settings that hold together; ``listening`` is its own address, for links.

    To be called in the event loop that will run it. KeyProblem, SecretMissing and UnsafeKey say what keys are amiss.
    """
    # Before anything is opened that would have to be closed again.
    check_keys(settings, environ)
    clock = SystemClock()
    signals = Signals()
    declared = declarations()
    directory = data_directory(settings)
    objects = Objects(directory / "pictures", max_total=settings.pictures.max_total, clock=clock)
    connections = Connections()
    workers = make_workers(settings, [declared[a.type] for a in settings.providers.values()], logger, signals)
    authenticator = build_authenticator(
        settings.auth, environ, clock=clock, fetch=connections.downloader.fetch_document
    )
    lent = lent_by(settings, connections, workers, clock)
    providers = make_providers(settings, declared, lent, environ=environ, logger=logger)
    snapshot = Snapshot(authenticator, make_catalog(settings, declared), providers, settings.server.deadline, clock)
    links = PictureLinks(
        objects,
        key=_picture_key(settings, environ, directory),
        ttl=settings.pictures.ttl,
        origin=Origin(settings.server.public_url, listening),
        clock=clock,
    )
    forms = FormReader(settings.uploads, Spool(directory / "spool", settings.uploads.memory), probe, clock)
    return App(
        routes(
            FAMILIES,
            Operations(snapshot, open_form=forms.open, links=links),
            links,
            readiness=_readiness(settings, workers, objects=objects, authenticator=authenticator),
            metrics=Metrics(signals) if settings.telemetry.metrics else None,
            version=version("torana"),
        ),
        life=Life(
            authenticator=authenticator,
            workers=workers,
            connections=connections,
            sweeper=Sweeper(objects, logger, signals),
            stop_spans=_span_export(settings.telemetry.otlp_endpoint),
        ),
        settings=settings,
        clock=clock,
        logger=logger,
        signals=signals,
    )


def check_keys(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raises what ``build_app`` would raise for want of a key, without building anything."""

    async def fetch(url: str) -> bytes:
        raise NotImplementedError(url)

    build_authenticator(settings.auth, environ, clock=SystemClock(), fetch=fetch)
    _picture_key(settings, environ, data_directory(settings))


def data_directory(settings: Settings) -> Path:
    """The data directory, made if need be, with the folders in it."""
    directory = Path(settings.server.data_dir)
    for folder in (directory, directory / "pictures", directory / "spool"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def _readiness(settings: Settings, workers: Workers, *, objects: Objects, authenticator: Authenticator) -> Readiness:
    async def workers_ready() -> bool:
        return workers.ready

    async def keys_ready() -> bool:
        # An issuer that cannot be reached must not shut out the callers of all others.
        return len(authenticator.unready) < len(settings.auth.issuers)

    return Readiness({"workers": workers_ready, "storage": objects.writable, "keys": keys_ready})


def _span_export(endpoint: str | None) -> Callable[[], None]:
    if endpoint is None:
        return lambda: None
    # By name, because the module needs an extra that most gateways do without.
    stop: Callable[[], None] = importlib.import_module(OTLP).export_spans(endpoint, version("torana"))
    return stop


def _picture_key(settings: Settings, environ: Mapping[str, str], directory: Path) -> bytes:
    if settings.pictures.signing_key is not None:
        return read_secret(settings.pictures.signing_key, environ)
    return load_or_create_key(directory / PICTURE_KEY)
