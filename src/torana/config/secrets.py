"""Fetches secrets from where the configuration says they are."""

import os
from collections.abc import Mapping
from pathlib import Path

from torana.config.model import Secret


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
