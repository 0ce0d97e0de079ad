"""An upstream's answer on its way to the client, piece by piece."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from torana.core.exchange import EVENT_STREAM, Context, Opening
from torana.dialects.ways import Asking, Relay
from torana.upstream.client import Response
from torana.upstream.eventstream import AMAZON_EVENT_STREAM, read_event_stream
from torana.upstream.framing import read_events

_READERS = {EVENT_STREAM: read_events, AMAZON_EVENT_STREAM: read_event_stream}


def media_type(response: Response) -> str:
    """What kind of reply it says it is."""
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_stream(response: Response) -> bool:
    """Whether the reply is events that we can read."""
    return media_type(response) in _READERS


async def pieces(response: Response, relay: Relay, *, max_event: int) -> AsyncGenerator[bytes]:
    """What the client gets, as the upstream's events come; what its relay raises."""
    async with aclosing(_READERS[media_type(response)](response.chunks(), max_event=max_event)) as events:
        async for event in events:
            piece = b"".join(relay.take(event))
            if piece:
                yield piece
            if relay.ended:
                break
    last = b"".join(relay.close())
    if last:
        yield last


async def tell(coming: AsyncGenerator[bytes], asking: Asking, context: Context, kind: str) -> None:
    """Hands an answer on as it comes; its first piece commits."""
    async with aclosing(coming):
        first = await anext(coming, b"")
        show = context.open(Opening(kind, asking.emulated, asking.ignored))
        await show(first)
        async for piece in coming:
            await show(piece)
