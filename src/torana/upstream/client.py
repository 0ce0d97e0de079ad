"""The port to upstreams: a message goes to an origin, a response comes back."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, Self
from urllib.parse import urlsplit

from msgspec import Struct

from torana.core.errors import UpstreamError
from torana.core.exchange import Message


class Origin(Struct, frozen=True, cache_hash=True):
    """Where messages go, and the headers that open the door there; these are secrets and never shown.

    ``base_url`` is ``http`` or ``https``, a host, and perhaps a port and the path where an API starts. Anything else
    in it is a ValueError, credentials above all: they belong in ``headers``.
    """

    base_url: str
    headers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
            raise ValueError("base_url must be an http or https URL with a host")
        if "@" in parts.netloc or "?" in self.base_url or "#" in self.base_url:
            raise ValueError("base_url must hold no credentials, no query and no fragment")

    def __repr__(self) -> str:
        return f"Origin(base_url={self.base_url!r})"

    def url(self, path: str) -> str:
        """The whole URL for a message's path, which is taken as it is: quoting it is the dialect's."""
        return f"{self.base_url.rstrip('/')}/{path.removeprefix('/')}"


class Timeouts(Struct, frozen=True, gc=False):
    """How long an upstream may take, in seconds, and how often it may be asked."""

    connect: float
    """Until connected: name lookup, TCP and TLS. Waiting for a free connection does not count."""
    first_byte: float
    """The longest silence: from the request's last byte to the reply's first, and between bytes of the reply."""
    total: float
    """From the call of ``send`` to the reply's last byte, waiting for a free connection included."""
    sendings: int | None = None
    """Sendings of the message at most, by a client who would send it more often; None leaves it to him."""
    again_on: frozenset[int] | None = None
    """Replies after which he may send it again, of those after which he would; None is all of them."""


class Headers(Mapping[str, str]):
    """A reply's headers: looked up in any case, listed in lower case, repeated ones joined by a comma.

    They are kept as they came and become text when they are asked for: most are never looked at.
    """

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[bytes, bytes] = {}
        for name, value in pairs:
            key, data = _raw(name), value.encode(errors="surrogateescape")
            self._values[key] = self._values[key] + b", " + data if key in self._values else data

    @classmethod
    def of(cls, values: dict[bytes, bytes]) -> Self:
        """Headers that are joined already, under names in lower case; they are kept, not copied."""
        made = cls.__new__(cls)
        made._values = values  # noqa: SLF001 - its own
        return made

    def __getitem__(self, name: str) -> str:
        return self._values[_raw(name)].decode(errors="surrogateescape")

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override] # cheaper than its own
        """The value, or ``default``."""
        value = self._values.get(_raw(name))
        return default if value is None else value.decode(errors="surrogateescape")

    def __iter__(self) -> Iterator[str]:
        return (name.decode(errors="surrogateescape") for name in self._values)

    def __len__(self) -> int:
        return len(self._values)


def _raw(name: str) -> bytes:
    return name.lower().encode(errors="surrogateescape")


class Response:
    """A reply whose head has come. Its body can be read once, while its block is open.

    Reading raises UpstreamError for a body of more than ``max_reply`` bytes, and whatever ``Client.send`` raises.
    """

    __slots__ = ("_body", "_max_reply", "headers", "status")

    def __init__(self, status: int, headers: Headers, body: AsyncIterator[bytes], max_reply: int) -> None:
        self.status = status
        self.headers = headers
        self._body = body
        self._max_reply = max_reply

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes in: each time all that has come since."""
        size = 0
        async for chunk in self._body:
            size += len(chunk)
            if size > self._max_reply:
                raise too_long(self._max_reply)
            yield chunk

    async def pieces(self) -> list[bytes]:
        """The whole body, in the pieces in which it came."""
        return [chunk async for chunk in self.chunks()]

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join(await self.pieces())


def too_long(max_reply: int) -> UpstreamError:
    """The error for a body of more than ``max_reply`` bytes."""
    return UpstreamError(f"The upstream's reply is longer than {max_reply:,} bytes.")


class Client(Protocol):
    """Sends messages to upstreams."""

    def send(
        self,
        message: Message,
        origin: Origin,
        *,
        timeouts: Timeouts,
        max_reply: int,
        headers: Sequence[tuple[str, str]] = (),
    ) -> AbstractAsyncContextManager[Response]:
        """Send ``message`` with the origin's headers and ``headers``; the block opens when the reply's head has come.

        Any status is a reply, redirects too: none is followed, and no cookie is kept. A reply that comes before the
        body is all sent is given at once. The connection is held until the block ends; it is dropped when the reply
        was not read to its end, or the block or the call was cancelled or failed.

        A message never reaches an upstream again where it might charge again. Only methods that HTTP calls
        idempotent, such as GET, may go out a second time when the connection breaks before the reply.

        Raises Overloaded when too many exchanges wait for a connection there, which says nothing of the upstream.
        Raises UpstreamUnreachable when no connection was made and nothing sent, UpstreamCut when it broke later,
        UpstreamTimeout, and UpstreamError for a reply that is not HTTP, too large, or compressed although we ask for
        none. Their messages name no address; what caused them is chained.
        """
        ...
