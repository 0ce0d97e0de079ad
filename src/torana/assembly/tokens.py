"""Tokens of our own making, for whoever holds the configuration."""

from collections.abc import Mapping

from torana.auth.build import KeyProblem
from torana.auth.keys.jwk import KeyRefused, secret_key
from torana.auth.mint import mint
from torana.config.model import Issuer, Settings
from torana.config.secrets import read_secret
from torana.core.clock import Clock


class NoOwnIssuer(Exception):
    """The configuration has no issuer whose tokens we could make."""


def own_token(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    subject: str,
    ttl: float,
    claims: Mapping[str, object],
    clock: Clock,
) -> str:
    """A token by the first issuer that shares a secret with us; ``ttl`` is in seconds."""
    issuer, secret = _own(settings, environ)
    return mint(issuer, secret, subject=subject, ttl=ttl, claims=claims, now=clock.now())


def _own(settings: Settings, environ: Mapping[str, str]) -> tuple[Issuer, bytes]:
    for index, issuer in enumerate(settings.auth.issuers):
        if issuer.secret is not None:
            secret = read_secret(issuer.secret, environ)
            try:
                secret_key(secret)
            except KeyRefused as problem:
                raise KeyProblem([f"auth.issuers[{index}].secret: {problem}"]) from problem
            return issuer, secret
    raise NoOwnIssuer("No issuer in the configuration has a `secret`: only its own server can make its tokens.")
