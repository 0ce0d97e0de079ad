"""A vendor's account at work: any request in words, in the same way whoever answers."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from http import HTTPStatus
from math import inf
from typing import Any

from msgspec import structs

from torana.config.upstreams import Account
from torana.core.errors import FirstTokenLate, InvalidRequest, ToranaError, UpstreamAuth, UpstreamCut, UpstreamTimeout
from torana.core.exchange import Context, Opening, Reply, Show, Target, Usage
from torana.core.price import Consumed, Price
from torana.dialects.steps import Received, unreadable
from torana.dialects.ways import Answered, Asking, At, Consumption
from torana.families.language.asked import Spoken
from torana.families.language.voice import Occasion
from torana.providers.addresses import address
from torana.providers.base import Lent, Operation
from torana.providers.imaging.vendor import Door
from torana.providers.language.doubting import credible, discreet
from torana.providers.language.offer import Language
from torana.providers.language.relaying import cutter_of, is_stream, media_type, tell_bytes, tell_events
from torana.providers.language.worst import Ceiling, Worded
from torana.upstream.client import Client, Response, Timeouts
from torana.upstream.signing.signed import opening

_WORDS = frozenset({"application/json", "text/html", "text/plain"})
"""Media types that no sound has: an error that says it is none."""

_FREE = Decimal(0)
_NOTHING = Usage(cost=_FREE, price="nobody charges for it")
_OK, _NO_LONGER_OK = int(HTTPStatus.OK), int(HTTPStatus.MULTIPLE_CHOICES)
_MOST_MODELS = 1024
"""What is known of so many is remembered: where any name goes, clients make them up."""
_Heard = tuple[Spoken, Consumption, tuple[str, ...]]
"""The answer, or word that the client has it; what it took; and what about it is emulated."""


class Speaker:
    """Answers requests in words at a vendor's.

    An error says by ``spent`` whether it may have cost; what was used so far can be learnt while an answer comes.
    """

    def __init__(
        self, language: Language, account: Account, key: str | None, lent: Lent, *, door: Door, base_url: str
    ) -> None:
        self._language = language
        self._account = account
        self._lent = lent
        self._key = key
        self._keyless = key is None and account.api_key is not None
        client, self._origin = opening(
            lent.connect(account.max_connections, account.max_waiting),
            door(account, key, lent),
            address(base_url, account.options),
        )
        self._client: Client = lent.patient(client)
        self._models: dict[str, _Known] = {}
        self.operations: Mapping[str, Operation] = dict.fromkeys(language.known, self.answer)

    def worst(self, request: Worded, target: Target) -> Decimal | None:
        """The most that it may plausibly cost; None where nobody can tell."""
        if request.free:
            return _FREE
        ceiling = (self._models.get(target.model) or self._known(target.model)).ceiling
        return None if ceiling is None else ceiling.of(request)

    async def answer(self, request: Any, model: str, context: Context) -> Reply[Spoken]:  # noqa: ANN401 - any family's
        """The answer in the words of the client's family, told while it comes where that was asked for."""
        known = self._models.get(model) or self._known(model)
        way = known.ways.get(request.operation)
        if way is None:
            return self._without(request, model)
        if self._keyless:
            raise UpstreamAuth("The gateway has no credentials for this upstream.", reason="no_key")
        occasion = Occasion(request, int(self._lent.clock.now()), None, model)
        asking = way(request, At(model, occasion, context.parameters, self._account.options, context.forwarded))
        if context.first_within < inf and (asking.relay is not None or asking.raw):
            reply = await self._in_time(asking, known, context)
        else:
            reply = await self._exchange(asking, known, context)
        return structs.replace(reply, usage=_NOTHING) if request.free else reply

    def _without(self, request: Any, model: str) -> Reply[Spoken]:  # noqa: ANN401 - any family's
        """What is answered without asking anybody; InvalidRequest where there is nothing of the kind."""
        reckon = self._language.reckoned.get(request.operation)
        if reckon is None:
            raise InvalidRequest(
                f"The model '{model}' cannot do {request.operation}.", param="model", code="unsupported_model"
            )
        reckoned = reckon(request)
        return Reply(Spoken(reckoned.data), emulated=reckoned.emulated, usage=_NOTHING)

    async def _in_time(self, asking: Asking, known: "_Known", context: Context) -> Reply[Spoken]:
        """The answer, whose first piece must come within the time that the caller gave it."""
        try:
            async with asyncio.timeout(context.first_within) as patience:
                return await self._exchange(asking, known, _until_opened(context, patience))
        except TimeoutError as error:
            if not patience.expired():
                raise
            late = FirstTokenLate("The upstream did not begin to answer within the time that the caller gave it.")
            late.spent = True
            raise late from error

    async def _exchange(self, asking: Asking, known: "_Known", context: Context) -> Reply[Spoken]:
        under_way = False
        account, wishes = self._account, context.wishes
        own = account.timeouts
        total = min(own.total, context.within)
        try:
            async with self._client.send(
                asking.message,
                self._origin,
                timeouts=Timeouts(own.connect, own.first_byte, total, wishes.attempts, wishes.on_statuses),
                max_reply=account.max_reply,
                headers=context.headers,
            ) as response:
                if not _OK <= response.status < _NO_LONGER_OK:
                    raise self._language.fault(Received(response.status, response.headers, await response.read()))
                # Its word counts from its head on, whatever becomes of the rest.
                under_way = True
                if asking.relay is None and not asking.raw:
                    spoken, used, emulated = await _whole(asking, response)
                else:
                    spoken, used, emulated = await self._told(asking, known, response, context)
        except ToranaError as error:
            # Nobody can say what an upstream did that was sent a request and did not answer.
            error.spent |= under_way or isinstance(error, UpstreamTimeout | UpstreamCut)
            discreet(error, self._key)
            raise
        return Reply(spoken, asking.emulated + emulated, asking.ignored, usage=known.usage(used))

    async def _told(self, asking: Asking, known: "_Known", response: Response, context: Context) -> _Heard:
        """An answer of which the client has all that came, or a whole one where it came so."""
        kind = media_type(response) or "application/octet-stream"
        if asking.raw and kind not in _WORDS:
            used = asking.used
            context.used(lambda: known.usage(used))
            await tell_bytes(response, lambda: context.open(Opening(kind, asking.emulated, asking.ignored)))
            return Spoken(b"", kind, told=True), used, ()
        if asking.relay is None or not is_stream(kind):
            return await _whole(asking, response)
        relay, cutter = asking.relay(), cutter_of(kind, self._account.max_reply)
        context.used(lambda: known.usage(relay.used))
        opening = Opening(asking.media_type, asking.emulated, asking.ignored)
        await tell_events(response, relay, lambda: context.open(opening), cutter)
        return Spoken(b"", asking.media_type, told=True), relay.used, ()

    def _known(self, model: str) -> "_Known":
        """What there is to know of a model that nobody asked for lately, worked out once."""
        if len(self._models) >= _MOST_MODELS:
            self._models.clear()
        known = self._models[model] = _Known(self._language, model, self._account.prices.get(model))
        return known


class _Known:
    """A model at this account: how it is asked, and what it costs."""

    __slots__ = ("ceiling", "price", "source", "ways")

    def __init__(self, language: Language, model: str, price: Price | None) -> None:
        facts = language.facts(model)
        found = {operation: language.way(operation, model) for operation in language.known}
        self.ways = {operation: way for operation, way in found.items() if way is not None}
        self.price = price or (None if facts is None else facts.price)
        self.source = None if self.price is None else f"{self.price.source}, {self.price.dated}"
        self.ceiling = None if facts is None or self.price is None else Ceiling(self.price, facts.most_out)

    def usage(self, used: Consumption) -> Usage:
        """What was used, and what that costs as far as it is known."""
        used = credible(used)
        price, charged = self.price, used.charged
        if price is None:
            return Usage(tokens=used.tokens, cost=charged)
        if charged is None and price.is_of_tokens_alone:
            return Usage(tokens=used.tokens, cost=price.of_tokens(used.tokens), price=self.source)
        consumed = Consumed(
            requests=1 if used.units is None else used.units,
            tokens=used.tokens,
            characters=used.characters,
            seconds=used.seconds,
            charged=charged,
        )
        return Usage(tokens=used.tokens, cost=price.of(consumed), price=self.source)


async def _whole(asking: Asking, response: Response) -> _Heard:
    answered = asking.plain(Received(response.status, response.headers, await response.read()))
    if not answered.data.isascii():
        _check_letters(answered)
    # Where events were asked for and a whole answer came, the family makes events of it.
    emulated = () if asking.relay is None else ("stream",)
    return Spoken(answered.data, answered.media_type), answered.used, emulated


def _check_letters(answered: Answered) -> None:
    """UpstreamError for a text that is none: of what passes through unread nobody else would see it."""
    try:
        answered.data.decode()
    except UnicodeDecodeError as error:
        raise unreadable() from error


def _until_opened(context: Context, patience: asyncio.Timeout) -> Context:
    """The context, with a patience that is for the time until the answer begins."""

    def opened(opening: Opening) -> Show:
        patience.reschedule(None)
        return context.open(opening)

    return structs.replace(context, open=opened)
