"""What a token's claims mean to us: until when it counts, and who it says is asking."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

from torana.auth.token import Reason, Refused
from torana.config.model import Issuer
from torana.core.exchange import Principal

# The year 9999. A time in milliseconds lies beyond it and would otherwise make a token that never ends.
_LAST_TIME = 253_402_300_799

_LONGEST_SUBJECT = 256


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who is asking and until when (seconds since the epoch), if the signature holds."""

    principal: Principal
    until: float


def examine(claims: Mapping[str, object], issuer: Issuer, now: float) -> Claimed:
    """What the claims say to this gateway at ``now``; Refused when they do not open it.

    ``iss`` is taken as compared already.
    """
    if issuer.audience not in _audiences(claims.get("aud")):
        raise Refused(Reason.AUDIENCE)
    until = _until(claims, issuer.leeway, now)
    return Claimed(_principal(claims, issuer), until)


def find_claim(claims: Mapping[str, object], name: str) -> object | None:
    """The claim of that name: the whole name first, for names that are URLs, then a step into an object at each dot."""
    if name in claims:
        return claims[name]
    first, _, rest = name.partition(".")
    inner = claims.get(first)
    return find_claim(inner, rest) if rest and isinstance(inner, Mapping) else None


def is_subject(value: object) -> TypeGuard[str]:
    """Whether this can name someone: text of 1 to 256 characters that stands on one line of a log."""
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_SUBJECT and value.isprintable() and bool(value.strip())


def _audiences(claim: object) -> list[object]:
    return claim if isinstance(claim, list) else [claim]


def _until(claims: Mapping[str, object], leeway: float, now: float) -> float:
    times = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
    if "exp" not in times:
        raise Refused(Reason.BAD_TIMES)
    ends, *starts = (_time(value) for value in times.values())
    if now >= ends + leeway:
        raise Refused(Reason.EXPIRED)
    if any(now < start - leeway for start in starts):
        raise Refused(Reason.NOT_YET_VALID)
    return ends + leeway


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST_TIME:
        raise Refused(Reason.BAD_TIMES)
    return value


def _principal(claims: Mapping[str, object], issuer: Issuer) -> Principal:
    mapped = issuer.claims
    account = None if mapped.service_account is None else find_claim(claims, mapped.service_account)
    subject = find_claim(claims, mapped.subject) if account is None else account
    if not is_subject(subject):
        raise Refused(Reason.NO_SUBJECT)
    return Principal(
        subject=subject,
        issuer=issuer.issuer,
        teams=_names(claims, mapped.teams),
        roles=_names(claims, mapped.roles),
        models=None if mapped.models is None else _names(claims, mapped.models),
        kind="user" if account is None else "service_account",
    )


def _names(claims: Mapping[str, object], claim: str | None) -> tuple[str, ...]:
    """A claim that is a list, or text with spaces; anything else names nothing, so that it grants nothing."""
    value = None if claim is None else find_claim(claims, claim)
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(name for name in value if isinstance(name, str)) if isinstance(value, list) else ()
