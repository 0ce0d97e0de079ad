import jwt
import msgspec
import pytest

from tests.assembly.kit import ENVIRON, ISSUER
from torana.assembly.tokens import NoOwnIssuer, own_token
from torana.auth.build import KeyProblem
from torana.config.model import Auth, Issuer, Settings
from torana.config.secrets import Secret, SecretMissing
from torana.core.clock import FakeClock

ELSEWHERE = Issuer(issuer="idp", audience="torana", algorithms=("RS256",), jwks_url="https://idp.example/keys")
OTHER = Issuer(issuer="other", audience="torana", algorithms=("HS256",), secret=Secret(env="OTHER"))


def make(*issuers: Issuer, **claims: object) -> str:
    settings = Settings(auth=Auth(issuers=issuers))
    return own_token(settings, ENVIRON, subject="ada", ttl=60, claims=claims, clock=FakeClock(1_800_000_000))


def test_the_first_issuer_with_a_secret_makes_it():
    token = make(ELSEWHERE, ISSUER, OTHER, team="blue")
    claims = jwt.decode(
        token,
        ENVIRON["TORANA_JWT_SECRET"],
        ["HS256"],
        audience="torana",
        options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
    )
    assert (claims["iss"], claims["sub"], claims["team"]) == ("torana", "ada", "blue")
    assert (claims["iat"], claims["exp"]) == (1_800_000_000, 1_800_000_060)


@pytest.mark.parametrize("issuers", [(), (ELSEWHERE,)])
def test_without_one_nobody_can(issuers):
    with pytest.raises(NoOwnIssuer, match="its own server"):
        make(*issuers)


def test_its_secret_must_be_there():
    with pytest.raises(SecretMissing, match="OTHER"):
        make(OTHER)


def test_claims_of_ours_cannot_be_given():
    with pytest.raises(ValueError, match="exp"):
        make(ISSUER, exp=1)


def test_a_secret_that_is_no_good_is_named():
    issuer = msgspec.structs.replace(ISSUER, secret=Secret(env="SHORT"))
    with pytest.raises(KeyProblem) as refused:
        own_token(
            Settings(auth=Auth(issuers=(ELSEWHERE, issuer))),
            {"SHORT": "too short"},
            subject="ada", ttl=60, claims={}, clock=FakeClock(),
        )  # fmt: skip
    assert refused.value.messages == ["auth.issuers[1].secret: it has 9 bytes; HS256 needs at least 32"]
