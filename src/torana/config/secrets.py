"""Secrets: where the configuration says they are, and how they are fetched from there."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct


class Secret(Struct, frozen=True, forbid_unknown_fields=True):
    """A secret that lives elsewhere: in the environment or in a file, never in this one."""

    env: Annotated[str, Meta(min_length=1, description="Name of the environment variable that holds it.")] | None = None
    file: Annotated[str, Meta(min_length=1, description="Path of the file that holds it.")] | None = None

    def __post_init__(self) -> None:
        if (self.env is None) == (self.file is None):
            raise ValueError("a secret names either `env` or `file`")

    def __str__(self) -> str:
        return f"environment variable {self.env}" if self.env else f"file {self.file}"


class SecretMissing(Exception):
    """A secret is not where the configuration says; the message names the place, never the secret."""


def read_secret(secret: Secret, environ: Mapping[str, str]) -> bytes:
    """The secret's bytes, never empty; SecretMissing when it is not there."""
    if secret.env is not None:
        # As the shell gave it, whatever the locale: a secret need not be text.
        value = os.fsencode(environ.get(secret.env, ""))
    else:
        try:
            value = Path(str(secret.file)).read_bytes()
        except OSError as error:
            raise SecretMissing(f"{secret} cannot be read: {error.strerror}") from error
    if not value.strip():
        raise SecretMissing(f"{secret} is not set" if secret.env else f"{secret} is empty")
    return value.strip()
