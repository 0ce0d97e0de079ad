"""Every attack on a token that has a name, one by one, and noise."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.auth.doors import ADA, BY_RSA, NAMED, PUBLIC, SHARED, door, refused, trust
from tests.auth.forge import (
    AUDIENCE,
    EC,
    ED,
    ISSUER,
    NOW,
    OTHER_RSA,
    PATIENT,
    RSA,
    b64,
    claims,
    jwk,
    pem,
    token,
)
from torana.auth.jwt import MESSAGE
from torana.auth.keys.jwk import pem_key
from torana.core.errors import Unauthenticated

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.parametrize(("header", "reason"), [(None, "missing"), ("", "missing"), ("Basic YTpi", "not_bearer")])
async def test_no_bearer_token_at_all(header, reason):
    with pytest.raises(Unauthenticated) as error:
        await door(SHARED).authenticate(header)
    assert (error.value.message, error.value.reason) == (MESSAGE, reason)


async def test_no_issuers_trust_nobody():
    assert await refused(door(), token()) == "unknown_issuer"


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "nOnE", "none ", "", "hs256", "HS384", "RS512", "HS256 ", "null"]
)
@pytest.mark.parametrize("signature", ["", "AA", None])
async def test_algorithms_that_nobody_allowed(alg, signature):
    head_and_body, _, good = token(alg=alg, signer="HS256").rpartition(".")
    text = f"{head_and_body}.{good if signature is None else signature}"
    expected = "not_bearer" if signature == "" else "algorithm_not_allowed"
    for trusted in (SHARED, BY_RSA, trust(NAMED, *PUBLIC)):
        assert await refused(door(trusted), text) == expected


@pytest.mark.parametrize("private", [RSA, EC, ED])
async def test_a_public_key_as_a_shared_secret(private):
    forged = token(key=pem(private), alg="HS256", kid="rsa")
    for trusted in (trust(pem_key(pem(private)), *PUBLIC), trust(NAMED, *PUBLIC)):
        assert await refused(door(trusted), forged) == "algorithm_not_allowed"


async def test_a_shared_secret_issuer_beside_a_public_key_one():
    forged = token(claims(iss="https://rsa.example"), key=pem(RSA), alg="HS256")
    both = door(SHARED, trust(pem_key(pem(RSA)), "RS256", name="https://rsa.example"))
    assert await refused(both, forged) == "algorithm_not_allowed"
    assert await refused(both, token(key=pem(RSA), alg="HS256")) == "bad_signature"


async def test_an_algorithm_that_fits_the_key_but_not_the_issuer():
    assert await refused(door(BY_RSA), token(key=RSA, alg="PS256")) == "algorithm_not_allowed"


async def test_an_algorithm_of_the_issuer_that_does_not_fit_the_key():
    authenticator = door(trust(pem_key(pem(RSA)), *PUBLIC))
    assert await refused(authenticator, token(key=EC, alg="ES256")) == "unknown_key"
    assert await refused(authenticator, token(key=RSA, alg="ES256", signer="RS256")) == "unknown_key"
    assert await refused(authenticator, token(key=RSA, alg="PS256", signer="RS256")) == "bad_signature"


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": jwk(OTHER_RSA)},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/certificate"},
        {"x5c": ["MIIB"]},
        {"crit": ["b64"], "b64": False},
        {"crit": ["unheard-of"], "unheard-of": 1},
    ],
)
async def test_headers_that_bring_their_own_key_or_rules(header):
    authenticator = door(BY_RSA)
    assert await refused(authenticator, token(key=OTHER_RSA, alg="RS256", **header)) == "refused_header"
    assert await refused(authenticator, token(key=RSA, alg="RS256", **header)) == "refused_header"


@pytest.mark.parametrize(
    "kid",
    ["../../../../dev/null", "/etc/passwd", "' OR '1'='1", "x' UNION SELECT 'key'--", "", "RSA", "rsa\x00", "k" * 4000],
)
async def test_a_kid_is_a_name_and_nothing_else(kid):
    authenticator = door(trust(NAMED, *PUBLIC))
    assert await refused(authenticator, token(key=RSA, alg="RS256", kid=kid)) == "unknown_key"
    assert await refused(authenticator, token(key=b"", alg="HS256", kid=kid)) == "algorithm_not_allowed"


async def test_the_kid_of_another_key():
    assert await refused(door(trust(NAMED, *PUBLIC)), token(key=RSA, alg="RS256", kid="ec")) == "unknown_key"


async def test_one_issuers_key_does_not_sign_for_another():
    two = door(BY_RSA, trust(pem_key(pem(OTHER_RSA)), "RS256", name="https://b.example"))
    assert await refused(two, token(claims(iss="https://b.example"), key=RSA, alg="RS256")) == "bad_signature"
    assert await refused(two, token(claims(), key=OTHER_RSA, alg="RS256")) == "bad_signature"


@pytest.mark.parametrize(
    "iss", [None, "", ISSUER.upper(), "https://IDP.example", ISSUER + "/", " " + ISSUER, [ISSUER], {}, 7, True]
)
async def test_issuers_that_are_not_exactly_ours(iss):
    assert await refused(door(SHARED), token(claims(iss=iss))) == "unknown_issuer"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "another"}, "wrong_audience"),
        ({"aud": ["another"]}, "wrong_audience"),
        ({"aud": None}, "wrong_audience"),
        ({"exp": None}, "bad_times"),
        ({"exp": str(NOW + 60)}, "bad_times"),
        ({"exp": True}, "bad_times"),
        ({"exp": NOW - 31}, "expired"),
        ({"nbf": NOW + 31}, "not_yet_valid"),
        ({"iat": NOW + 31}, "not_yet_valid"),
        ({"sub": None}, "no_subject"),
    ],
)
async def test_claims_that_do_not_open_the_door(changes, reason):
    assert await refused(door(SHARED), token(claims(**changes))) == reason


async def test_our_audience_in_a_list():
    assert await door(SHARED).authenticate(f"Bearer {token(claims(aud=['x', AUDIENCE]))}") == ADA


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"exp":NaN}', "malformed"),
        (b'{"iss":"%b","aud":"torana","sub":"a","exp":1e400}' % ISSUER.encode(), "bad_times"),
        (b'{"sub":"ada","sub":"root"}', "malformed"),
        (b"[" * 5900, "malformed"),
        (b'{"a":' * 1100, "malformed"),
        (b"[]", "malformed"),
        (b'"text"', "malformed"),
        (b'{"exp":' + b"9" * 5000 + b"}", "malformed"),
    ],
)
async def test_payloads_that_are_no_claims(payload, reason):
    assert await refused(door(SHARED), token(payload)) == reason


async def test_a_payload_other_than_the_signed_one():
    head, _, signature = token().split(".")
    other = token(claims(sub="root")).split(".")[1]
    assert await refused(door(SHARED), f"{head}.{other}.{signature}") == "bad_signature"


async def test_a_signature_cut_short_or_spelt_otherwise():
    good = token()
    respelt = good[:-1] + ALPHABET[ALPHABET.index(good[-1]) ^ 1]
    assert await refused(door(SHARED), good[:-3]) == "bad_signature"
    assert await refused(door(SHARED), respelt) == "malformed"


@pytest.mark.parametrize("change", ["{}.", ".{}", "{}.{}", " {} x", "{}\n", "{}=", "{}\u00e9", "{} {}", "\ufeff{}"])
async def test_text_around_a_good_token(change):
    assert await refused(door(SHARED), change.replace("{}", token())) == "not_bearer"


async def test_a_token_that_is_too_large():
    assert await refused(door(SHARED), token(claims(padding="x" * 8192))) == "too_large"


PARTS = st.binary(max_size=60).map(b64) | st.sampled_from([*token().split("."), "", "e30", "bnVsbA"])
HEADERS = (
    st.text(max_size=40)
    | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1"))
    | st.builds("Bearer {}.{}.{}".format, PARTS, PARTS, PARTS)
    | st.builds("{}{}".format, st.sampled_from(["Bearer ", "bearer  ", "Basic ", "Bearer\t"]), st.text(max_size=40))
)
BODIES = st.dictionaries(
    st.sampled_from(["alg", "kid", "typ", "iss", "aud", "exp", "sub"]),
    st.none() | st.booleans() | st.integers() | st.sampled_from([ISSUER, AUDIENCE, "HS256", [], {}, 1e300]),
)


@PATIENT
@given(HEADERS)
async def test_no_header_raises_anything_but_unauthenticated(header):
    with suppress(Unauthenticated):
        assert await door(SHARED, trust(NAMED, *PUBLIC)).authenticate(header) == ADA
        assert header == f"Bearer {token()}"


@PATIENT
@given(BODIES, BODIES)
async def test_no_signed_nonsense_raises_anything_but_unauthenticated(header, changes):
    text = token(claims(**changes), **{"alg": "HS256", "signer": "HS256", **header})
    with suppress(Unauthenticated):
        known = await door(SHARED, trust(NAMED, *PUBLIC)).authenticate(f"Bearer {text}")
        assert known.subject == {**claims(), **changes}["sub"]
