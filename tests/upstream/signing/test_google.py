import json
from collections.abc import AsyncIterator
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.upstream.wire import OK, Request, Script, Wire, upstream
from torana.core.clock import FakeClock
from torana.core.exchange import Message
from torana.upstream.client import Origin
from torana.upstream.signing import google
from torana.upstream.signing.google import METADATA, google_signer
from torana.upstream.signing.signer import Fixed
from torana.upstream.signing.tokens import Tokens
from torana.upstream.transport import AiohttpClient

CALL = (Message("POST", "/generate", ()), "https://aiplatform.example/generate")
NOW = 1_800_000_000.0
GRANTED = json.dumps({"access_token": "ya29.given", "expires_in": 3599, "token_type": "Bearer"}).encode()
GIVEN = ("authorization", "Bearer ya29.given")


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
async def client() -> AsyncIterator[AiohttpClient]:
    client = AiohttpClient(per_host=4)
    yield client
    await client.close()


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def account(key: str, **fields: str) -> str:
    """A service account's file, with all that Google writes into it."""
    return json.dumps({
        "type": "service_account",
        "project_id": "mine",
        "private_key_id": "k1",
        "private_key": key,
        "client_email": "gateway@mine.iam.gserviceaccount.com",
        "client_id": "1",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com",
        **fields,
    })  # fmt: skip


def user(**fields: str) -> str:
    file = {"type": "authorized_user", "client_id": "id", "client_secret": "s3cret", "refresh_token": "1//s3cret"}
    return json.dumps(file | fields)


def giving(seen: list[Request]) -> Script:
    async def script(wire: Wire) -> None:
        seen.append(await wire.request())
        await wire.say(OK.replace(b": 2", f": {len(GRANTED)}".encode()).replace(b"hi", GRANTED))
        await wire.gone()

    return script


async def test_a_service_account_signs_what_it_asks(client, key):
    seen: list[Request] = []
    async with upstream(giving(seen)) as up:
        uri = f"http://{up.host}/token"
        signer = google_signer(account(pem(key), token_uri=uri), client, clock=FakeClock(NOW))
        assert await signer.headers(*CALL) == (GIVEN,)
    form = parse_qs(seen[0].body.decode())
    assertion = form["assertion"][0]
    claims = jwt.decode(
        assertion,
        key.public_key(),
        algorithms=["RS256"],
        audience=uri,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert seen[0].line == "POST /token HTTP/1.1"
    assert ("content-type", "application/x-www-form-urlencoded") in seen[0].headers
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert jwt.get_unverified_header(assertion) == {"alg": "RS256", "kid": "k1", "typ": "JWT"}
    assert claims == {
        "iss": "gateway@mine.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "aud": uri,
        "iat": NOW,
        "exp": NOW + 3600,
    }


@pytest.mark.parametrize(
    ("fields", "beside"), [({}, ()), ({"quota_project_id": "mine"}, (("x-goog-user-project", "mine"),))]
)
async def test_a_user_asks_by_refresh_token(client, fields, beside):
    seen: list[Request] = []
    async with upstream(giving(seen)) as up:
        secret = f"\n{user(token_uri=f'http://localhost:{up.port}/token', **fields)}\n"
        assert await google_signer(secret, client, clock=FakeClock()).headers(*CALL) == (GIVEN, *beside)
    assert seen[0].line == "POST /token HTTP/1.1"
    assert parse_qs(seen[0].body.decode()) == {
        "grant_type": ["refresh_token"],
        "client_id": ["id"],
        "client_secret": ["s3cret"],
        "refresh_token": ["1//s3cret"],
    }


async def test_the_machine_vouches(client, monkeypatch):
    seen: list[Request] = []
    async with upstream(giving(seen)) as up:
        monkeypatch.setattr(google, "_METADATA_ORIGIN", Origin(f"http://{up.host}"))
        assert await google_signer(METADATA, client, clock=FakeClock()).headers(*CALL) == (GIVEN,)
    assert seen[0].line == "GET /computeMetadata/v1/instance/service-accounts/default/token HTTP/1.1"
    assert ("metadata-flavor", "Google") in seen[0].headers


@pytest.mark.parametrize("secret", ["AIzaSyA-key", "AQ.key"])
def test_keys_are_sent_as_they_are(client, secret):
    assert google_signer(secret, client, clock=FakeClock()) == Fixed("x-goog-api-key", secret)


@pytest.mark.parametrize("secret", ["ya29.token", "eyJhbGciOi.token"])
def test_access_tokens_are_sent_as_they_are(client, secret):
    assert google_signer(secret, client, clock=FakeClock()) == Fixed("authorization", f"Bearer {secret}")


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("", "api_key must be printable ASCII"),
        ("{", "JSON of a service account's key or of an authorized user: Input data was truncated"),
        ("{}", "missing required field `type`"),
        ('{"type": "external_account"}', "Invalid value 'external_account'"),
        ('{"type": "service_account", "private_key": "s3cret"}', "missing required field `client_email`"),
        ('{"type": "authorized_user", "client_id": 1, "client_secret": "s3cret"}', r"Expected `str`, got `int`"),
        (account("s3cret"), "private_key must be an RSA key in PEM"),
        (account(pem(ec.generate_private_key(ec.SECP256R1()))), "private_key must be an RSA key in PEM"),
        (user(token_uri="http://oauth.example/s3cret"), "token_uri must be an https URL"),
        (user(token_uri="http://10.0.0.1/s3cret"), "token_uri must be an https URL"),
        (user(token_uri="https://"), "token_uri must be an https URL"),
        (user(token_uri="https://a:b/s3cret"), "token_uri must be an https URL"),
        (user(token_uri="https://me:s3cret@oauth.example/"), "token_uri must be an https URL"),
        (user(token_uri="ftp://127.0.0.1/s3cret"), "token_uri must be an https URL"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_shown(client, secret, said):
    with pytest.raises(ValueError, match=said) as caught:
        google_signer(secret, client, clock=FakeClock())
    assert "s3cret" not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_nothing_secret_is_shown(client, key):
    for secret in (user(), account(pem(key))):
        signer = google_signer(secret, client, clock=FakeClock())
        assert isinstance(signer, Tokens)
        shown = f"{signer!r} {signer._grant!r} {signer._grant.message!r}"
        assert "s3cret" not in shown
        assert "PRIVATE KEY" not in shown
