"""Posts what operators want to be told to a URL of theirs."""

import base64
from math import inf
from urllib.parse import unquote, urlsplit

from torana.core.errors import Overloaded, UpstreamError
from torana.core.exchange import Message
from torana.upstream.client import Origin, Timeouts
from torana.upstream.http1.client import HttpClient

_JSON = (("content-type", "application/json"),)
_TIMEOUTS = Timeouts(connect=inf, first_byte=inf, total=inf)
_PER_HOST = 8


class Poster:
    """Posts JSON; made in a running event loop, ended with ``close``. Whoever posts bounds the time."""

    def __init__(self) -> None:
        self._client = HttpClient(per_host=_PER_HOST)

    async def post(self, url: str, body: bytes) -> int:
        """The status of the answer, whose body is of no interest; OSError when there is none."""
        try:
            origin, target = _taken_apart(url)
            message = Message("POST", target, _JSON, (body,))
            async with self._client.send(message, origin, timeouts=_TIMEOUTS, max_reply=0) as reply:
                return reply.status
        except (UpstreamError, Overloaded, ValueError) as error:
            # The error's text may quote the URL, and that may be a secret.
            raise ConnectionError(type(error).__name__) from None

    async def close(self) -> None:
        """Drops the connections."""
        await self._client.close()


def _taken_apart(url: str) -> tuple[Origin, str]:
    """Where a URL leads, with the credentials that it holds as HTTP's Basic; ValueError."""
    parts = urlsplit(url)
    credentials, at, place = parts.netloc.rpartition("@")
    headers: tuple[tuple[str, str], ...] = ()
    if at:
        encoded = base64.b64encode(unquote(credentials).encode()).decode()
        headers = (("authorization", f"Basic {encoded}"),)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Origin(f"{parts.scheme}://{place}", headers), target
