"""From settings to an authenticator."""

import pytest

from tests.auth.forge import AUDIENCE, EC, ISSUER, NOW, RSA, SECRET, IdentityProvider, fetch, jwk, jwks, pem, token
from torana.auth.build import KeyProblem, build_authenticator
from torana.auth.jwt import Authenticator
from torana.config.model import Algorithm, Auth, Issuer
from torana.config.secrets import Secret
from torana.core.clock import FakeClock

ENVIRON = {"SECRET": SECRET.decode(), "SHORT": "too-short", "PEM": pem(RSA).decode(), "EMPTY": " "}


def issuer(*algorithms: Algorithm, name: str = ISSUER, **source: object) -> Issuer:
    return Issuer(issuer=name, audience=AUDIENCE, algorithms=algorithms, **source)  # type: ignore[arg-type]  # a table


def build(*issuers: Issuer) -> Authenticator:
    return build_authenticator(Auth(issuers=issuers), ENVIRON, clock=FakeClock(NOW), fetch=fetch)


def problems(*issuers: Issuer) -> list[str]:
    with pytest.raises(KeyProblem) as problem:
        build(*issuers)
    assert str(problem.value) == "\n".join(problem.value.messages)
    return problem.value.messages


async def subject(authenticator: Authenticator, text: str) -> str:
    return (await authenticator.authenticate(f"Bearer {text}")).subject


async def test_a_secret_from_the_environment():
    assert await subject(build(issuer("HS256", secret=Secret(env="SECRET"))), token()) == "ada"


async def test_a_public_key_from_the_environment_or_a_file(tmp_path):
    (tmp_path / "key.pem").write_bytes(pem(EC))
    both = build(
        issuer("RS256", "PS256", public_key=Secret(env="PEM")),
        issuer("ES256", public_key=Secret(file=str(tmp_path / "key.pem"))),
    )
    for key, algorithm in ((RSA, "RS256"), (RSA, "PS256"), (EC, "ES256")):
        assert await subject(both, token(key=key, alg=algorithm)) == "ada"


async def test_a_jwks_file(tmp_path):
    (tmp_path / "keys.json").write_bytes(jwks(jwk(RSA, kid="a"), jwk(EC)))
    authenticator = build(issuer("RS256", "ES256", jwks_file=str(tmp_path / "keys.json")))
    assert authenticator.unready == ()
    assert await subject(authenticator, token(key=RSA, alg="RS256", kid="a")) == "ada"


async def test_a_jwks_url():
    async with IdentityProvider() as idp:
        idp.documents["/keys"] = jwks(jwk(RSA, kid="a"))
        authenticator = build(issuer("RS256", jwks_url=f"{idp.url}/keys"))
        await authenticator.start()
        assert await subject(authenticator, token(key=RSA, alg="RS256", kid="a")) == "ada"
        await authenticator.stop()


def test_remote_keys_need_not_be_there_at_the_start():
    assert build(issuer("RS256", discovery=True)).unready == (ISSUER,)


def test_no_issuers_are_no_problem():
    assert build().unready == ()


def test_every_problem_is_told_and_where_it_is(tmp_path):
    (tmp_path / "empty.json").write_bytes(b'{"keys": []}')
    (tmp_path / "not.json").write_bytes(b"keys")
    missing = str(tmp_path / "missing")
    told = problems(
        issuer("HS256", secret=Secret(env="SHORT")),
        issuer("HS256", secret=Secret(env="ABSENT")),
        issuer("HS256", secret=Secret(env="EMPTY")),
        issuer("HS256", secret=Secret(env="SECRET")),
        issuer("HS256", secret=Secret(env="PEM")),
        issuer("ES256", public_key=Secret(env="PEM")),
        issuer("RS256", "EdDSA", public_key=Secret(env="PEM")),
        issuer("RS256", public_key=Secret(env="SECRET")),
        issuer("RS256", public_key=Secret(file=missing)),
        issuer("RS256", jwks_file=missing),
        issuer("RS256", jwks_file=str(tmp_path / "empty.json")),
        issuer("RS256", jwks_file=str(tmp_path / "not.json")),
        issuer("RS256", jwks_url="http://idp.example/keys"),
        issuer("RS256", name="http://idp.example", discovery=True),
        issuer("RS256", name="corp", discovery=True),
    )
    assert told == [
        "auth.issuers[0].secret: it has 9 bytes; HS256 needs at least 32",
        "auth.issuers[1].secret: environment variable ABSENT is not set",
        "auth.issuers[2].secret: environment variable EMPTY is not set",
        "auth.issuers[4].secret: it is a public key, a certificate or a JWK; a shared secret is random bytes",
        "auth.issuers[5].public_key: it holds no key for ES256, which `algorithms` lists",
        "auth.issuers[6].public_key: it holds no key for EdDSA, which `algorithms` lists",
        "auth.issuers[7].public_key: it is no PEM public key or certificate",
        f"auth.issuers[8].public_key: file {missing} cannot be read: No such file or directory",
        f"auth.issuers[9].jwks_file: file {missing} cannot be read: No such file or directory",
        "auth.issuers[10].jwks_file: it holds no key for RS256, which `algorithms` lists",
        "auth.issuers[11].jwks_file: it is no JSON object",
        "auth.issuers[12].jwks_url: the URL must be https, or http on loopback",
        "auth.issuers[13].discovery: `issuer` must be https, or http on loopback",
        "auth.issuers[14].discovery: `issuer` must be https, or http on loopback",
    ]


def test_no_message_shows_a_secret():
    assert "too-short" not in str(problems(issuer("HS256", secret=Secret(env="SHORT"))))
