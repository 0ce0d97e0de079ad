"""The admin API of a gateway elsewhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from torana.assembly.office.asking import Request, Take
from torana.core.errors import InvalidRequest
from torana.core.exchange import Message
from torana.upstream.client import Client, Origin, Timeouts
from torana.upstream.http1.client import HttpClient

_TIMEOUTS = Timeouts(connect=10.0, first_byte=60.0, total=3600.0)
_MOST = 16 * 1024**3
"""Bytes of a reply: a ledger may be long, and is written on as it comes."""


class Remote:
    """A gateway's address, and a key that opens its admin API."""

    def __init__(self, client: Client, origin: Origin) -> None:
        self._client = client
        self._origin = origin

    async def ask(self, request: Request, take: Take) -> None:
        """Sends a request and hands over its reply as it comes; UpstreamError when there is none."""
        content = (("content-type", "application/json"),) if request.body else ()
        message = Message(request.method, request.target, content, (request.body,) if request.body else ())
        async with self._client.send(message, self._origin, timeouts=_TIMEOUTS, max_reply=_MOST) as reply:
            async for piece in reply.chunks():
                take(reply.status, piece)
            take(reply.status, b"")


@asynccontextmanager
async def remote_office(url: str, key: str) -> AsyncIterator[Remote]:
    """The API at a gateway's URL, entered with a key or token; InvalidRequest when it is none."""
    if not (key.isascii() and key.isprintable()):
        raise InvalidRequest("The key holds characters that no key has.", param="TORANA_KEY")
    try:
        origin = Origin(url, (("authorization", f"Bearer {key}"),))
    except ValueError as error:
        raise InvalidRequest(
            "This is not a gateway's address. Give one such as 'https://gateway.example', with no credentials in it.",
            param="url",
        ) from error
    client = HttpClient(per_host=1)
    try:
        yield Remote(client, origin)
    finally:
        await client.close()
