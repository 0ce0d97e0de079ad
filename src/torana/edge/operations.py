"""Serves the families: from an HTTP exchange to the journey, and from its answer back to HTTP."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

from torana.core.content import Picture
from torana.core.errors import InvalidRequest
from torana.core.exchange import EVENT_STREAM, METADATA, Answer, Asked, Call, Credentials, Partial
from torana.edge.app import respond_json
from torana.edge.exchange import ClientGone, Exchange
from torana.edge.pictures import PictureLinks
from torana.families.base import Family, Form
from torana.families.models import as_list, as_object
from torana.pipeline.flow import Snapshot, answer
from torana.pipeline.listing import list_models, retrieve_model

R = TypeVar("R")
T = TypeVar("T")

OpenBody = Callable[[Exchange, Family[Any, Any]], AbstractAsyncContextManager[Callable[[], Awaitable[Form]]]]
"""Gives the way to read an exchange's body; what it spooled is gone when the context ends."""

Lend = Callable[[], AbstractContextManager[Snapshot]]
"""Gives the snapshot that is current, for one call: it is alive until the context ends."""

_Key = Annotated[str, Meta(max_length=64)]
_Value = Annotated[str, Meta(max_length=128)]
_Metadata = Annotated[dict[_Key, _Value], Meta(max_length=16)]
_MAX_NAMES = 16
_MAX_NAME = 64
_MOST_WAITING = 3
"""Unfinished pictures that wait for a client to take them: as many as he may ask for of one."""


class Operations:
    """One handler for all families, and one for each question about the models."""

    def __init__(self, lend: Lend, *, open_body: OpenBody, links: PictureLinks) -> None:
        self._lend = lend
        self._open_body = open_body
        self._links = links

    async def serve(self, family: Family[Any, Any], exchange: Exchange) -> None:
        """One call, from the first header to the last byte."""
        with self._lend() as snapshot:
            await self._serve(family, exchange, snapshot)

    async def list_models(self, exchange: Exchange) -> None:
        """The models that the caller may use."""
        with self._lend() as snapshot:
            names = await list_models(_credentials(exchange), snapshot, exchange.record)
        await respond_json(exchange, as_list(names))

    async def retrieve_model(self, exchange: Exchange) -> None:
        """The model that the path names; the name may have slashes, encoded or not."""
        name = exchange.path.partition("/models/")[2]
        with self._lend() as snapshot:
            found = await retrieve_model(name, _credentials(exchange), snapshot=snapshot, record=exchange.record)
        await respond_json(exchange, as_object(found))

    async def _serve(self, family: Family[Any, Any], exchange: Exchange, snapshot: Snapshot) -> None:
        async with self._open_body(exchange, family) as read_body:
            body_in = asyncio.Event()

            async def read() -> Asked:
                form = await read_body()
                body_in.set()
                request: Asked = family.read(form)
                return request

            async def gone() -> None:
                await body_in.wait()
                await exchange.gone()

            previews = Previews(partial(_show, family, exchange))
            call = Call(
                exchange.request_id,
                family.operation,
                _credentials(exchange),
                read,
                metadata=_metadata(exchange.header(METADATA)),
                key=exchange.header("idempotency-key"),
                on_partial=previews.offer,
            )
            work = previews.during(answer(call, snapshot, exchange.record))
            # Who gave the call a name will ask for it again, and is to find it done rather than pay twice.
            answered = await (until_gone(work, gone()) if call.key is None else work)
            await self._respond(family, exchange, answered)

    async def _respond(self, family: Family[Any, Any], exchange: Exchange, answered: Answer[Any, Any]) -> None:
        with exchange.record.stage("write"):
            body = await family.write(answered.request, answered.reply, self._publisher(exchange))
        if exchange.streaming:
            await exchange.end(body.chunks)
            return
        headers = [("content-type", body.media_type), *_told(family, answered)]
        await exchange.respond(200, headers, body.chunks, length=body.length)

    def _publisher(self, exchange: Exchange) -> Callable[[Picture], Awaitable[str]]:
        async def publish(picture: Picture) -> str:
            return await self._links.publish(picture, exchange.base_url)

        return publish


class Previews(Generic[R]):
    """Unfinished pictures on their way out while the answer is awaited; a client who is slow misses the older ones."""

    def __init__(self, show: Callable[[R, Partial], Awaitable[None]]) -> None:
        self._show = show
        self._waiting: deque[tuple[R, Partial]] = deque(maxlen=_MOST_WAITING)
        self._woken = asyncio.Event()

    def offer(self, request: R, partial: Partial) -> None:
        """Have a preview shown when its turn comes."""
        self._waiting.append((request, partial))
        self._woken.set()

    async def during(self, work: Coroutine[Any, Any, T]) -> T:
        """What comes of the work, when all that was offered until then is shown."""
        working = asyncio.create_task(work)
        working.add_done_callback(lambda _: self._woken.set())
        try:
            while not working.done():
                await self._woken.wait()
                self._woken.clear()
                while self._waiting:
                    await self._show(*self._waiting.popleft())
            return working.result()
        finally:
            working.cancel()
            await asyncio.wait((working,))


async def _show(family: Family[Any, Any], exchange: Exchange, request: Asked, partial: Partial) -> None:
    event = family.preview(request, partial, int(exchange.record.clock.now()))
    if event is None:
        return
    ignored = _listed(family.ignored(request))
    # What else is told in headers is known when there is an answer.
    told = [("x-torana-ignored", ignored)] if ignored else []
    # A proxy that gathers a reply before it passes it on would show previews when nobody needs them any more.
    await exchange.stream([("content-type", EVENT_STREAM), ("x-accel-buffering", "no"), *told], event)


def _credentials(exchange: Exchange) -> Credentials:
    """What the caller shows; Anthropic's clients and Azure's have headers of their own for it."""
    return Credentials(exchange.header("authorization"), exchange.header("x-api-key") or exchange.header("api-key"))


def _metadata(written: str | None) -> dict[str, str]:
    """The caller's metadata; InvalidRequest when it is no JSON object of short texts."""
    if written is None:
        return {}
    try:
        return msgspec.json.decode(written, type=_Metadata)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"The header {METADATA} must be a JSON object of at most 16 texts, each of at most 128 characters.",
            param=METADATA,
        ) from error


async def until_gone(work: Coroutine[Any, Any, T], gone: Coroutine[Any, Any, None]) -> T:
    """Does work for as long as somebody waits for it; ClientGone, and the work cancelled, when nobody does any more."""
    working = asyncio.create_task(work)
    watching = asyncio.create_task(gone)
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return working.result()
    finally:
        working.cancel()
        watching.cancel()
        await asyncio.wait((working, watching))


def _told(family: Family[Any, Any], answered: Answer[Any, Any]) -> list[tuple[str, str]]:
    reply = answered.reply
    told = {
        "x-torana-model": _visible(str(answered.target)),
        "x-torana-emulated": ", ".join(reply.emulated),
        "x-torana-ignored": _listed((*family.ignored(answered.request), *reply.ignored)),
        "x-torana-shortfall": str(reply.shortfall or ""),
        "x-torana-replayed": "true" if answered.replayed else "",
        "x-torana-cost": "unknown" if reply.usage.cost is None else f"{reply.usage.cost:f}",
    }
    return [(name, value) for name, value in told.items() if value]


def _listed(names: Iterable[str]) -> str:
    return ", ".join([_plain(name) for name in dict.fromkeys(names)][:_MAX_NAMES])


def _visible(text: str) -> str:
    """A name that an operator chose, fit for a header."""
    return "".join(c if "!" <= c <= "~" else "?" for c in text)


def _plain(name: str) -> str:
    """A name that a client made up, fit for a header."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-.[]") else "?" for c in name[:_MAX_NAME])
