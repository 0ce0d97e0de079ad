"""Where made pictures are kept: in the data directory, or in a bucket."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torana.config.model import Settings, Store
from torana.config.secrets import Secret, SecretMissing, read_secret
from torana.core.clock import Clock
from torana.storage.objects.directory import Directory
from torana.storage.objects.port import Objects, Place

BUCKET = "torana.storage.objects.bucket"
_DIRECTORY_SWEEP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """The store of pictures, and how often to sweep it, in seconds; 0 is never."""

    objects: Objects
    sweep: float


def keeping(settings: Settings, environ: Mapping[str, str], *, clock: Clock) -> Keeping:
    """The store that the settings ask for; nothing is opened or asked yet.

    SecretMissing when a bucket's key is not there, or is none.
    """
    store = settings.pictures.store
    if store is None:
        directory = Path(settings.server.data_dir) / "pictures"
        objects = Directory(directory, max_total=settings.pictures.max_total, clock=clock)
        return Keeping(objects, _DIRECTORY_SWEEP_SECONDS)
    # By name, because the module needs an extra that most gateways do without.
    module = importlib.import_module(BUCKET)
    try:
        return Keeping(module.Bucket(place_of(store, environ), timeout=store.timeout, clock=clock), store.sweep)
    except ValueError:
        where = store.key or "the environment"
        raise SecretMissing(f"{where} holds no key that {store.url} can be used with") from None


def place_of(store: Store, environ: Mapping[str, str]) -> Place:
    """A bucket, and how one gets at it; SecretMissing when its key is not there."""
    return Place(
        store.url,
        endpoint=store.endpoint,
        region=store.region,
        path_style=store.path_style,
        account=store.account,
        key_id=_text(store.key_id, environ),
        key=_text(store.key, environ),
    )


def _text(secret: Secret | None, environ: Mapping[str, str]) -> str | None:
    return None if secret is None else read_secret(secret, environ).decode()
