"""Serves the families: from an HTTP exchange to the journey, and from its answer back to HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from torana.core.content import Picture
from torana.core.exchange import Answer, Asked, Call
from torana.edge.exchange import ClientGone, Exchange
from torana.edge.pictures import PictureLinks
from torana.families.base import Family, Form
from torana.pipeline.flow import Snapshot, answer

T = TypeVar("T")

OpenForm = Callable[[Exchange, frozenset[str]], AbstractAsyncContextManager[Callable[[], Awaitable[Form]]]]
"""Gives the way to read an exchange's form; what it spooled is gone when the context ends."""

_MAX_NAMES = 16
_MAX_NAME = 64


class Operations:
    """One handler for all families."""

    def __init__(self, snapshot: Snapshot, *, open_form: OpenForm, links: PictureLinks) -> None:
        self._snapshot = snapshot
        self._open_form = open_form
        self._links = links

    async def serve(self, family: Family[Any, Any], exchange: Exchange) -> None:
        """One call, from the first header to the last byte."""
        async with self._open_form(exchange, family.files) as read_form:
            body_in = asyncio.Event()

            async def read() -> Asked:
                form = await read_form()
                body_in.set()
                request: Asked = family.read(form)
                return request

            async def gone() -> None:
                await body_in.wait()
                await exchange.gone()

            call = Call(exchange.request_id, family.operation, exchange.header("authorization"), read)
            answered = await until_gone(answer(call, self._snapshot, exchange.record), gone())
            await self._respond(family, exchange, answered)

    async def _respond(self, family: Family[Any, Any], exchange: Exchange, answered: Answer[Any, Any]) -> None:
        with exchange.record.stage("write"):
            body = await family.write(answered.request, answered.reply, self._publisher(exchange))
        headers = [("content-type", body.media_type), *_told(family, answered)]
        await exchange.respond(200, headers, body.chunks, length=body.length)

    def _publisher(self, exchange: Exchange) -> Callable[[Picture], Awaitable[str]]:
        async def publish(picture: Picture) -> str:
            return await self._links.publish(picture, exchange.base_url)

        return publish


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
    ignored = dict.fromkeys((*family.ignored(answered.request), *reply.ignored))
    told = {
        "x-torana-model": _visible(str(answered.target)),
        "x-torana-emulated": ", ".join(reply.emulated),
        "x-torana-ignored": ", ".join([_plain(name) for name in ignored][:_MAX_NAMES]),
        "x-torana-shortfall": str(reply.shortfall or ""),
    }
    return [(name, value) for name, value in told.items() if value]


def _visible(text: str) -> str:
    """A name that an operator chose, fit for a header."""
    return "".join(c if "!" <= c <= "~" else "?" for c in text)


def _plain(name: str) -> str:
    """A name that a client made up, fit for a header."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-.[]") else "?" for c in name[:_MAX_NAME])
