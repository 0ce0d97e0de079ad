"""Signature Version 4, by which AWS knows who calls; as all its services read it but S3, which reads paths otherwise.

Source: AWS's guide "Create a signed AWS API request", and botocore, against which it is tested.
"""

import asyncio
import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from urllib.parse import quote, urlsplit

from torana.core.clock import Clock
from torana.core.exchange import Message
from torana.upstream.signing.signer import Fixed, Signer

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_CREDENTIALS = re.compile(r"(?P<id>[!-9;-~]+):(?P<secret>[!-9;-~]+)(:(?P<token>[!-9;-~]+))?")
_PORTS = {"http": 80, "https": 443}
# Headers that proxies and libraries may add to, take away or rewrite under way.
_UNSIGNED = frozenset({
    "authorization", "baggage", "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization",
    "te", "traceparent", "tracestate", "trailer", "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Credentials:
    """An AWS access key; ``token`` belongs to temporary ones."""

    key_id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


class SigV4:
    """Signs each message anew: its method, address, headers and body, at this time, for one service in one region."""

    def __init__(self, credentials: Credentials, *, region: str, service: str, clock: Clock) -> None:
        self._credentials = credentials
        self._region = region
        self._service = service
        self._clock = clock

    async def headers(self, message: Message, url: str) -> tuple[tuple[str, str], ...]:
        """The time, the session's token if there is one, and the signature over all that the message has.

        ``url`` is as it goes out, percent-encoded. AWS takes a signature for five minutes.
        """
        stamp = datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y%m%dT%H%M%SZ")
        token = self._credentials.token
        ours = (("x-amz-date", stamp), *([("x-amz-security-token", token)] if token else []))
        signed = _canonical_headers((*message.headers, ("host", _host(url)), *ours))
        request = _canonical_request(message.method, url, signed, body_hash=await _body_hash(message))
        scope = f"{stamp[:8]}/{self._region}/{self._service}/aws4_request"
        signature = self._signature(f"{_ALGORITHM}\n{stamp}\n{scope}\n{sha256(request.encode()).hexdigest()}", scope)
        credential = f"{self._credentials.key_id}/{scope}"
        value = f"{_ALGORITHM} Credential={credential}, SignedHeaders={';'.join(signed)}, Signature={signature}"
        return (*ours, ("authorization", value))

    def _signature(self, text: str, scope: str) -> str:
        key = f"AWS4{self._credentials.secret}".encode()
        for part in (*scope.split("/"), text):
            key = hmac.digest(key, part.encode(), "sha256")
        return key.hex()


def aws_signer(secret: str, *, region: str, service: str, clock: Clock) -> Signer:
    """The signer for ``ACCESS_KEY_ID:SECRET_ACCESS_KEY``, with ``:SESSION_TOKEN`` where it is temporary.

    A secret without a colon is an API key as Bedrock gives them, and sent as a bearer token. ValueError for others.
    """
    if ":" not in secret:
        return Fixed("authorization", f"Bearer {secret}")
    found = _CREDENTIALS.fullmatch(secret)
    if found is None:
        raise ValueError(
            "api_key must be ACCESS_KEY_ID:SECRET_ACCESS_KEY, followed by :SESSION_TOKEN if it is temporary, "
            "or an API key, which has no colon"
        )
    credentials = Credentials(found["id"], found["secret"], found["token"])
    return SigV4(credentials, region=region, service=service, clock=clock)


def _canonical_request(method: str, url: str, headers: dict[str, str], *, body_hash: str) -> str:
    parts = urlsplit(url)
    query = sorted(pair.partition("=")[::2] for pair in parts.query.split("&") if parts.query)
    lines = [
        method,
        _canonical_path(parts.path),
        "&".join(f"{name}={value}" for name, value in query),
        *(f"{name}:{value}" for name, value in headers.items()),
        "",
        ";".join(headers),
        body_hash,
    ]
    return "\n".join(lines)


def _canonical_path(path: str) -> str:
    """Without dots and empty segments, and quoted once more than it goes out: that is how AWS reads it."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    end = "/" if kept and path.endswith("/") else ""
    return quote(f"/{'/'.join(kept)}{end}")


def _canonical_headers(headers: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Those to sign, by name in lower case and in order; repeated ones joined, their spaces single."""
    signed: dict[str, str] = {}
    for name, value in headers:
        key, text = name.lower(), " ".join(value.split())
        signed[key] = f"{signed[key]},{text}" if key in signed else text
    return {name: signed[name] for name in sorted(signed.keys() - _UNSIGNED)}


def _host(url: str) -> str:
    """The host header as HTTP clients send it: in lower case, and no port where it is the scheme's own."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
    return host if parts.port in {None, _PORTS.get(parts.scheme)} else f"{host}:{parts.port}"


async def _body_hash(message: Message) -> str:
    digest = sha256()
    for part in message.body:
        if isinstance(part, bytes):
            # A picture's worth of it would hold up the event loop.
            await asyncio.to_thread(digest.update, part)
        else:
            async for piece in part.chunks():
                digest.update(piece)
    return digest.hexdigest()
