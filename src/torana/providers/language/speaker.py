"""A vendor's account at work: any request in words, in the same way whoever answers."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from secrets import token_hex
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
from torana.providers.language.relaying import is_stream, media_type, pieces, tell
from torana.providers.language.worst import Worded, most
from torana.upstream.client import Client, Origin, Response, Timeouts
from torana.upstream.signing.signed import Signed

_WORDS = frozenset({"application/json", "text/html", "text/plain"})
"""Media types that no sound has: an error that says it is none."""

_NOTHING = Usage(cost=Decimal(0), price="nobody charges for it")


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
        self._origin = Origin(address(base_url, account.options))
        self._client: Client = lent.patient(Signed(lent.connect(account.max_connections), door(account, key, lent)))
        self.operations: Mapping[str, Operation] = dict.fromkeys(language.known, self.answer)

    def worst(self, request: Worded, target: Target) -> Decimal | None:
        """The most that it may plausibly cost; None where nobody can tell."""
        if request.free:
            return Decimal(0)
        facts, price = self._language.facts(target.model), self._price(target.model)
        return None if facts is None or price is None else most(request, price, facts.most_out)

    async def answer(self, request: Any, model: str, context: Context) -> Reply[Spoken]:  # noqa: ANN401 - any family's
        """The answer in the words of the client's family, told while it comes where that was asked for."""
        reckon = self._language.reckoned.get(request.operation)
        way = self._language.way(request.operation, model)
        if way is None and reckon is not None:
            reckoned = reckon(request)
            return Reply(Spoken(reckoned.data), emulated=reckoned.emulated, usage=_NOTHING)
        if way is None:
            raise InvalidRequest(
                f"The model '{model}' cannot do {request.operation}.", param="model", code="unsupported_model"
            )
        if self._keyless:
            raise UpstreamAuth("The gateway has no credentials for this upstream.", reason="no_key")
        occasion = Occasion(request, int(self._lent.clock.now()), token_hex(12), model)
        at = At(model, occasion, context.parameters, self._account.options, forwarded=context.forwarded)
        reply = await self._attempt(way(request, at), model, context)
        return structs.replace(reply, usage=_NOTHING) if request.free else reply

    async def _attempt(self, asking: Asking, model: str, context: Context) -> Reply[Spoken]:
        told = asking.relay is not None or asking.raw
        try:
            async with asyncio.timeout(context.first_within if told else None) as patience:
                return await self._exchange(asking, model, _until_opened(context, patience))
        except TimeoutError as error:
            if not patience.expired():
                raise
            late = FirstTokenLate("The upstream did not begin to answer within the time that the caller gave it.")
            late.spent = True
            raise late from error

    async def _exchange(self, asking: Asking, model: str, context: Context) -> Reply[Spoken]:
        under_way = False
        try:
            async with self._client.send(
                asking.message,
                self._origin,
                timeouts=self._timeouts(context),
                max_reply=self._account.max_reply,
                headers=context.headers,
            ) as response:
                if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                    raise self._language.fault(Received(response.status, response.headers, await response.read()))
                # Its word counts from its head on, whatever becomes of the rest.
                under_way = True
                spoken, used, emulated = await _Listening(self, asking, model, context).heard(response)
        except ToranaError as error:
            # Nobody can say what an upstream did that was sent a request and did not answer.
            error.spent |= under_way or isinstance(error, UpstreamTimeout | UpstreamCut)
            discreet(error, self._key)
            raise
        usage = self.usage(used, model)
        return Reply(spoken, emulated=(*asking.emulated, *emulated), ignored=asking.ignored, usage=usage)

    def _timeouts(self, context: Context) -> Timeouts:
        own, wishes = self._account.timeouts, context.wishes
        total = min(own.total, context.within)
        return Timeouts(own.connect, own.first_byte, total, wishes.attempts, wishes.on_statuses)

    def usage(self, used: Consumption, model: str) -> Usage:
        """What was used, and what that costs as far as it is known."""
        price, used = self._price(model), credible(used)
        consumed = Consumed(
            requests=1 if used.units is None else used.units,
            tokens=used.tokens,
            characters=used.characters,
            seconds=used.seconds,
            charged=used.charged,
        )
        return Usage(
            tokens=used.tokens,
            cost=consumed.charged if price is None else price.of(consumed),
            price=f"{price.source}, {price.dated}" if price else None,
        )

    @property
    def longest_event(self) -> int:
        """Bytes of one event at most."""
        return self._account.max_reply

    def _price(self, model: str) -> Price | None:
        facts = self._language.facts(model)
        return self._account.prices.get(model) or (facts.price if facts else None)


@dataclass(frozen=True, slots=True)
class _Listening:
    """One answer as it comes from the upstream."""

    speaker: Speaker
    asking: Asking
    model: str
    context: Context

    async def heard(self, response: Response) -> tuple[Spoken, Consumption, tuple[str, ...]]:
        """The answer, or word that the client has it; what it took; and what about it is emulated."""
        asking = self.asking
        kind = media_type(response) or "application/octet-stream"
        if asking.raw and kind not in _WORDS:
            self.context.used(lambda: self.speaker.usage(asking.used, self.model))
            await self._tell(_bytes(response), kind)
            return Spoken(b"", kind, told=True), asking.used, ()
        if asking.relay is None or not is_stream(response):
            answered = asking.plain(Received(response.status, response.headers, await response.read()))
            _check_letters(answered)
            # Where events were asked for and a whole answer came, the family makes events of it.
            emulated = () if asking.relay is None else ("stream",)
            return Spoken(answered.data, answered.media_type), answered.used, emulated
        relay = asking.relay()
        self.context.used(lambda: self.speaker.usage(relay.used, self.model))
        await self._tell(pieces(response, relay, max_event=self.speaker.longest_event), asking.media_type)
        return Spoken(b"", asking.media_type, told=True), relay.used, ()

    async def _tell(self, coming: AsyncGenerator[bytes], kind: str) -> None:
        await tell(coming, self.asking, self.context, kind)


def _check_letters(answered: Answered) -> None:
    """UpstreamError for a text that is none: of what passes through unread nobody else would see it."""
    try:
        answered.data.isascii() or answered.data.decode()
    except UnicodeDecodeError as error:
        raise unreadable() from error


def _until_opened(context: Context, patience: asyncio.Timeout) -> Context:
    """The context, with a patience that is for the time until the answer begins."""

    def opened(opening: Opening) -> Show:
        patience.reschedule(None)
        return context.open(opening)

    return structs.replace(context, open=opened)


async def _bytes(response: Response) -> AsyncGenerator[bytes]:
    async for chunk in response.chunks():
        yield chunk
