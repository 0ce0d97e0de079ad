"""The credentials that Google Cloud knows: keys, access tokens, and files or machines that tokens are given for.

Source: RFC 7523, Google's "Using OAuth 2.0 for server to server applications", and its library google-auth.
"""

from contextlib import suppress
from functools import partial
from typing import Final
from urllib.parse import urlencode, urlsplit

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec import Struct

from torana.core.clock import Clock
from torana.core.exchange import Message
from torana.upstream.addresses import literal
from torana.upstream.client import Client, Origin
from torana.upstream.signing.signer import Fixed, Signer
from torana.upstream.signing.tokens import Grant, Tokens

METADATA: Final = "metadata"
"""The secret of those who have none: a workload on Google Cloud, whose machine vouches for it."""

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_ASSERTION_LIVES = 3600
_METADATA_ORIGIN = Origin("http://metadata.google.internal")
_METADATA_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"
_ACCESS_TOKENS = ("ya29.", "eyJ")
"""How access tokens begin, Google's own and those that are JWTs; API keys begin otherwise."""


class _File(Struct, tag_field="type"):
    """What all files hold; shown by its kind alone, because the rest is secret."""

    def __repr__(self) -> str:
        return type(self).__name__


class _ServiceAccount(_File, tag="service_account"):
    client_email: str
    private_key: str
    private_key_id: str | None = None
    token_uri: str = _TOKEN_URI


class _AuthorizedUser(_File, tag="authorized_user"):
    client_id: str
    client_secret: str
    refresh_token: str
    token_uri: str = _TOKEN_URI
    quota_project_id: str | None = None


def google_signer(secret: str, client: Client, *, clock: Clock) -> Signer:
    """The signer for a JSON file's text (service account or authorized user), an API key, or an access token.

    ``metadata`` stands for the account of the machine we run on. ValueError says what is wrong with others, and shows
    nothing of them. ``client`` fetches tokens.
    """
    if secret == METADATA:
        return Tokens(Grant(_METADATA_ORIGIN, _ask_machine), client, clock=clock)
    if secret.lstrip().startswith("{"):
        return Tokens(_file_grant(secret), client, clock=clock)
    if secret.startswith(_ACCESS_TOKENS):
        return Fixed("authorization", f"Bearer {secret}")
    return Fixed("x-goog-api-key", secret)


def _file_grant(text: str) -> Grant:
    try:
        file = msgspec.json.decode(text, type=_ServiceAccount | _AuthorizedUser)
    except ValueError as error:
        # It names fields and types of values, and of values only that of `type`.
        raise ValueError(
            f"api_key must be the JSON of a service account's key or of an authorized user: {error}"
        ) from None
    origin, path = _address(file.token_uri)
    if isinstance(file, _AuthorizedUser):
        project = file.quota_project_id
        beside = (("x-goog-user-project", project),) if project else ()
        return Grant(origin, partial(_ask_for_user, path, file), beside)
    return Grant(origin, partial(_ask_for_account, path, file, _private_key(file)))


def _private_key(file: _ServiceAccount) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(file.private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("api_key's private_key must be an RSA key in PEM, as Google gives it")  # noqa: TRY004 - of text
    return key


def _address(uri: str) -> tuple[Origin, str]:
    """Where a file says that tokens are given; within this machine alone it may be without TLS."""
    with suppress(ValueError):
        parts = urlsplit(uri)
        if parts.scheme == "https" or _is_loopback(parts.hostname or ""):
            return Origin(f"{parts.scheme}://{parts.netloc}"), parts.path
    raise ValueError("api_key's token_uri must be an https URL")


def _is_loopback(host: str) -> bool:
    address = literal(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _ask_for_account(path: str, file: _ServiceAccount, key: RSAPrivateKey, now: float) -> Message:
    claims = {
        "iss": file.client_email,
        "scope": _SCOPE,
        "aud": file.token_uri,
        "iat": int(now),
        "exp": int(now) + _ASSERTION_LIVES,
    }
    named = {"kid": file.private_key_id} if file.private_key_id else None
    assertion = jwt.encode(claims, key, algorithm="RS256", headers=named)
    return _form(path, {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion})


def _ask_for_user(path: str, file: _AuthorizedUser, _now: float) -> Message:
    return _form(
        path,
        {
            "grant_type": "refresh_token",
            "client_id": file.client_id,
            "client_secret": file.client_secret,
            "refresh_token": file.refresh_token,
        },
    )


def _ask_machine(_now: float) -> Message:
    return Message("GET", _METADATA_PATH, (("metadata-flavor", "Google"),))


def _form(path: str, fields: dict[str, str]) -> Message:
    headers = (("content-type", "application/x-www-form-urlencoded"),)
    return Message("POST", path, headers, (urlencode(fields).encode(),))
