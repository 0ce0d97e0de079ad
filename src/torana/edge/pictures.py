"""Links to made pictures: signed, expiring, served by the gateway itself."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import parse_qs

from torana.core.clock import Clock
from torana.core.content import Picture
from torana.core.errors import NotFound
from torana.edge.exchange import Exchange
from torana.storage.objects.port import Objects

PREFIX = "/pictures/"
_EXTENSIONS = {"jpeg": "jpg"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where links point: at the operator's public address, else where the client reached us, else where we listen."""

    public_url: str | None
    listening: str

    def seen_from(self, reached_at: str | None) -> str:
        """The scheme and host for a client who reached us at an address of his."""
        return (self.public_url or reached_at or self.listening).rstrip("/")


class PictureLinks:
    """Keeps pictures in the store for a while, and answers the links that it handed out."""

    def __init__(self, objects: Objects, *, key: bytes, ttl: float, origin: Origin, clock: Clock) -> None:
        self._objects = objects
        self._key = key
        self._ttl = ttl
        self._origin = origin
        self._clock = clock

    async def publish(self, picture: Picture, reached_at: str | None) -> str:
        """Stores a picture and gives its link; it works until the time it was made for is up."""
        extension = _EXTENSIONS.get(picture.info.format, picture.info.format)
        name = await self._objects.put(picture.data, extension=extension, expires=self._clock.now() + self._ttl)
        return f"{self._origin.seen_from(reached_at)}{PREFIX}{name}?signature={self._signature(name)}"

    async def serve(self, exchange: Exchange) -> None:
        """The picture behind a link; forged, expired and unknown ones get the same NotFound."""
        name = exchange.path.removeprefix(PREFIX)
        given = parse_qs(exchange.query.decode("latin-1")).get("signature", [""])[0]
        genuine = hmac.compare_digest(given.encode(), self._signature(name).encode())
        stored = await self._objects.open(name) if genuine else None
        if stored is None:
            raise NotFound("There is no such picture, or its link has expired.")
        headers = [
            ("content-type", stored.media_type),
            ("content-disposition", "inline"),
            ("cache-control", f"private, max-age={max(0, int(stored.expires - self._clock.now()))}"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'"),
        ]
        await exchange.respond(200, headers, stored.chunks(), length=stored.size)

    def _signature(self, name: str) -> str:
        digest = hmac.digest(self._key, name.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
