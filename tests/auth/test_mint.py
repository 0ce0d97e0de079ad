"""Tokens of our own making."""

import pytest
from jwt import decode

from tests.auth.forge import AUDIENCE, ISSUER, NOW, SECRET
from torana.auth.jwt import Authenticator, TrustedIssuer
from torana.auth.keys.jwk import KeyRefused, secret_key
from torana.auth.keys.jwks import StaticKeys
from torana.auth.mint import mint
from torana.config.model import Auth, Claims, Issuer
from torana.config.secrets import Secret
from torana.core.clock import FakeClock
from torana.core.errors import Unauthenticated
from torana.core.exchange import Principal


def issuer(**mapping: str) -> Issuer:
    return Issuer(
        issuer=ISSUER,
        audience=AUDIENCE,
        algorithms=("HS256",),
        secret=Secret(env="SECRET"),
        claims=Claims(**mapping),
    )


def door(settings: Issuer, clock: FakeClock) -> Authenticator:
    return Authenticator(Auth(), [TrustedIssuer(settings, StaticKeys((secret_key(SECRET),)))], clock=clock)


async def test_a_minted_token_opens_the_door_for_its_time():
    settings, clock = issuer(teams="teams", models="models"), FakeClock(NOW + 0.9)
    text = mint(settings, SECRET, subject="ada", ttl=60, claims={"teams": ["a"], "models": ["*"]}, now=clock.now())
    authenticator = door(settings, clock)
    assert await authenticator.authenticate(f"Bearer {text}") == Principal("ada", ISSUER, ("a",), (), ("*",))
    clock.advance(60 + 30)
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(f"Bearer {text}")


@pytest.mark.parametrize("claim", ["email", "user.name", "https://corp.example/user"])
async def test_the_subject_stands_where_the_issuer_reads_it(claim):
    settings = issuer(subject=claim)
    text = mint(settings, SECRET, subject="ada", ttl=60, claims={}, now=NOW)
    assert (await door(settings, FakeClock(NOW)).authenticate(f"Bearer {text}")).subject == "ada"


def test_what_a_token_says():
    text = mint(issuer(), SECRET, subject="ada", ttl=60.7, claims={"plan": "gold"}, now=NOW + 0.9)
    said = decode(
        text, SECRET, algorithms=["HS256"], audience=AUDIENCE, options={"verify_iat": False, "verify_nbf": False}
    )
    jti = said.pop("jti")
    assert said == {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ada",
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 60,
        "plan": "gold",
    }
    assert jti not in mint(issuer(), SECRET, subject="ada", ttl=60, claims={}, now=NOW)
    assert len(jti) == 32


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "email"])
def test_claims_do_not_say_what_minting_says(claim):
    with pytest.raises(ValueError, match=f"only the gateway sets: {claim}"):
        mint(issuer(subject="email"), SECRET, subject="ada", ttl=60, claims={claim: "x"}, now=NOW)


@pytest.mark.parametrize("subject", ["", " ", "a\nb", "a" * 257])
def test_subjects_that_the_door_would_refuse(subject):
    with pytest.raises(ValueError, match="subject"):
        mint(issuer(), SECRET, subject=subject, ttl=60, claims={}, now=NOW)


@pytest.mark.parametrize("ttl", [0, -1, 0.9, 315_360_001, float("inf"), float("nan")])
def test_a_token_lives_but_not_for_ever(ttl):
    with pytest.raises(ValueError, match="one second"):
        mint(issuer(), SECRET, subject="ada", ttl=ttl, claims={}, now=NOW)


def test_a_short_secret_mints_nothing():
    with pytest.raises(KeyRefused, match="32"):
        mint(issuer(), b"short", subject="ada", ttl=60, claims={}, now=NOW)


def test_an_issuer_with_public_keys_mints_elsewhere():
    theirs = Issuer(issuer=ISSUER, audience=AUDIENCE, algorithms=("RS256",), jwks_url="https://idp.example/keys")
    with pytest.raises(ValueError, match="does not use HS256"):
        mint(theirs, SECRET, subject="ada", ttl=60, claims={}, now=NOW)
