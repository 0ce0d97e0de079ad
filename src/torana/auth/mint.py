"""Makes tokens for an issuer that we are ourselves: one with a shared secret."""

from collections.abc import Mapping
from uuid import uuid4

import jwt

from torana.auth.claims import is_subject
from torana.auth.keys.jwk import secret_key
from torana.config.model import Issuer

_LONGEST_LIFE = 10 * 365 * 86400


def mint(issuer: Issuer, secret: bytes, *, subject: str, ttl: float, claims: Mapping[str, object], now: float) -> str:
    """A token of ``issuer`` that this gateway accepts for ``ttl`` seconds from ``now`` (seconds since the epoch).

    ``claims`` go in beside the registered ones, as JSON. ValueError when the issuer does not use HS256 or the secret is
    no good, when the subject cannot name anyone or the time is out of bounds, or ``claims`` holds what is set here.
    """
    if "HS256" not in issuer.algorithms:
        raise ValueError(f"issuer {issuer.issuer} does not use HS256: only its own server can mint its tokens")
    if not is_subject(subject):
        raise ValueError("a subject is 1 to 256 printable characters")
    if not 1 <= ttl <= _LONGEST_LIFE:
        raise ValueError("a token lives for one second to ten years")
    ours = {
        # The issuer may be set to read the subject from another claim; a whole name is found before a dotted path.
        issuer.claims.subject: subject,
        "iss": issuer.issuer,
        "sub": subject,
        "aud": issuer.audience,
        "iat": int(now),
        "nbf": int(now),
        "exp": int(now) + int(ttl),
        "jti": uuid4().hex,
    }
    if taken := sorted(claims.keys() & ours.keys()):
        raise ValueError(f"claims that only the gateway sets: {', '.join(taken)}")
    secret_key(secret)
    return jwt.encode({**claims, **ours}, secret, algorithm="HS256")
