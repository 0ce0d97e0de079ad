"""A client that opens the door itself: each sending is signed anew, since signatures and tokens grow old."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from torana.core.exchange import Message
from torana.upstream.client import Client, Origin, Response, Timeouts
from torana.upstream.signing.signer import Ajar, Fixed, Signer


def opening(client: Client, signer: Signer, base_url: str) -> tuple[Client, Origin]:
    """A client and an origin at ``base_url`` with which every door opens; ValueError as for origins.

    What is the same for every message goes with the origin. So it must not be used where messages may go elsewhere.
    """
    if isinstance(signer, Fixed | Ajar):
        return client, Origin(base_url, signer.sent)
    return Signed(client, signer), Origin(base_url)


class Signed:
    """Sends through another client, with an account's credentials; stands behind the same port."""

    def __init__(self, client: Client, signer: Signer) -> None:
        self._client = client
        self._signer = signer
        self._same = signer.sent if isinstance(signer, Fixed | Ajar) else None

    def send(
        self,
        message: Message,
        origin: Origin,
        *,
        timeouts: Timeouts,
        max_reply: int,
        headers: Sequence[tuple[str, str]] = (),
    ) -> AbstractAsyncContextManager[Response]:
        """As the port says; UpstreamAuth too, when there is nothing to open the door with."""
        if self._same is None:
            return _Sending(self._client, self._signer, message, origin, (timeouts, max_reply, headers))
        return self._client.send(
            message, origin, timeouts=timeouts, max_reply=max_reply, headers=(*self._same, *headers)
        )


class _Sending:
    """A sending that is signed when it begins."""

    __slots__ = ("_block", "_client", "_message", "_origin", "_rest", "_signer")

    def __init__(
        self,
        client: Client,
        signer: Signer,
        message: Message,
        origin: Origin,
        rest: tuple[Timeouts, int, Sequence[tuple[str, str]]],
    ) -> None:
        self._client = client
        self._signer = signer
        self._message = message
        self._origin = origin
        self._rest = rest
        self._block: AbstractAsyncContextManager[Response] | None = None

    async def __aenter__(self) -> Response:
        timeouts, max_reply, headers = self._rest
        credentials = await self._signer.headers(self._message, self._origin.url(self._message.path))
        self._block = self._client.send(
            self._message, self._origin, timeouts=timeouts, max_reply=max_reply, headers=(*credentials, *headers)
        )
        return await self._block.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        assert self._block is not None
        return await self._block.__aexit__(kind, error, trace)
