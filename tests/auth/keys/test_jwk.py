"""Keys, and what they verify."""

import logging
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from tests.auth.forge import EC, ED, OTHER_RSA, PATIENT, PRIVATE, RSA, SECRET, b64, jwk, jwks, pem, token
from torana.auth.keys.jwk import MAX_DOCUMENT, MAX_KEYS, Key, KeyRefused, jwk_key, jwks_keys, pem_key, secret_key

FITTING = [(RSA, {"RS256", "PS256"}), (EC, {"ES256"}), (ED, {"EdDSA"})]
SMALL_RSA = rsa.generate_private_key(65537, 1024)


def certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.example")])
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1).public_key(EC.public_key())
    )
    builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(
        datetime(2021, 1, 1, tzinfo=UTC)
    )
    return builder.sign(EC, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_good_signature_holds_and_another_does_not(algorithm):
    key = pem_key(pem(PRIVATE[algorithm]))
    good = token(key=PRIVATE[algorithm], alg=algorithm)
    assert key.signed(good, algorithm)
    assert not key.signed(good[:-8] + "AAAAAAAA", algorithm)
    assert not key.signed(good[:-8], algorithm)


def test_a_shared_secret_holds_for_its_own_tokens():
    assert secret_key(SECRET[:32]).signed(token(key=SECRET[:32]), "HS256")
    assert secret_key(SECRET).signed(token(), "HS256")
    assert not secret_key(SECRET + b"!").signed(token(), "HS256")


def test_another_key_of_the_same_type_did_not_sign():
    assert not pem_key(pem(OTHER_RSA)).signed(token(key=RSA, alg="RS256"), "RS256")


def test_a_public_key_is_no_shared_secret():
    forged = token(key=pem(RSA), alg="HS256")
    assert not pem_key(pem(RSA)).signed(forged, "HS256")
    assert not pem_key(pem(RSA)).signed(forged, "RS256")
    with pytest.raises(KeyRefused, match="public key"):
        secret_key(pem(RSA))


def test_the_header_must_name_the_algorithm_that_is_asked_for():
    assert not pem_key(pem(RSA)).signed(token(key=RSA, alg="PS256"), "RS256")
    assert not pem_key(pem(RSA)).signed(token(key=RSA, alg="PS256", signer="RS256"), "RS256")
    assert not pem_key(pem(RSA)).signed(token(key=RSA, alg="PS256", signer="RS256"), "PS256")


@pytest.mark.parametrize(
    "secret",
    [
        b"",
        b"x" * 31,
        pem(EC),
        pem(ED),
        certificate(),
        b'{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAA"}',
        b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7",
    ],
)
def test_secrets_that_are_none(secret):
    with pytest.raises(KeyRefused):
        secret_key(secret)


def test_a_secret_does_not_show_itself():
    assert SECRET.decode() not in repr(secret_key(SECRET))


@pytest.mark.parametrize(("private", "algorithms"), FITTING)
def test_a_pem_key_fits_what_its_type_fits(private, algorithms):
    assert pem_key(pem(private)) == Key(private.public_key(), frozenset(algorithms))


def test_a_certificate_gives_its_key():
    assert pem_key(certificate()) == Key(EC.public_key(), frozenset({"ES256"}))


def _private_pem(password: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_private_pem(), "private key"),
        (_private_pem(b"password"), "private key"),
        (RSA.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()), "private key"),
        (pem(RSA) + _private_pem(), "private key"),
        (b"", "no PEM"),
        (SECRET, "no PEM"),
        (jwks(jwk(RSA)), "no PEM"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "no PEM"),
        (pem(SMALL_RSA), "none of"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "none of"),
        (
            ed448.Ed448PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "none of",
        ),
        (
            dsa.DSAPublicNumbers(5, dsa.DSAParameterNumbers((1 << 1023) | 1155, (1 << 159) | 7, 3))
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "none of",
        ),
    ],
)
def test_pems_that_hold_no_key_of_ours(text, message):
    with pytest.raises(KeyRefused, match=message):
        pem_key(text)


@pytest.mark.parametrize(("private", "algorithms"), FITTING)
def test_a_jwk_fits_what_its_type_fits(private, algorithms):
    key = jwk_key(jwk(private, kid="k1", use="sig", key_ops=["verify"], x5c=["ignored"]))
    assert key == Key(private.public_key(), frozenset(algorithms), "k1")


def test_a_jwk_may_be_for_one_algorithm():
    assert jwk_key(jwk(RSA, alg="PS256")).algorithms == {"PS256"}


@pytest.mark.parametrize(
    "member",
    [
        {},
        {"kty": "oct", "k": b64(SECRET), "kid": "k"},
        {"kty": "unknown"},
        {"kty": ["RSA"]},
        {**jwk(RSA), "d": "AQAB"},
        RSAAlgorithm.to_jwk(SMALL_RSA.public_key(), as_dict=True),
        ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True),
        ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256K1()).public_key(), as_dict=True),
        OKPAlgorithm.to_jwk(ed448.Ed448PrivateKey.generate().public_key(), as_dict=True),
        jwk(RSA, use="enc"),
        jwk(RSA, use=["sig"]),
        jwk(RSA, key_ops=["encrypt"]),
        jwk(RSA, key_ops="verify"),
        jwk(RSA, alg="RS512"),
        jwk(RSA, alg="RSA-OAEP"),
        jwk(RSA, alg="HS256"),
        jwk(RSA, alg="ES256"),
        jwk(RSA, alg="none"),
        jwk(RSA, alg=["RS256"]),
        jwk(RSA, alg=None),
        jwk(RSA, kid=7),
        jwk(RSA, n=7),
        jwk(RSA, n=None),
        jwk(RSA, n="AQAB"),
        jwk(RSA, n="!"),
        jwk(RSA, n=b64(b"\xff" * 1025)),
        jwk(RSA, e="AQ"),
        jwk(RSA, e=""),
        {"kty": "RSA"},
        {"kty": "EC"},
        {"kty": "EC", "crv": "P-256", "x": b64(bytes(32)), "y": b64(bytes(32))},
        jwk(EC, crv="P-384"),
        jwk(EC, x=[]),
        jwk(EC, kty="RSA"),
        {"kty": "OKP", "crv": "Ed25519"},
        jwk(ED, x="AAAA"),
        jwk(ED, crv="X25519"),
    ],
)
def test_members_of_a_jwks_that_are_no_key_of_ours(member):
    with pytest.raises(KeyRefused):
        jwk_key(member)


@pytest.mark.parametrize("algorithm", [RSAAlgorithm, ECAlgorithm, OKPAlgorithm])
def test_a_private_key_is_not_even_read(algorithm):
    private = {RSAAlgorithm: RSA, ECAlgorithm: EC, OKPAlgorithm: ED}[algorithm]
    with pytest.raises(KeyRefused, match="no public key"):
        jwk_key(algorithm.to_jwk(private, as_dict=True))


def test_the_usable_keys_of_a_document_in_order(caplog):
    caplog.set_level(logging.DEBUG, "torana.auth")
    document = jwks(jwk(RSA, kid="a"), "text", None, {"kty": "oct", "k": "SECRETSECRET"}, jwk(ED, kid="b"))
    assert [key.kid for key in jwks_keys(document)] == ["a", "b"]
    assert "passed over" in caplog.text
    assert "SECRETSECRET" not in caplog.text


def test_a_document_may_hold_no_key():
    assert jwks_keys(b'{"keys": []}') == ()


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": null}',
        b"<html>503</html>",
        b'{"keys": [], "keys": []}',
        jwks(*[{}] * (MAX_KEYS + 1)),
        b'{"keys": []' + b" " * MAX_DOCUMENT + b"}",
    ],
)
def test_documents_that_are_no_jwks(document):
    with pytest.raises(KeyRefused):
        jwks_keys(document)


VALUES = st.none() | st.booleans() | st.integers() | st.text("AQab-_=!é", max_size=50) | st.lists(st.just("sig"))


@PATIENT
@given(
    st.sampled_from([jwk(RSA), jwk(EC), jwk(ED)]),
    st.dictionaries(st.sampled_from(["kty", "crv", "n", "e", "x", "y", "d", "kid", "use", "alg", "key_ops"]), VALUES),
)
def test_no_members_raise_anything_but_refused(good, changes):
    assert len(jwks_keys(jwks({**good, **changes}))) <= 1


@PATIENT
@given(st.sampled_from(["RS256", "PS256", "ES256", "EdDSA", "HS256"]), st.binary(min_size=1, max_size=300))
def test_no_signature_of_chance_holds_or_raises(algorithm, signature):
    head_and_body = token(alg=algorithm, signer="HS256").rpartition(".")[0]
    key = secret_key(SECRET) if algorithm == "HS256" else pem_key(pem(PRIVATE[algorithm]))
    assert not key.signed(f"{head_and_body}.{b64(signature)}", algorithm)
