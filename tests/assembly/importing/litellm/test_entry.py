import pytest

from tests.assembly.importing.kit import imported
from torana.assembly.importing.report import Outcome

OWN = {"issuer": "torana", "audience": "torana", "algorithms": ["HS256"], "secret": {"env": "TORANA_TOKEN_SECRET"}}
JWT = """\
general_settings:
  enable_jwt_auth: true
  litellm_jwtauth: {team_ids_jwt_field: groups, public_key_ttl: 60, odd: 1}
"""
KEYS = "https://idp.example/realms/acme/protocol/openid-connect/certs"


@pytest.mark.parametrize("settings", ["a: 1", "general_settings: {master_key: sk-1}", JWT])
def test_without_an_issuer_there_is_one_of_our_own(settings: str) -> None:
    made = imported(settings)
    assert made.document["auth"]["issuers"] == [OWN]
    assert "TORANA_TOKEN_SECRET" in str(made.report)
    assert "sk-1" not in str(made)


def test_an_issuer_that_the_environment_tells() -> None:
    made = imported(JWT, JWT_PUBLIC_KEY_URL=KEYS, JWT_AUDIENCE="api://gateway")
    assert made.document["auth"]["issuers"] == [
        {
            "issuer": "https://idp.example/realms/acme",
            "audience": "api://gateway",
            "algorithms": ["RS256", "ES256"],
            "jwks_url": KEYS,
            "refresh": "60s",
            "claims": {"teams": "groups"},
        }
    ]
    assert "general_settings.litellm_jwtauth.odd" in made.told(Outcome.LEFT)


def test_an_issuer_that_the_file_tells() -> None:
    own = f"environment_variables: {{JWT_PUBLIC_KEY_URL: '{KEYS}', JWT_AUDIENCE: a, JWT_ISSUER: acme}}"
    made = imported(JWT + own, JWT_AUDIENCE="other")
    (issuer,) = made.document["auth"]["issuers"]
    assert (issuer["issuer"], issuer["audience"]) == ("acme", "a")


@pytest.mark.parametrize("keys", ["http://idp.example/keys", "file:///keys", "https://u:p@idp.example/keys"])
def test_keys_come_over_https_alone(keys: str) -> None:
    made = imported(JWT, JWT_PUBLIC_KEY_URL=keys, JWT_AUDIENCE="a")
    assert made.document["auth"]["issuers"] == [OWN]
    assert "an https JWT_PUBLIC_KEY_URL" in made.told(Outcome.LEFT)["general_settings.enable_jwt_auth"]
