"""Whose tokens open the door, of LiteLLM's JWT settings; or an issuer of one's own, because somebody must get in."""

from collections.abc import Mapping
from typing import Any

from torana.assembly.importing.litellm.values import Values, seconds
from torana.assembly.importing.reading import Found
from torana.assembly.importing.report import Outcome
from torana.auth.keys.jwks import is_secure

_OWN = "torana"
_CLAIMS = {
    "user_id_jwt_field": "subject",
    "team_id_jwt_field": "teams",
    "team_ids_jwt_field": "teams",
    "roles_jwt_field": "roles",
}
"""LiteLLM's names of claims; of two that mean the same, the later counts."""
_KEY_PLACES = ("/.well-known/", "/protocol/openid-connect/")
"""How the address of an issuer's keys goes on after its name."""


def issuers(general: Found, values: Values) -> list[dict[str, Any]]:
    """The issuers of the output, one at least."""
    enabled = general.get("enable_jwt_auth")
    foreign = _foreign(general, enabled, values) if values.flag(enabled) else None
    if foreign is not None:
        return [foreign]
    secret = values.fresh("torana_token_secret")
    master = general.get("master_key")
    told = (
        f"callers get in with tokens or virtual keys of Torana's own: set the environment variable {secret} to a new "
        "secret of 32 bytes or more, and make tokens with `torana token mint`."
    )
    if master.value is None:
        values.report.note(general, Outcome.TO_DO, told)
    else:
        values.report.left(master, told)
    return [{"issuer": _OWN, "audience": _OWN, "algorithms": ["HS256"], "secret": {"env": secret}}]


def _foreign(general: Found, enabled: Found, values: Values) -> dict[str, Any] | None:
    keys, audience = values.variable("JWT_PUBLIC_KEY_URL"), values.variable("JWT_AUDIENCE")
    jwks_url, aud = values.address(keys), values.text(audience)
    if jwks_url is None or aud is None or not is_secure(jwks_url):
        missing = "JWT_AUDIENCE" if aud is None else "an https JWT_PUBLIC_KEY_URL"
        values.report.left(
            enabled, f"{missing} is not known here: write the issuer, its keys and the audience at `auth.issuers`."
        )
        return None
    issuer = values.text(values.variable("JWT_ISSUER")) or _issuer_of(jwks_url)
    values.report.to_do(
        enabled,
        f"tokens are accepted whose `iss` is {issuer!r}, signed by RS256 or ES256: see that both are right at "
        "`auth.issuers`.",
    )
    for name in ("JWT_PUBLIC_KEY_URL", "JWT_AUDIENCE", "JWT_ISSUER"):
        values.report.taken(values.variable(name))
    made = {"issuer": issuer, "audience": aud, "algorithms": ["RS256", "ES256"], "jwks_url": jwks_url}
    return made | _details(general.get("litellm_jwtauth"), values)


def _issuer_of(jwks_url: str) -> str:
    return min((jwks_url.partition(place)[0] for place in _KEY_PLACES), key=len)


def _details(section: Found, values: Values) -> dict[str, Any]:
    claims: dict[str, str] = {}
    for name, ours in _CLAIMS.items():
        told = values.text(section.get(name))
        if told is not None:
            claims[ours] = told
            values.report.taken(section.get(name))
    kept = section.get("public_key_ttl")
    refresh = seconds(f"{values.text(kept)}s")
    made: Mapping[str, Any] = {"claims": claims} if claims else {}
    if refresh:
        values.report.taken(kept)
        made = {"refresh": f"{refresh}s", **made}
    return dict(made)
