"""What an operation costs, as data: in US dollars, exact, dated, with its source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

_MEGAPIXEL = 1_000_000
_MILLION = 1_000_000

Money = Annotated[Decimal, Meta(examples=["0.04"])]
Kind = Annotated[str, Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Consumed:
    """What one call to an upstream consumed, as far as it is known."""

    requests: int = 1
    images: int = 0
    pixels: int = 0
    """Of all pictures together."""
    kind: str = ""
    """Which of a model's prices by kind is meant, for instance ``high 1024x1024`` or ``1K``."""
    tokens: Mapping[str, int] = field(default_factory=dict)
    """By the name they are charged under: ``text_in``, ``image_in``, ``image_out``, ..."""
    charged: Decimal | None = None
    """What the upstream itself says it charged, in US dollars."""


class Price(Struct, frozen=True, forbid_unknown_fields=True):
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

    def __post_init__(self) -> None:
        try:
            date.fromisoformat(self.dated)
        except ValueError as error:
            raise ValueError(f"`dated` is no day of the calendar: {self.dated}") from error
        parts = [self.per_request, self.per_image, self.per_megapixel]
        parts += [*self.by_kind.values(), *self.per_million_tokens.values()]
        if any(part is not None and not (part.is_finite() and part >= 0) for part in parts):
            raise ValueError("a price is 0 or more")

    def of(self, consumed: Consumed) -> Decimal | None:
        """What the consumed comes to in US dollars; None when this price cannot tell."""
        if consumed.charged is not None:
            return consumed.charged
        parts = [
            _times(self.per_request, consumed.requests),
            _times(self.per_image, consumed.images),
        ]
        if self.per_megapixel is not None:
            if consumed.images and not consumed.pixels:
                return None
            parts.append(self.per_megapixel * consumed.pixels / _MEGAPIXEL)
        if self.by_kind:
            if consumed.kind not in self.by_kind:
                return None
            parts.append(self.by_kind[consumed.kind] * consumed.images)
        if self.per_million_tokens:
            if not consumed.tokens or not consumed.tokens.keys() <= self.per_million_tokens.keys():
                return None
            parts += [self.per_million_tokens[kind] * count / _MILLION for kind, count in consumed.tokens.items()]
        known = [part for part in parts if part is not None]
        return sum(known, Decimal(0)) if known else None


def _times(price: Decimal | None, count: Decimal | int) -> Decimal | None:
    return None if price is None else price * count
