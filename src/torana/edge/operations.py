"""Serves the families: from an HTTP exchange to the journey, and from its answer back to HTTP."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Generic, TypeVar

from msgspec import Struct

from torana.core.content import Picture
from torana.core.exchange import EVENT_STREAM, Answer, Asked, Call, Coming, Opening, Partial, Show, Target
from torana.edge.app import respond_json
from torana.edge.bodies.reading import OpenBody
from torana.edge.calls.attendance import Attendance
from torana.edge.calls.telling import Telling
from torana.edge.exchange import ClientGone, Exchange
from torana.edge.headers.told import Names, Told, listed
from torana.edge.headers.wishes import OWN, credentials, said, said_by_others
from torana.edge.pictures import PictureLinks
from torana.families.base import Family
from torana.families.models import PAGED_BY, as_entry, as_list, as_object, as_page
from torana.pipeline.flow import Snapshot, answer
from torana.pipeline.listing import list_models, retrieve_model

R = TypeVar("R", bound=Asked)
B = TypeVar("B")

Open = Callable[[Exchange, Family[Any, Any]], OpenBody[Any]]
"""Gives what an exchange asks, to be read."""

Lend = Callable[[], AbstractContextManager[Snapshot]]
"""Gives the snapshot that is current, for one call: it is alive until the context ends."""


class Operations:
    """One handler for all families, and one for each question about the models."""

    def __init__(
        self, lend: Lend, *, open_body: Open, links: PictureLinks, names: Names = "torana", heartbeat: float = 0.0
    ) -> None:
        self._lend = lend
        self._open_body = open_body
        self._ways = _Ways(links, Told(names), heartbeat)

    async def serve(self, family: Family[Any, Any], exchange: Exchange) -> None:
        """One call, from the first header to the last byte."""
        with self._lend() as snapshot:
            async with self._open_body(exchange, family) as body:
                await _Visit(family, exchange, body, self._ways).serve(snapshot)

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


class _Ways(Struct, frozen=True):
    """What all calls are told by."""

    links: PictureLinks
    told: Told
    heartbeat: float


class _Visit(Generic[R, B]):
    """One call's side towards its client: what the journey asks of him, and tells him."""

    __slots__ = ("_attendance", "_body", "_exchange", "_family", "_telling", "_was_read", "_ways")

    def __init__(self, family: Family[R, B], exchange: Exchange, body: OpenBody[R], ways: _Ways) -> None:
        self._family = family
        self._exchange = exchange
        self._body = body
        self._ways = ways
        self._was_read = False
        self._attendance = Attendance(exchange.gone, self._is_read)
        # Where the answer is told while it comes.
        self._telling: Telling | None = None

    async def serve(self, snapshot: Snapshot) -> None:
        """The journey, and what the client has not got of its answer yet; ClientGone where nobody waits any more."""
        call = self._call()
        # Who gave the call a name will ask for it again, and is to find it done rather than pay twice.
        left = ClientGone() if call.key is None else None
        try:
            answered = await self._attendance.during(answer(call, snapshot, self._exchange.record), left)
        finally:
            if self._telling is not None:
                await self._telling.stop()
        await self._respond(answered)

    async def _respond(self, answered: Answer[R, B]) -> None:
        exchange, family = self._exchange, self._family
        with exchange.record.stage("write"):
            body = await family.write(answered.request, answered.reply, self._publish)
        if exchange.streaming:
            await exchange.end(body.chunks)
            return
        told = self._ways.told.whole(answered, exchange.record, ignored=family.ignored(answered.request))
        await exchange.respond(200, [("content-type", body.media_type), *told], body.chunks, length=body.length)

    def _call(self) -> Call[R]:
        exchange, family = self._exchange, self._family
        header = exchange.header
        own = said(header) if exchange.has_header_like(OWN) else said_by_others(header)
        exchange.record.conversation = own.wishes.conversation
        forwarded: tuple[tuple[str, str], ...] = ()
        if family.forwards:
            forwarded = tuple((name, value) for name in family.forwards if (value := header(name)) is not None)
        return Call(
            exchange.request_id,
            family.operation,
            own.credentials,
            self._read,
            metadata=own.metadata,
            key=header("idempotency-key"),
            on_partial=self._offer,
            open=self._open,
            fold=family.fold,
            first_within=own.first_within,
            forwarded=forwarded,
            wishes=own.wishes,
            coming=self._coming,
        )

    async def _read(self) -> R:
        try:
            return await self._body.read()
        finally:
            self._was_read = True

    def _coming(self) -> Coming:
        return self._body.coming

    def _is_read(self) -> bool:
        return self._was_read and self._body.coming.is_here

    def _open(self, request: R, target: Target, opening: Opening) -> Show:
        """The way to tell an answer as it comes; its headers leave with the first piece."""
        ignored = (*self._family.ignored(request), *opening.ignored)
        headers = [
            ("content-type", opening.media_type),
            ("cache-control", "no-cache"),
            # A proxy that gathers a reply before it passes it on would keep the client waiting for all of it.
            ("x-accel-buffering", "no"),
            *self._ways.told.begun(target, self._exchange.record, emulated=opening.emulated, ignored=ignored),
        ]
        self._telling = Telling(self._exchange, headers, self._family.heartbeat, every=self._ways.heartbeat)
        return self._telling.show

    def _offer(self, request: R, unfinished: Partial) -> None:
        self._attendance.offer(partial(self._show, request, unfinished))

    async def _show(self, request: R, unfinished: Partial) -> None:
        exchange, family = self._exchange, self._family
        event = family.preview(request, unfinished, int(exchange.record.clock.now()))
        if event is None:
            return
        ignored = listed(family.ignored(request))
        # What else is told in headers is known when there is an answer.
        told = [("x-torana-ignored", ignored)] if ignored else []
        # A proxy that gathers a reply before it passes it on would show previews when nobody needs them any more.
        await exchange.stream([("content-type", EVENT_STREAM), ("x-accel-buffering", "no"), *told], event)

    async def _publish(self, picture: Picture) -> str:
        return await self._ways.links.publish(picture, self._exchange.base_url)
