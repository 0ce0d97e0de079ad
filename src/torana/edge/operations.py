"""Serves the families: from an HTTP exchange to the journey, and from its answer back to HTTP."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from typing import Any, Generic, TypeVar

from torana.core.content import Picture
from torana.core.exchange import EVENT_STREAM, Answer, Asked, Call, Opening, Partial, Show, Target
from torana.edge.app import respond_json
from torana.edge.exchange import ClientGone, Exchange
from torana.edge.headers.told import Names, Told, listed
from torana.edge.headers.wishes import credentials, first_within, metadata, wishes
from torana.edge.pictures import PictureLinks
from torana.edge.telling import Telling
from torana.families.base import Family
from torana.families.models import PAGED_BY, as_entry, as_list, as_object, as_page
from torana.pipeline.flow import Snapshot, answer
from torana.pipeline.listing import list_models, retrieve_model

R = TypeVar("R")
T = TypeVar("T")

OpenBody = Callable[[Exchange, Family[Any, Any]], AbstractAsyncContextManager[Callable[[], Awaitable[Asked]]]]
"""Gives the way to read what an exchange asks; what it spooled is gone when the context ends."""

Lend = Callable[[], AbstractContextManager[Snapshot]]
"""Gives the snapshot that is current, for one call: it is alive until the context ends."""

_MOST_WAITING = 3
"""Unfinished pictures that wait for a client to take them: as many as he may ask for of one."""


class Operations:
    """One handler for all families, and one for each question about the models."""

    def __init__(
        self, lend: Lend, *, open_body: OpenBody, links: PictureLinks, names: Names = "torana", heartbeat: float = 0.0
    ) -> None:
        self._lend = lend
        self._open_body = open_body
        self._links = links
        self._told = Told(names)
        self._heartbeat = heartbeat

    async def serve(self, family: Family[Any, Any], exchange: Exchange) -> None:
        """One call, from the first header to the last byte."""
        with self._lend() as snapshot:
            await self._serve(family, exchange, snapshot)

    async def list_models(self, exchange: Exchange) -> None:
        """The models that the caller may use."""
        with self._lend() as snapshot:
            names = await list_models(credentials(exchange.header), snapshot, exchange.record)
        await respond_json(exchange, as_page(names) if exchange.header(PAGED_BY) else as_list(names))

    async def retrieve_model(self, exchange: Exchange) -> None:
        """The model that the path names; the name may have slashes, encoded or not."""
        name = exchange.path.partition("/models/")[2]
        with self._lend() as snapshot:
            found = await retrieve_model(name, credentials(exchange.header), snapshot=snapshot, record=exchange.record)
        await respond_json(exchange, as_entry(found) if exchange.header(PAGED_BY) else as_object(found))

    async def _serve(self, family: Family[Any, Any], exchange: Exchange, snapshot: Snapshot) -> None:
        async with self._open_body(exchange, family) as read_body:
            body_in = asyncio.Event()

            async def read() -> Asked:
                try:
                    return await read_body()
                finally:
                    body_in.set()

            async def gone() -> None:
                await body_in.wait()
                await exchange.gone()

            previews = Previews(partial(_show, family, exchange))
            telling = Telling(exchange, family.heartbeat, every=self._heartbeat)
            call = self._call(family, exchange, read, previews=previews, telling=telling)
            work = telling.during(previews.during(answer(call, snapshot, exchange.record)))
            # Who gave the call a name will ask for it again, and is to find it done rather than pay twice.
            answered = await (until_gone(work, gone()) if call.key is None else work)
            await self._respond(family, exchange, answered)

    def _call(
        self,
        family: Family[Any, Any],
        exchange: Exchange,
        read: Callable[[], Awaitable[Asked]],
        *,
        previews: "Previews[Any]",
        telling: Telling,
    ) -> Call[Any]:
        header = exchange.header
        wished = wishes(header)
        exchange.record.conversation = wished.conversation
        return Call(
            exchange.request_id,
            family.operation,
            credentials(header),
            read,
            metadata=metadata(header),
            key=header("idempotency-key"),
            on_partial=previews.offer,
            open=partial(self._open, family, exchange, telling),
            fold=family.fold,
            first_within=first_within(header),
            forwarded=tuple((name, value) for name in family.forwards if (value := header(name)) is not None),
            wishes=wished,
        )

    def _open(
        self,
        family: Family[Any, Any],
        exchange: Exchange,
        telling: Telling,
        request: Asked,
        target: Target,
        opening: Opening,
    ) -> Show:
        """The way to tell an answer as it comes; its headers leave with the first piece."""
        ignored = (*family.ignored(request), *opening.ignored)
        headers = [
            ("content-type", opening.media_type),
            ("cache-control", "no-cache"),
            # A proxy that gathers a reply before it passes it on would keep the client waiting for all of it.
            ("x-accel-buffering", "no"),
            *self._told.begun(target, exchange.record, emulated=opening.emulated, ignored=ignored),
        ]
        return telling.begin(headers)

    async def _respond(self, family: Family[Any, Any], exchange: Exchange, answered: Answer[Any, Any]) -> None:
        with exchange.record.stage("write"):
            body = await family.write(answered.request, answered.reply, self._publisher(exchange))
        if exchange.streaming:
            await exchange.end(body.chunks)
            return
        told = self._told.whole(answered, exchange.record, ignored=family.ignored(answered.request))
        await exchange.respond(200, [("content-type", body.media_type), *told], body.chunks, length=body.length)

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
    ignored = listed(family.ignored(request))
    # What else is told in headers is known when there is an answer.
    told = [("x-torana-ignored", ignored)] if ignored else []
    # A proxy that gathers a reply before it passes it on would show previews when nobody needs them any more.
    await exchange.stream([("content-type", EVENT_STREAM), ("x-accel-buffering", "no"), *told], event)


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
