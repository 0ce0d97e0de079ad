"""What an operation costs, as data: in US dollars, exact, dated, with its source."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import repeat
from operator import mul, truediv
from typing import Annotated

from msgspec import Meta, Struct

_MEGAPIXEL = Decimal(1_000_000)
_MILLION = Decimal(1_000_000)
_MILLIONS = repeat(_MILLION)
_MINUTE = Decimal(60)
_ONE, _NOTHING = Decimal(1), Decimal(0)
_PLACES = 12
"""Of dollars: seconds are no finite part of a minute."""

_KIND_OF: Mapping[str, str] = {"cached_in": "text_in", "reasoning_out": "text_out"}
"""Kinds that not every upstream has a price for, and what they are charged as there."""

TOKENS = (
    "text_in", "cached_in", "cache_write_in", "image_in", "audio_in", "text_out", "reasoning_out", "image_out",
    "audio_out",
)  # fmt: skip
"""What tokens may be."""

Money = Annotated[Decimal, Meta(examples=["0.04"])]
Kind = Annotated[str, Meta(min_length=1)]


class Consumed(Struct, frozen=True):
    """What one call to an upstream consumed, as far as it is known."""

    requests: int = 1
    images: int = 0
    pixels: int = 0
    """Of all pictures together."""
    kind: str = ""
    """Which of a model's prices by kind is meant, for instance ``high 1024x1024`` or ``1K``."""
    tokens: Mapping[str, int] = {}
    """By the name they are charged under: ``text_in``, ``image_in``, ``image_out``, ..."""
    characters: int | None = None
    """Of a text that was spoken."""
    seconds: Decimal | None = None
    """Of a sound that was listened to."""
    charged: Decimal | None = None
    """What the upstream itself says it charged, in US dollars."""


class Price(Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """What a model costs. Several parts add up; of a part that is left out nothing is charged."""

    dated: Annotated[
        str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}\Z", examples=["2026-11-22"], description="Day it was last checked.")
    ]
    source: Annotated[str, Meta(min_length=1, description="Where it was read.")]
    per_request: Annotated[Money, Meta(description="US dollars for each call.")] | None = None
    per_image: Annotated[Money, Meta(description="US dollars for each picture.")] | None = None
    per_megapixel: Annotated[Money, Meta(description="US dollars for each million pixels made.")] | None = None
    by_kind: Annotated[
        dict[Kind, Money], Meta(description="US dollars for each picture, by its kind: a quality, a resolution.")
    ] = {}
    per_million_tokens: Annotated[
        dict[Kind, Money], Meta(description="US dollars for a million tokens, by what they are.")
    ] = {}
    per_million_characters: (
        Annotated[Money, Meta(description="US dollars for a million characters that are spoken.")] | None
    ) = None
    per_minute: Annotated[Money, Meta(description="US dollars for each minute that is listened to.")] | None = None

    def __post_init__(self) -> None:
        try:
            date.fromisoformat(self.dated)
        except ValueError as error:
            raise ValueError(f"`dated` is no day of the calendar: {self.dated}") from error
        parts = [self.per_request, self.per_image, self.per_megapixel]
        parts += [self.per_million_characters, self.per_minute]
        parts += [*self.by_kind.values(), *self.per_million_tokens.values()]
        if any(part is not None and not (part.is_finite() and part >= 0) for part in parts):
            raise ValueError("a price is 0 or more")

    def of(self, consumed: Consumed) -> Decimal | None:
        """What the consumed comes to in US dollars; None when this price cannot tell."""
        if consumed.charged is not None:
            return consumed.charged
        if self.is_of_tokens_alone:
            return self.of_tokens(consumed.tokens)
        parts = [*self._parts(consumed)]
        known = [part for part in parts if part is not None]
        return sum(known, _NOTHING) if parts and len(known) == len(parts) else None

    @cached_property
    def is_of_tokens_alone(self) -> bool:
        """Whether nothing but tokens is charged for."""
        others = (self.per_request, self.per_image, self.per_megapixel, self.per_million_characters, self.per_minute)
        return bool(self.per_million_tokens) and not self.by_kind and all(part is None for part in others)

    @cached_property
    def _of_a_million(self) -> Mapping[str, Decimal]:
        """What a million tokens cost, by their kind; one without a price of its own is charged as the kind it is of."""
        prices = self.per_million_tokens
        return {kind: prices[of] for kind, of in _KIND_OF.items() if of in prices} | prices

    def of_tokens(self, tokens: Mapping[str, int]) -> Decimal | None:
        """What tokens come to in US dollars; None where that of one is not known, or none were counted."""
        if not tokens:
            return None
        try:
            prices = map(self._of_a_million.__getitem__, tokens)
            return sum(map(truediv, map(mul, prices, tokens.values()), _MILLIONS), _NOTHING)
        except KeyError:
            return None

    def _parts(self, consumed: Consumed) -> Iterator[Decimal | None]:
        """What each part of the price comes to; None where it cannot tell."""
        if self.per_request is not None:
            yield self.per_request * consumed.requests
        if self.per_image is not None:
            yield self.per_image * consumed.images
        if self.per_megapixel is not None:
            unknown = consumed.images and not consumed.pixels
            yield None if unknown else self.per_megapixel * consumed.pixels / _MEGAPIXEL
        if self.by_kind:
            yield _times(self.by_kind.get(consumed.kind), consumed.images)
        if self.per_million_tokens:
            yield self.of_tokens(consumed.tokens)
        if self.per_million_characters is not None:
            yield _times(self.per_million_characters, consumed.characters, _MILLION)
        if self.per_minute is not None:
            spoken = _times(self.per_minute, consumed.seconds, _MINUTE)
            yield None if spoken is None else round(spoken, _PLACES).normalize()


def _times(price: Decimal | None, count: Decimal | int | None, of: Decimal = _ONE) -> Decimal | None:
    """A price for so many ``of`` them, times how many there are."""
    return None if price is None or count is None else price * count / of
