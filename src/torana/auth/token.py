"""A bearer token as its bytes say it is: nothing here is believed yet."""

import base64
import re
from dataclasses import dataclass, field
from enum import StrEnum

from torana.auth.strictjson import read_object

_CREDENTIALS = re.compile(r"(?i:bearer) +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)")
_ROOM_FOR_SCHEME = len("Bearer ")

# RFC 8725, 3.10 and 3.11: keys come from the configuration alone, and a token made for another purpose is no access
# token. `crit` and `b64` announce extensions, and we know none.
_REFUSED_HEADERS = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64"})
_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})


class Reason(StrEnum):
    """Why a caller was refused: for logs and metrics, never for the wire. In the order of the checks."""

    MISSING = "missing"
    """No header that says who is asking."""
    TOO_LARGE = "too_large"
    """More bytes than ``auth.max_token``."""
    NOT_BEARER = "not_bearer"
    """Not the scheme Bearer with one token of three base64url parts."""
    MALFORMED = "malformed"
    """The parts do not hold what a JWT's parts hold."""
    HEADER = "refused_header"
    """Its header names a key of its own, an extension, or a purpose other than access."""
    UNKNOWN_ISSUER = "unknown_issuer"
    """No configured issuer has this ``iss``."""
    ALGORITHM = "algorithm_not_allowed"
    """The issuer does not use this algorithm."""
    AUDIENCE = "wrong_audience"
    """It was made for someone else."""
    BAD_TIMES = "bad_times"
    """``exp``, ``nbf`` or ``iat`` is no time, or ``exp`` is not there."""
    EXPIRED = "expired"
    """Its time is up."""
    NOT_YET_VALID = "not_yet_valid"
    """``nbf`` or ``iat`` lies ahead."""
    NO_SUBJECT = "no_subject"
    """It does not say who is asking."""
    KEYS_UNAVAILABLE = "keys_unavailable"
    """The issuer has no keys: none were fetched yet, or it took them all back."""
    UNKNOWN_KEY = "unknown_key"
    """The issuer has no key of this name for this algorithm."""
    BAD_SIGNATURE = "bad_signature"
    """None of the keys that could have signed it did."""
    KEY_MISTYPED = "virtual_key_mistyped"
    """It begins like a virtual key and cannot be one."""
    KEY_UNKNOWN = "virtual_key_unknown"
    """Nobody's virtual key, or no longer anybody's."""
    KEY_REVOKED = "virtual_key_revoked"
    """It was taken back."""
    KEY_EXPIRED = "virtual_key_expired"
    """Its time is up."""
    KEY_WITHOUT_OWNER = "virtual_key_without_owner"
    """Its owner was deleted."""
    DISABLED = "disabled"
    """The operator has shut the caller out."""


class Refused(Exception):
    """This token or key does not open the door; of several reasons given, the one it came furthest with counts."""

    def __init__(self, *reasons: Reason) -> None:
        self.reason = max(reasons, key=list(Reason).index)
        super().__init__(self.reason.value)


@dataclass(frozen=True, slots=True)
class Token:
    """A token's parts, read but not verified."""

    text: str = field(repr=False)
    algorithm: str
    kid: str | None = field(repr=False)
    claims: dict[str, object] = field(repr=False)


def read_bearer(authorization: str | None, limit: int) -> str:
    """The token in an Authorization header, at most ``limit`` bytes of it; Refused when there is none."""
    if authorization is None or not authorization.strip():
        raise Refused(Reason.MISSING)
    if len(authorization) > limit + _ROOM_FOR_SCHEME:
        raise Refused(Reason.TOO_LARGE)
    credentials = _CREDENTIALS.fullmatch(authorization)
    if credentials is None:
        raise Refused(Reason.NOT_BEARER)
    return credentials[1]


def read_token(text: str) -> Token:
    """Take the three parts of ``text`` apart; Refused when they are not those of a JWT."""
    try:
        header, claims, _signature = (_decode(part) for part in text.split("."))
        head, body = read_object(header), read_object(claims)
    except ValueError:
        raise Refused(Reason.MALFORMED) from None
    algorithm, kid, kind = head.get("alg"), head.get("kid"), head.get("typ", "JWT")
    if not (isinstance(algorithm, str) and isinstance(kid, str | None) and isinstance(kind, str)):
        raise Refused(Reason.MALFORMED)
    if _REFUSED_HEADERS & head.keys() or kind.lower() not in _TYPES:
        raise Refused(Reason.HEADER)
    return Token(text=text, algorithm=algorithm, kid=kid, claims=body)


def _decode(part: str) -> bytes:
    data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    # One value has one spelling; otherwise a token has many, and the cache would hold each of them.
    if base64.urlsafe_b64encode(data).rstrip(b"=") != part.encode():
        raise ValueError("not canonical base64url")
    return data
