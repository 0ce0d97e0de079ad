"""Fetches what URLs name: pictures that upstreams link to, trusted little, and documents that operators configured."""

import base64
import re
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from torana.core.errors import UpstreamError
from torana.core.exchange import Message
from torana.upstream.addresses import is_public, literal
from torana.upstream.client import Client, Origin, Timeouts
from torana.upstream.http1.client import HttpClient
from torana.upstream.resolving import PublicResolver, Resolver, SystemResolver

MAX_URL = 4096
"""Characters of a URL; signed links of the large clouds have up to 2,000."""

_PER_HOST = 32
_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
_DATA_URI = re.compile(r"data:[^,]*;base64,", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Link:
    """A URL taken apart and found well-formed; ``host`` is in lower case, IPv6 without its brackets."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> Origin:
        """Where it leads, with no credentials whatever."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return Origin(f"{self.scheme}://{host}:{self.port}")

    def is_listed(self, hosts: Collection[str]) -> bool:
        """Whether ``hosts`` has this host, with this port or with none."""
        names = {self.host, f"[{self.host}]", f"{self.host}:{self.port}", f"[{self.host}]:{self.port}"}
        return not names.isdisjoint(host.lower() for host in hosts)


def parse_link(url: str) -> Link:
    """Take a URL apart by rules narrow enough that no two readers can differ over where it leads.

    ValueError says what is wrong with it, and never shows the query, where links carry their signatures.
    """
    if len(url) > MAX_URL:
        raise ValueError(f"a link of more than {MAX_URL} characters")
    if not re.fullmatch(r"[!-\[\]-~]+", url):
        raise ValueError("a link with a backslash, or with characters that are not printable ASCII")
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or "@" in parts.netloc:
        raise ValueError("a link that is not http or https, or holds credentials")
    host = parts.hostname or ""
    if ("[" in parts.netloc) != (":" in host) or "%" in host or not (literal(host) or _NAME.fullmatch(host)):
        raise ValueError("a link without a proper host")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Link(parts.scheme, host, parts.port or _PORTS[parts.scheme], target)


def data_bytes(uri: str, max_bytes: int) -> bytes:
    """The bytes in a ``data:`` URI; ValueError if it is not base64 or holds more than ``max_bytes``."""
    head = _DATA_URI.match(uri)
    if head is None:
        raise ValueError("a data URI that is not base64")
    data = base64.b64decode(uri[head.end() :], validate=True)
    if len(data) > max_bytes:
        raise ValueError(f"a data URI of more than {max_bytes} bytes")
    return data


class Downloader:
    """Fetches by GET with no credentials, no cookies and no referer; follows no redirect; takes status 200 alone.

    Made in a running event loop, ended with ``close``. ``tls`` and ``resolver`` stand for the system's.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, resolver: Resolver | None = None) -> None:
        resolver = resolver or SystemResolver()
        self._anywhere = HttpClient(per_host=_PER_HOST, tls=tls, resolver=resolver)
        self._public = HttpClient(per_host=_PER_HOST, tls=tls, resolver=PublicResolver(resolver))

    async def close(self) -> None:
        """Drop all connections."""
        await self._anywhere.close()
        await self._public.close()

    async def fetch(self, url: str, *, allowed_hosts: Collection[str], max_bytes: int, within: float) -> bytes:
        """The picture that an upstream linked to, of at most ``max_bytes`` bytes, in ``within`` seconds.

        https on port 443 of public addresses, ``data:`` URIs, and anything http or https on ``allowed_hosts``: each
        ``host`` with any port, or ``host:port``. UpstreamError if it cannot be had.
        """
        with _reported("The upstream's picture link could not be fetched."):
            if url[:5].lower() == "data:":
                return data_bytes(url, max_bytes)
            link = parse_link(url)
            return await _get(self._client(link, allowed_hosts), link, max_bytes, within)

    async def fetch_document(self, url: str, *, max_bytes: int = 1024 * 1024, within: float = 5.0) -> bytes:
        """A document that the operator configured: https from anywhere, http from loopback alone.

        UpstreamError if it cannot be had.
        """
        with _reported("The document could not be fetched."):
            link = parse_link(url)
            address = literal(link.host)
            is_loopback = link.host == "localhost" or (address is not None and address.is_loopback)
            if link.scheme != "https" and not is_loopback:
                raise ValueError(f"plain http to {link.host}, which is not loopback")
            return await _get(self._anywhere, link, max_bytes, within)

    def _client(self, link: Link, allowed_hosts: Collection[str]) -> Client:
        """Who may follow a link; ValueError if nobody."""
        if link.is_listed(allowed_hosts):
            return self._anywhere
        address = literal(link.host)
        if (link.scheme, link.port) != ("https", 443) or not (address is None or is_public(address)):
            raise ValueError(f"{link.origin.base_url} is neither public https on port 443 nor an allowed host")
        return self._public


@contextmanager
def _reported(what: str) -> Iterator[None]:
    """Failures leave as one error that says ``what``; why is added where it holds no address, and chained always."""
    try:
        yield
    except ValueError as error:
        raise UpstreamError(f"{what} It is not a link that this gateway follows.") from error
    except UpstreamError as error:
        raise UpstreamError(f"{what} {error.message}") from error


async def _get(client: Client, link: Link, max_bytes: int, within: float) -> bytes:
    message = Message("GET", link.target, ())
    timeouts = Timeouts(connect=within, first_byte=within, total=within)
    async with client.send(message, link.origin, timeouts=timeouts, max_reply=max_bytes) as reply:
        if reply.status != HTTPStatus.OK:
            raise UpstreamError(f"The answer had status {reply.status}.")
        return await reply.read()
