"""A vendor's account at work: any request for pictures, in the same way whoever answers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache, partial

from msgspec import structs

from torana.config.upstreams import Account
from torana.core.errors import CallerError, InvalidRequest, ToranaError, UpstreamAuth, UpstreamTimeout
from torana.core.exchange import Context, Reply, Target, Usage
from torana.core.price import Consumed
from torana.core.together import a_few_at_once
from torana.dialects.steps import Ask, Drawn
from torana.families.images import MAX_SEED, OUTPUT_FORMATS, ImageRequest, Pictures
from torana.providers.addresses import address
from torana.providers.base import Declaration, Lent, Operation
from torana.providers.imaging.ability import Ability, Scale
from torana.providers.imaging.asking import Asking, asking
from torana.providers.imaging.conversing import Conversation
from torana.providers.imaging.finishing import Finished, Finishing
from torana.providers.imaging.sources import sent
from torana.providers.imaging.vendor import Vendor
from torana.providers.imaging.worst import Extent, extent, longest, worst
from torana.upstream.client import Origin
from torana.upstream.signing.signed import Signed

_SETTINGS = frozenset({
    "api_key", "base_url", "models", "extensions", "timeouts", "max_reply", "download_hosts", "max_connections",
    "max_waiting", "parallel", "poll", "options", "prices", "proxy", "http2",
})  # fmt: skip
"""What any account with a vendor may have set."""
_PLAIN_SCALE = Scale(0.0, 1.0)
_KEPT_SHARE, _MOST_KEPT = 0.1, 30.0
"""How much of the call's time, and of seconds at most, is kept for what is to be done with the pictures once made."""
_REMEMBERED = 1024
"""Worst prices that an account keeps at hand."""


class Artist:
    """Makes pictures at a vendor's.

    However it ends: what came is handed over and counted, and an error says by ``spent`` whether it may have cost.
    """

    def __init__(self, vendor: Vendor, account: Account, key: str | None, lent: Lent) -> None:
        self._vendor = vendor
        self._account = account
        self._lent = lent
        self._keyless = key is None and (account.api_key is not None or "api_key" in vendor.needs)
        origin = Origin(address(account.base_url or str(vendor.base_url), account.options))
        client = lent.connect(account.max_connections, account.max_waiting)
        signed = Signed(client, vendor.door(account, key, lent))
        self._conversation = Conversation(
            vendor, account, origin, client=lent.patient(signed), stranger=lent.patient(client)
        )
        self.operations: Mapping[str, Operation] = dict.fromkeys(_operations(vendor), self.make)
        self._longest = longest(lent.prompts)
        self._foreseen = lru_cache(_REMEMBERED)(self._foresee)

    def worst(self, request: ImageRequest, target: Target) -> Decimal | None:
        """The most that it may cost: the operator's own price counts before ours."""
        return self._foreseen(target.model, extent(request, target, self._longest))

    async def make(self, request: ImageRequest, model: str, context: Context) -> Reply[Pictures]:
        """The pictures, each at the size and in the format that the client asked for."""
        ability = self._ability(request, model)
        if self._keyless:
            raise UpstreamAuth("The gateway has no credentials for this upstream.", reason="no_key")
        asked = asking(
            request, ability, model, context=context, prompts=self._lent.prompts, options=self._account.options
        )
        asks: Sequence[Ask] = asked.asks
        if request.images:
            pictures, mask = await sent(self._lent, request, asked, ability, context=context)
            asks = [structs.replace(ask, sources=pictures, mask=mask) for ask in asks]
        finishing = Finishing(self._lent, self._account, request, context.caller)
        drawn, errors = await self._draw_all(asks, context)
        finished, lost = await finishing.all_of(drawn)
        if not finished:
            raise _most_telling([*errors, *lost])
        price = self._account.prices.get(model, ability.price)
        consumed = _consumed(asked.kind, drawn, finished)
        usage = Usage(
            images=consumed.images,
            tokens=consumed.tokens,
            cost=consumed.charged if price is None else price.of(consumed),
            price=f"{price.source}, {price.dated}" if price else None,
        )
        streamed = True in [each.streamed for each in drawn]
        return self._reply(request, asked, finished, usage=usage, streamed=streamed)

    def _reply(
        self, request: ImageRequest, asked: Asking, finished: Sequence[Finished], *, usage: Usage, streamed: bool
    ) -> Reply[Pictures]:
        shown = finished[: request.n]
        emulated = (
            *asked.emulated,
            *(("stream",) if request.stream and not streamed else ()),
            *(("url",) if request.response_format == "url" else ()),
            *(("resize",) if True in [each.resized for each in shown] else ()),
            *(("output_format",) if True in [each.converted for each in shown] else ()),
        )
        return Reply(
            Pictures(
                int(self._lent.clock.now()),
                tuple([each.picture for each in shown]),
                tuple([each.revised_prompt for each in shown]) if request.prompt else (),
            ),
            emulated=emulated,
            ignored=asked.ignored,
            shortfall=request.n - len(shown),
            usage=usage,
        )

    def _foresee(self, model: str, asked: Extent) -> Decimal | None:
        ability = self._vendor.ability(model)
        if ability is None:
            return None
        return worst(asked, ability, self._account.prices.get(model, ability.ceiling or ability.price))

    def _ability(self, request: ImageRequest, model: str) -> Ability:
        ability = self._vendor.ability(model)
        if ability is None or request.operation not in ability.operations:
            raise InvalidRequest(
                f"The model '{model}' cannot do {request.operation}.", param="model", code="unsupported_model"
            )
        return _extended(ability, self._account.extensions)

    async def _draw_all(self, asks: Sequence[Ask], context: Context) -> tuple[list[Drawn], list[ToranaError]]:
        """All calls, a few at once: what came of those that succeeded, and why the others failed."""
        # What comes later than this would be paid for, and lost with all that came before.
        end = self._lent.clock.ticks() + context.within - min(_KEPT_SHARE * context.within, _MOST_KEPT)
        if len(asks) == 1:
            result = await self._draw(asks[0], context, end)
            return ([result], []) if isinstance(result, Drawn) else ([], [result])
        works = [partial(self._draw, ask, context, end) for ask in asks]
        results = await a_few_at_once(works, self._account.parallel)
        drawn = [result for result in results if isinstance(result, Drawn)]
        return drawn, [result for result in results if isinstance(result, ToranaError)]

    async def _draw(self, ask: Ask, context: Context, end: float) -> Drawn | ToranaError:
        """One call, which is to be over at ``end``."""
        left = end - self._lent.clock.ticks()
        if left <= 0:
            return UpstreamTimeout("No time was left to ask the upstream.")
        try:
            return await self._conversation.hold(ask, structs.replace(context, within=left))
        except ToranaError as error:
            return error


def _extended(ability: Ability, extensions: Sequence[str]) -> Ability:
    """The ability with what the operator knows this upstream to understand besides; what is known of it stays."""
    if not extensions:
        return ability
    return replace(
        ability,
        most_seed=MAX_SEED if ability.most_seed is None and "seed" in extensions else ability.most_seed,
        strength=ability.strength or (_PLAIN_SCALE if "strength" in extensions else None),
        formats=ability.formats or (frozenset(OUTPUT_FORMATS) if "output_format" in extensions else frozenset()),
    )


def _most_telling(errors: Sequence[ToranaError]) -> ToranaError:
    """The error to answer with when no picture came: the caller's to mend before any of an upstream's."""
    told = next((error for error in errors if isinstance(error, CallerError)), errors[0])
    told.spent = any(error.spent for error in errors)
    return told


def _consumed(kind: str, drawn: Sequence[Drawn], finished: Sequence[Finished]) -> Consumed:
    """What all calls consumed together. A picture that was made and lost counts as large as the others are."""
    images = sum([len(each.pictures) if each.billed is None else each.billed for each in drawn])
    charged = [each.charged for each in drawn if each.charged is not None]
    return Consumed(
        requests=sum([each.requests for each in drawn]),
        images=images,
        pixels=round(images * sum([each.made.pixels for each in finished]) / len(finished)),
        kind=kind,
        tokens=drawn[0].tokens if len(drawn) == 1 else _tokens(drawn),
        charged=sum(charged, Decimal(0)) if len(charged) == len(drawn) else None,
    )


def _tokens(drawn: Sequence[Drawn]) -> Mapping[str, int]:
    """Those of all calls; none where one does not tell its own, since then nobody knows them."""
    tokens: Counter[str] = Counter()
    for each in drawn if all(each.tokens for each in drawn) else ():
        tokens.update(each.tokens)
    return tokens


def _operations(vendor: Vendor) -> frozenset[str]:
    return frozenset().union(*(ability.operations for ability in vendor.abilities.values()))


def declared(vendor: Vendor) -> Declaration:
    """A vendor as a type of provider that operators can name."""
    needs = vendor.needs if vendor.base_url else vendor.needs | {"base_url"}
    return Declaration(
        type=vendor.type,
        summary=vendor.summary,
        build=partial(Artist, vendor),
        abilities=vendor.abilities,
        base_url=vendor.base_url,
        options=vendor.options,
        needs=needs,
        takes=_SETTINGS,
        note=vendor.note,
        aliases=vendor.aliases,
        spellings=vendor.spellings,
        imitated_by=vendor.imitated_by,
    )
