"""A client that opens the door itself: each sending is signed anew, since signatures and tokens grow old."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from torana.core.exchange import Message
from torana.upstream.client import Client, Origin, Response, Timeouts
from torana.upstream.signing.signer import Signer


class Signed:
    """Sends through another client, with an account's credentials; stands behind the same port."""

    def __init__(self, client: Client, signer: Signer) -> None:
        self._client = client
        self._signer = signer

    @asynccontextmanager
    async def send(
        self,
        message: Message,
        origin: Origin,
        *,
        timeouts: Timeouts,
        max_reply: int,
        headers: Sequence[tuple[str, str]] = (),
    ) -> AsyncIterator[Response]:
        """As the port says; UpstreamAuth too, when there is nothing to open the door with."""
        credentials = await self._signer.headers(message, origin.url(message.path))
        async with self._client.send(
            message, origin, timeouts=timeouts, max_reply=max_reply, headers=(*credentials, *headers)
        ) as response:
            yield response
