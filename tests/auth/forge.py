"""Keys, tokens good and bad, and an identity provider on loopback, for the tests of this room."""

import asyncio
import base64
import json
from collections.abc import Mapping
from http.client import HTTPConnection
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, settings
from jwt.algorithms import get_default_algorithms

NOW = 1_800_000_000
ISSUER = "https://idp.example"
AUDIENCE = "torana"

SECRET = b"0123456789abcdef-a-good-long-secret"
RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PRIVATE: dict[str, Private] = {"RS256": RSA, "PS256": RSA, "ES256": EC, "EdDSA": ED}

_SIGNERS = get_default_algorithms()

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For property tests on a busy machine."""


def pem(key: Private) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def jwk(key: Private, **members: object) -> dict[str, object]:
    algorithm = next(name for name, private in PRIVATE.items() if isinstance(key, type(private)))
    return {**_SIGNERS[algorithm].to_jwk(key.public_key(), as_dict=True), **members}


def jwks(*keys: object) -> bytes:
    return json.dumps({"keys": keys}).encode()


def claims(**changes: object) -> dict[str, object]:
    """Good claims; a change to None takes a claim away."""
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": NOW + 600, "iat": NOW, "nbf": NOW}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(
    payload: Mapping[str, object] | bytes | None = None,
    key: Private | bytes = SECRET,
    alg: str = "HS256",
    *,
    signer: str | None = None,
    **header: object,
) -> str:
    """A token signed as ``signer`` (default: ``alg``) with whatever payload and header, however wrong."""
    body = payload if isinstance(payload, bytes) else json.dumps(claims() if payload is None else payload).encode()
    return seal(json.dumps({"alg": alg, **header}).encode(), body, key, signer or alg)


def seal(header: bytes, payload: bytes, key: Private | bytes, signer: str) -> str:
    signing_input = f"{b64(header)}.{b64(payload)}"
    return f"{signing_input}.{b64(_SIGNERS[signer].sign(signing_input.encode(), key))}"


async def fetch(url: str) -> bytes:
    return await asyncio.to_thread(_get, url)


def _get(url: str) -> bytes:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=5)
    try:
        connection.request("GET", parts.path)
        reply = connection.getresponse()
        if reply.status != 200:
            raise OSError(f"status {reply.status}")
        return reply.read()
    finally:
        connection.close()


class IdentityProvider:
    """A real HTTP server on loopback with the ``documents`` it is given; ``down`` makes it answer 503."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.down = False
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split()[1].decode()
        self.requests.append(path)
        status = 503 if self.down else 200 if path in self.documents else 404
        body = self.documents.get(path, b"")
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, len(body), body))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
