"""Authenticators that trust this issuer or that one, for the tests of this room."""

import pytest

from tests.auth.forge import AUDIENCE, EC, ED, ISSUER, NOW, RSA, SECRET, jwk, pem
from torana.auth.jwt import MESSAGE, Authenticator, TrustedIssuer
from torana.auth.keys.jwk import Key, jwk_key, pem_key, secret_key
from torana.auth.keys.jwks import KeySet, StaticKeys
from torana.auth.token import Reason
from torana.config.model import Algorithm, Auth, Claims, Issuer
from torana.config.secrets import Secret
from torana.config.units import Bytes
from torana.core.clock import FakeClock
from torana.core.errors import Unauthenticated
from torana.core.exchange import Principal

PUBLIC: tuple[Algorithm, ...] = ("RS256", "PS256", "ES256", "EdDSA")
ADA = Principal(subject="ada", issuer=ISSUER)


def settings(
    algorithms: tuple[Algorithm, ...], name: str = ISSUER, audience: str = AUDIENCE, mapping: Claims | None = None
) -> Issuer:
    symmetric = algorithms == ("HS256",)
    return Issuer(
        issuer=name,
        audience=audience,
        algorithms=algorithms,
        secret=Secret(env="SECRET") if symmetric else None,
        jwks_url=None if symmetric else "https://idp.example/keys",
        claims=mapping or Claims(),
    )


def trust(key: Key | KeySet, *algorithms: Algorithm, name: str = ISSUER, audience: str = AUDIENCE) -> TrustedIssuer:
    return TrustedIssuer(settings(algorithms, name, audience), StaticKeys((key,)) if isinstance(key, Key) else key)


SHARED = trust(secret_key(SECRET), "HS256")
BY_RSA = trust(pem_key(pem(RSA)), "RS256")
NAMED = StaticKeys(tuple(jwk_key(jwk(key, kid=kid)) for kid, key in (("rsa", RSA), ("ec", EC), ("ed", ED))))


def door(*trusted: TrustedIssuer, clock: FakeClock | None = None, cache: int = 10_000) -> Authenticator:
    return Authenticator(Auth(cache=cache, max_token=Bytes(8192)), trusted, clock=clock or FakeClock(NOW))


async def refused(authenticator: Authenticator, text: str, header: str = "Bearer ") -> str:
    """The reason; asserts that the caller sees the one message and nothing else."""
    with pytest.raises(Unauthenticated) as error:
        await authenticator.authenticate(header + text)
    assert vars(error.value) == {
        "message": MESSAGE,
        "param": None,
        "code": "invalid_api_key",
        "retry_after": None,
        "reason": error.value.reason,
    }
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__
    assert error.value.reason in list(Reason)
    return str(error.value.reason)
