"""From settings to an authenticator: finds every key, and reports all that cannot be used in one go."""

from collections.abc import Mapping

from torana.auth.jwt import Authenticator, TrustedIssuer
from torana.auth.keys.jwk import Key, KeyRefused, jwks_keys, pem_key, secret_key
from torana.auth.keys.jwks import Fetch, KeySet, RemoteKeys, StaticKeys, is_secure
from torana.config.model import Auth, Issuer
from torana.config.secrets import Secret, SecretMissing, read_secret
from torana.core.clock import Clock

_SOURCES = ("secret", "public_key", "jwks_file", "jwks_url")


class KeyProblem(Exception):
    """Keys that cannot be used: ``messages`` has one sentence for each, which names the setting."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__("\n".join(messages))
        self.messages = messages


def build_authenticator(auth: Auth, environ: Mapping[str, str], *, clock: Clock, fetch: Fetch) -> Authenticator:
    """The authenticator for these settings, not started yet; KeyProblem when a key cannot be used.

    ``fetch`` gets JWKS and discovery documents. It bounds what it reads, and follows no redirect.
    """
    trusted: list[TrustedIssuer] = []
    problems: list[str] = []
    for index, issuer in enumerate(auth.issuers):
        try:
            trusted.append(TrustedIssuer(issuer, _keys(issuer, environ, clock=clock, fetch=fetch)))
        except (KeyRefused, SecretMissing) as problem:
            problems.append(f"auth.issuers[{index}].{_source(issuer)}: {problem}")
    if problems:
        raise KeyProblem(problems)
    return Authenticator(auth, trusted, clock=clock)


def _source(issuer: Issuer) -> str:
    return next((name for name in _SOURCES if getattr(issuer, name) is not None), "discovery")


def _keys(issuer: Issuer, environ: Mapping[str, str], *, clock: Clock, fetch: Fetch) -> KeySet:
    if issuer.jwks_url is None and not issuer.discovery:
        return StaticKeys(_given_keys(issuer, environ))
    if not is_secure(issuer.jwks_url or issuer.issuer):
        place = "the URL" if issuer.jwks_url else "`issuer`"
        raise KeyRefused(f"{place} must be https, or http on loopback")
    return RemoteKeys(issuer, fetch, clock=clock)


def _given_keys(issuer: Issuer, environ: Mapping[str, str]) -> tuple[Key, ...]:
    keys = _read_keys(issuer, environ)
    keyless = [name for name in issuer.algorithms if not any(name in key.algorithms for key in keys)]
    if keyless:
        raise KeyRefused(f"it holds no key for {', '.join(keyless)}, which `algorithms` lists")
    return keys


def _read_keys(issuer: Issuer, environ: Mapping[str, str]) -> tuple[Key, ...]:
    if issuer.secret is not None:
        return (secret_key(read_secret(issuer.secret, environ)),)
    if issuer.public_key is not None:
        return (pem_key(read_secret(issuer.public_key, environ)),)
    return jwks_keys(read_secret(Secret(file=issuer.jwks_file), environ))
