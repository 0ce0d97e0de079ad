"""Who is asking: good tokens, tokens seen before, keys that come and go."""

import asyncio
from collections.abc import Iterable

import pytest

from tests.auth.doors import ADA, BY_RSA, NAMED, PUBLIC, SHARED, door, refused, settings, trust
from tests.auth.forge import (
    AUDIENCE,
    EC,
    ISSUER,
    NOW,
    OTHER_RSA,
    PRIVATE,
    RSA,
    SECRET,
    IdentityProvider,
    claims,
    fetch,
    jwk,
    jwks,
    token,
)
from torana.auth.jwt import TrustedIssuer
from torana.auth.keys.jwk import Key, secret_key
from torana.auth.keys.jwks import RemoteKeys, StaticKeys
from torana.config.model import Algorithm, Claims, Issuer
from torana.config.units import Seconds
from torana.core.clock import FakeClock
from torana.core.exchange import Principal


@pytest.mark.parametrize("algorithm", PUBLIC)
async def test_each_public_key_algorithm(algorithm):
    authenticator = door(trust(NAMED, *PUBLIC))
    kid = {"RS256": "rsa", "PS256": "rsa", "ES256": "ec", "EdDSA": "ed"}[algorithm]
    named = token(key=PRIVATE[algorithm], alg=algorithm, kid=kid)
    nameless = token(key=PRIVATE[algorithm], alg=algorithm)
    assert await authenticator.authenticate(f"Bearer {named}") == ADA
    assert await authenticator.authenticate(f"Bearer {nameless}") == ADA


async def test_the_shared_secret_algorithm():
    assert await door(SHARED).authenticate(f"bearer {token()}") == ADA


async def test_claims_make_the_principal_by_the_issuers_mapping():
    mapping = Claims(teams="groups", roles="realm_access.roles", models="https://corp.example/models")
    trusted = TrustedIssuer(settings(("HS256",), mapping=mapping), StaticKeys((secret_key(SECRET),)))
    told = {"groups": "a b", "realm_access": {"roles": ["r"]}, "https://corp.example/models": ["gpt-*"]}
    assert await door(trusted).authenticate(f"Bearer {token(claims(**told))}") == Principal(
        "ada", ISSUER, ("a", "b"), ("r",), ("gpt-*",)
    )
    assert (await door(trusted).authenticate(f"Bearer {token()}")).models == ()


async def test_issuers_of_one_name_are_tried_each():
    trusted = (
        trust(secret_key(SECRET), "HS256", audience="other"),
        trust(secret_key(SECRET[::-1]), "HS256"),
        SHARED,
        BY_RSA,
    )
    authenticator = door(*trusted)
    for text in (token(), token(key=SECRET[::-1]), token(key=RSA, alg="RS256"), token(claims(aud="other"))):
        assert await authenticator.authenticate(f"Bearer {text}") == ADA
    assert await refused(authenticator, token(key=OTHER_RSA, alg="RS256")) == "bad_signature"
    assert await refused(authenticator, token(claims(exp=1))) == "expired", "the furthest of all reasons"


class Spy(StaticKeys):
    """Counts how often a key is looked for."""

    looked = 0

    def find(self, kid: str | None, algorithm: str) -> tuple[Key, ...]:
        Spy.looked += 1
        return super().find(kid, algorithm)


async def test_a_token_seen_before_costs_no_signature():
    Spy.looked = 0
    authenticator = door(trust(Spy((secret_key(SECRET),)), "HS256"))
    for _ in range(5):
        assert await authenticator.authenticate(f"Bearer {token()}") == ADA
    assert Spy.looked == 1


async def test_a_token_seen_before_does_not_wait():
    authenticator = door(SHARED)
    await authenticator.authenticate(f"Bearer {token()}")
    with pytest.raises(StopIteration):
        authenticator.authenticate(f"Bearer {token()}").send(None)


async def test_a_refused_token_is_not_remembered():
    Spy.looked = 0
    authenticator = door(trust(Spy((secret_key(SECRET[::-1]),)), "HS256"))
    assert await refused(authenticator, token()) == "bad_signature"
    once = Spy.looked
    assert await refused(authenticator, token()) == "bad_signature"
    assert Spy.looked == 2 * once


async def test_memory_ends_with_the_token():
    clock = FakeClock(NOW)
    authenticator = door(SHARED, clock=clock)
    text = token(claims(exp=NOW + 60))
    await authenticator.authenticate(f"Bearer {text}")
    clock.advance(60 + 29)
    await authenticator.authenticate(f"Bearer {text}")
    clock.advance(1)
    assert await refused(authenticator, text) == "expired"


async def test_memory_is_bounded_and_may_be_none():
    for size, looked in ((2, 4), (0, 6)):
        Spy.looked = 0
        authenticator = door(trust(Spy((secret_key(SECRET),)), "HS256"), cache=size)
        for subject in ("a", "b", "a", "c", "a", "b"):
            await authenticator.authenticate(f"Bearer {token(claims(sub=subject))}")
        assert Spy.looked == looked


async def test_a_new_secret_refuses_the_old_ones_tokens():
    text = token()
    assert await door(SHARED).authenticate(f"Bearer {text}") == ADA
    assert await refused(door(trust(secret_key(SECRET[::-1]), "HS256")), text) == "bad_signature"


def remote(idp: IdentityProvider, clock: FakeClock, algorithms: Iterable[Algorithm] = ("RS256",)) -> TrustedIssuer:
    issuer = Issuer(
        issuer=ISSUER,
        audience=AUDIENCE,
        algorithms=tuple(algorithms),
        jwks_url=f"{idp.url}/keys",
        refresh_floor=Seconds(10),
    )
    return TrustedIssuer(issuer, RemoteKeys(issuer, fetch, clock=clock))


async def test_keys_rotate_under_a_running_gateway():
    async with IdentityProvider() as idp:
        clock = FakeClock(NOW)
        idp.documents["/keys"] = jwks(jwk(RSA, kid="old"))
        authenticator = door(remote(idp, clock), clock=clock)
        assert list(authenticator.unready) == [ISSUER]
        await authenticator.start()
        old = token(key=RSA, alg="RS256", kid="old")
        assert await authenticator.authenticate(f"Bearer {old}") == ADA, "waits for the first fetch"
        assert list(authenticator.unready) == []

        idp.documents["/keys"] = jwks(jwk(OTHER_RSA, kid="new"))
        assert await authenticator.authenticate(f"Bearer {old}") == ADA
        assert await authenticator.authenticate(f"Bearer {token(key=OTHER_RSA, alg='RS256', kid='new')}") == ADA
        assert idp.requests == ["/keys"] * 2
        assert await refused(authenticator, old) == "unknown_key", "its key is gone, and so is the memory of it"
        await authenticator.stop()
        assert len(asyncio.all_tasks()) == 1


async def test_tokens_of_chance_do_not_flood_the_identity_provider():
    async with IdentityProvider() as idp:
        clock = FakeClock(NOW)
        idp.documents["/keys"] = jwks(jwk(RSA, kid="a"))
        authenticator = door(remote(idp, clock), clock=clock)
        for number in range(30):
            forged = token(key=OTHER_RSA, alg="RS256", kid=f"k{number}")
            assert await refused(authenticator, forged) == "unknown_key"
        assert len(idp.requests) == 1
        for changes in ({"iss": "x"}, {"aud": "x"}, {"exp": 1}, {"sub": ""}):
            clock.advance(10)
            await refused(authenticator, token(claims(**changes), key=OTHER_RSA, alg="RS256", kid="x"))
            await refused(authenticator, token(key=EC, alg="ES256", kid="x"))
        assert len(idp.requests) == 1, "only a token that would pass can ask for keys"


async def test_an_identity_provider_that_is_down():
    async with IdentityProvider() as idp:
        clock = FakeClock(NOW)
        idp.documents["/keys"] = jwks(jwk(RSA, kid="a"))
        idp.down = True
        authenticator = door(remote(idp, clock), clock=clock)
        text = token(claims(exp=NOW + 9999), key=RSA, alg="RS256", kid="a")
        assert await refused(authenticator, text) == "keys_unavailable"
        idp.down = False
        clock.advance(10)
        assert await authenticator.authenticate(f"Bearer {text}") == ADA
        idp.down = True
        clock.advance(5000)
        another = token(claims(exp=NOW + 9999, sub="bob"), key=RSA, alg="RS256", kid="a")
        assert (await authenticator.authenticate(f"Bearer {another}")).subject == "bob"


async def test_issuers_of_one_name_look_for_new_keys_each():
    async with IdentityProvider() as idp:
        clock = FakeClock(NOW)
        idp.documents["/keys"] = jwks(jwk(RSA, kid="a"))
        authenticator = door(trust(NAMED, "RS256"), remote(idp, clock), clock=clock)
        assert await authenticator.authenticate(f"Bearer {token(key=RSA, alg='RS256', kid='a')}") == ADA


async def test_a_key_without_a_name_is_looked_for_once_more():
    async with IdentityProvider() as idp:
        clock = FakeClock(NOW)
        idp.documents["/keys"] = jwks(jwk(RSA))
        authenticator = door(remote(idp, clock), clock=clock)
        assert await authenticator.authenticate(f"Bearer {token(key=RSA, alg='RS256')}") == ADA
        idp.documents["/keys"] = jwks(jwk(OTHER_RSA))
        clock.advance(10)
        assert await authenticator.authenticate(f"Bearer {token(key=OTHER_RSA, alg='RS256')}") == ADA


async def test_who_was_verified_is_known_until_his_token_ends_by_the_usual_header():
    clock = FakeClock(NOW)
    authenticator, text = door(SHARED, clock=clock), token()
    assert authenticator.known(f"Bearer {text}") is None
    await authenticator.authenticate(f"Bearer {text}")
    assert authenticator.known(f"Bearer {text}") == ADA
    others = [None, "", "Bearer ", text, f"bearer {text}", f"Bearer  {text}", f"Bearer {text[:-1]}", "Bearer \udcff"]
    assert [authenticator.known(header) for header in others] == [None] * len(others)
    clock.advance(10 * 365 * 86_400)
    assert authenticator.known(f"Bearer {text}") is None


async def test_a_header_that_is_too_long_is_not_even_looked_up():
    authenticator = door(SHARED)
    assert authenticator.known("Bearer " + "a" * 8193) is None
    assert await refused(authenticator, "a" * 8193) == "too_large"
