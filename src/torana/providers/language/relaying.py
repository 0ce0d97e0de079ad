"""An upstream's answer on its way to the client, piece by piece."""

from collections.abc import Callable, Iterable
from typing import Protocol

from torana.core.errors import ToranaError
from torana.core.exchange import EVENT_STREAM, Event, Show
from torana.dialects.ways import BlockRelay, Relay
from torana.upstream.client import Response
from torana.upstream.eventstream import AMAZON_EVENT_STREAM, MessageCutter
from torana.upstream.framing import EventCutter, cut


class Cutter(Protocol):
    """Cuts bytes into events as they come in."""

    def take(self, chunk: bytes) -> Iterable[Event]:
        """The events that a chunk ends; UpstreamError for what makes no sense."""
        ...

    def close(self) -> None:
        """The stream is at its end; UpstreamCut where that may not be."""
        ...


_CUTTERS: dict[str, Callable[[int], Cutter]] = {EVENT_STREAM: EventCutter, AMAZON_EVENT_STREAM: MessageCutter}


def media_type(response: Response) -> str:
    """What kind of reply it says it is."""
    return (response.headers.get("content-type") or "").partition(";")[0].strip().lower()


def is_stream(kind: str) -> bool:
    """Whether a reply of this media type is events that we can read."""
    return kind in _CUTTERS


def cutter_of(kind: str, max_event: int) -> Cutter:
    """What cuts a stream of this media type; ``max_event`` bounds the bytes of an event."""
    return _CUTTERS[kind](max_event)


async def tell_events(response: Response, relay: Relay, begin: Callable[[], Show], cutter: Cutter) -> None:
    """Hands events on as they come, all that a chunk ends in one piece; the first piece begins the answer.

    Raises what the relay raises, after all that came before it is told.
    """
    show: Show | None = None
    cut_block: Callable[[bytes], bytes | None] = _nothing
    take_block: Callable[[bytes], bytes | None] = _nothing
    if isinstance(cutter, EventCutter) and isinstance(relay, BlockRelay):
        cut_block, take_block = cutter.block, relay.take_block
    async for chunk in response.chunks():
        failure = None
        block = cut_block(chunk)
        piece = take_block(block) if block else None
        if piece is None:
            piece, failure = _taken(cutter.take(chunk) if block is None else cut(block), relay)
        if piece:
            if show is None:
                show = begin()
            await show(piece)
        if failure is not None:
            raise failure
        if relay.ended:
            break
    else:
        cutter.close()
    last = b"".join(relay.close())
    if last or show is None:
        await (show or begin())(last)


def _nothing(_bytes: bytes) -> bytes | None:
    """Neither can be done with many events at a time."""


async def tell_bytes(response: Response, begin: Callable[[], Show]) -> None:
    """Hands bytes on as they come; the first of them begin the answer."""
    show: Show | None = None
    async for chunk in response.chunks():
        if show is None:
            show = begin()
        await show(chunk)
    if show is None:
        await begin()(b"")


def _taken(events: Iterable[Event], relay: Relay) -> tuple[bytes, ToranaError | None]:
    """What events come to until the relay has ended, and the error that is among or after them."""
    told: list[bytes] = []
    try:
        for event in events:
            told.append(b"".join(relay.take(event)))
            if relay.ended:
                break
    except ToranaError as error:
        return b"".join(told), error
    return b"".join(told), None
