"""Access tokens, as OAuth 2.0 gives them for other credentials: fetched when needed, kept while they last."""

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NoReturn

import msgspec
from msgspec import Struct

from torana.core.clock import Clock
from torana.core.errors import UpstreamAuth, UpstreamError
from torana.core.exchange import Message
from torana.upstream.client import Client, Origin, Timeouts
from torana.upstream.signing.signer import Fixed

EARLY = 225.0
"""Seconds before its end that a token is no longer used: more than a call needs to reach the upstream, and less than
the 4 minutes in which Google's metadata server first has a newer one."""

_TIMEOUTS = Timeouts(connect=5.0, first_byte=10.0, total=10.0)
_MAX_REPLY = 64 * 1024
_REFUSALS = frozenset({400, 401, 403})
_CODE = re.compile(r"[a-z_]{1,64}")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """How to ask for a token: where, and with which message at a time in seconds since the epoch."""

    origin: Origin
    message: Callable[[float], Message] = field(repr=False)
    beside: tuple[tuple[str, str], ...] = ()
    """Headers that go out with every token."""


class _Granted(Struct):
    access_token: str
    expires_in: float


class _Refused(Struct):
    error: str


class Tokens:
    """Opens doors with a token, fetched through ``client``; however many calls wait for it, it is asked for once."""

    def __init__(self, grant: Grant, client: Client, *, clock: Clock) -> None:
        self._grant = grant
        self._client = client
        self._clock = clock
        self._header: Fixed | None = None
        self._until = 0.0
        self._flight: asyncio.Task[Fixed] | None = None

    async def headers(self, message: Message, url: str) -> tuple[tuple[str, str], ...]:
        """The token as a bearer; UpstreamAuth when none can be had."""
        header = self._header
        if header is None or self._clock.ticks() >= self._until:
            flight = self._flight or self._take_off()
            # Whoever stops waiting leaves the others their token.
            await asyncio.wait({flight})
            header = flight.result()
        return (*await header.headers(message, url), *self._grant.beside)

    def _take_off(self) -> asyncio.Task[Fixed]:
        self._flight = asyncio.create_task(self._fetch())
        self._flight.add_done_callback(self._land)
        return self._flight

    def _land(self, flight: asyncio.Task[Fixed]) -> None:
        self._flight = None
        if not flight.cancelled():
            # Looking at it here keeps a failure that nobody waits for any more from being called forgotten.
            flight.exception()

    async def _fetch(self) -> Fixed:
        asked = self._clock.ticks()
        status, body = await self._ask()
        if status != HTTPStatus.OK:
            self._refuse(status, body)
        try:
            granted = msgspec.json.decode(body, type=_Granted)
            header = Fixed("authorization", f"Bearer {granted.access_token}")
        except ValueError:
            raise UpstreamAuth("The upstream's token could not be understood.", reason="token_invalid") from None
        lasts = granted.expires_in
        self._header, self._until = header, asked + lasts - min(EARLY, lasts / 2)
        return header

    async def _ask(self) -> tuple[int, bytes]:
        message = self._grant.message(self._clock.now())
        try:
            async with self._client.send(
                message, self._grant.origin, timeouts=_TIMEOUTS, max_reply=_MAX_REPLY
            ) as reply:
                return reply.status, await reply.read()
        except UpstreamError as error:
            what = f"No token for the upstream could be fetched. {error.message}"
            raise UpstreamAuth(what, reason="token_unavailable") from error

    def _refuse(self, status: int, body: bytes) -> NoReturn:
        """The operator learns the error's code, the one word of the reply that names nobody and nothing."""
        try:
            code = msgspec.json.decode(body, type=_Refused).error
        except ValueError:
            code = ""
        known = code if _CODE.fullmatch(code) else "without an error code"
        _log.warning("no token from %s: status %d, %s", self._grant.origin.base_url, status, known)
        raise UpstreamAuth(
            f"The upstream gave the gateway no token: status {status}.",
            reason="token_refused" if status in _REFUSALS else "token_unavailable",
        )
