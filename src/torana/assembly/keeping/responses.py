"""Where responses are kept: in the data directory, or in a bucket."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torana.assembly.pictures import place_of
from torana.config.model import Settings
from torana.config.secrets import SecretMissing, read_secret
from torana.core.clock import Clock
from torana.core.errors import ToranaError
from torana.pipeline.remembering import FORGETFUL, Memory
from torana.storage.responses.directory import Directory
from torana.storage.responses.port import Shelf
from torana.storage.responses.sealed import Sealed
from torana.telemetry.logs import Logger

BUCKET = "torana.storage.responses.bucket"
_DIRECTORY_SWEEP_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Remembering:
    """The memory, its shelf, and how often to sweep that, in seconds; 0 is never."""

    memory: Memory = FORGETFUL
    shelf: Shelf | None = None
    sweep: float = 0.0


def remembering(
    settings: Settings, environ: Mapping[str, str], *, clock: Clock, logger: Logger | None = None
) -> Remembering:
    """The memory that the settings ask for; nothing is opened or asked yet. What could not be kept the log tells.

    SecretMissing when a key is not there, or is none.
    """
    kept = settings.responses
    if not kept.keep:
        return Remembering()
    key = None if kept.key is None else read_secret(kept.key, environ)
    shelf = Sealed(_shelf(settings, environ, clock), key)

    def lost(error: ToranaError) -> None:
        if logger is not None:
            logger.warning("response_not_kept", reason=error.reason or error.code)

    sweep = _DIRECTORY_SWEEP_SECONDS if kept.store is None else kept.store.sweep
    return Remembering(Memory(shelf, lost), shelf, sweep)


def _shelf(settings: Settings, environ: Mapping[str, str], clock: Clock) -> Shelf:
    kept, store = settings.responses, settings.responses.store
    if store is None:
        directory = Path(settings.server.data_dir) / "responses"
        return Directory(directory, ttl=kept.ttl, max_total=kept.max_total, clock=clock)
    # By name, because the module needs an extra that most gateways do without.
    module = importlib.import_module(BUCKET)
    try:
        shelf: Shelf = module.Bucket(place_of(store, environ), ttl=kept.ttl, timeout=store.timeout, clock=clock)
    except ValueError:
        where = store.key or "the environment"
        raise SecretMissing(f"{where} holds no key that {store.url} can be used with") from None
    return shelf
