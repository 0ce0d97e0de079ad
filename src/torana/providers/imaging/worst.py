"""The most that a request may plausibly cost, told from its fields alone: pure, and quick enough for every call."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from torana.config.upstreams import Prompts
from torana.core.content import Size
from torana.core.exchange import Target
from torana.core.price import Consumed, Price
from torana.families.images import ImageRequest
from torana.providers.imaging.ability import Ability, Effort
from torana.providers.imaging.asking import choose
from torana.providers.imaging.canvas import Chosen

_DECISIVE = frozenset({
    "aspect_ratio", "height", "image_size", "megapixels", "quality", "rendering_speed", "resolution", "size", "width",
})  # fmt: skip
"""Fields by which upstreams are told how large or how good a picture is to be."""
_MEGAPIXEL = 1024 * 1024
"""Those who charge by megapixels charge for started ones."""
_WORDS = 256
"""Prompts whose lengths differ by less cost alike."""


class Extent(NamedTuple):
    """All of a request that its price depends on; a tuple, because one is made and looked up for each call."""

    n: int
    size: Size | None
    like: Size | None
    """The first source's size, where that decides."""
    sources: int
    masks: int
    words: int
    """Bytes of the prompt, rounded up."""
    partials: int
    wishes: tuple[tuple[str, str], ...]
    overruled: bool
    """Whether the operator's own fields say how large or how good pictures are to be."""


def extent(request: ImageRequest, target: Target, longest: int) -> Extent:
    """The extent of a request at a target; the ``longest`` of our prompts, in bytes, stands for one that it lacks."""
    prompt = target.prompt if request.prompt is None else request.prompt
    words = longest if prompt is None else len(prompt.encode())
    images = request.images
    return Extent(
        n=request.n,
        size=request.size,
        like=images[0].info.size if images and request.size is None else None,
        sources=len(images),
        masks=0 if request.mask is None else 1,
        words=math.ceil(words / _WORDS) * _WORDS,
        partials=request.partial_images if request.stream else 0,
        wishes=tuple(request.wishes.items()),
        overruled=bool(target.parameters) and not _DECISIVE.isdisjoint(name for name, _ in target.parameters),
    )


def worst(asked: Extent, ability: Ability, price: Price | None) -> Decimal | None:
    """US dollars at most, of pictures of that extent; None when the price, or what it depends on, is not known."""
    if price is None:
        return None
    chosen, wishes = Chosen(), dict[str, str]()
    if not asked.overruled and not _is_flat(price):
        chosen = choose(asked.size, asked.like, ability.canvas)
        wishes = {name: text for name, text in asked.wishes if name in ability.wishes}
    images = asked.n * ability.excess
    pixels = ability.canvas.pixels(chosen)
    return price.of(
        Consumed(
            requests=math.ceil(asked.n / ability.most) * ability.excess,
            images=images,
            pixels=0 if pixels is None else images * math.ceil(pixels / _MEGAPIXEL) * _MEGAPIXEL,
            kind=_kind(price, "" if asked.overruled else ability.kind(wishes, chosen.resolution)),
            tokens=_tokens(asked, ability, chosen, wishes),
        )
    )


def longest(prompts: Prompts) -> int:
    """Bytes of the longest of our prompts."""
    return max(len(words.encode()) for words in (prompts.close, prompts.usual, prompts.bold))


def _is_flat(price: Price) -> bool:
    """Whether pictures cost the same however large or good they are."""
    return price.per_megapixel is None and not price.by_kind and not price.per_million_tokens


def _kind(price: Price, kind: str) -> str:
    """The kind itself; of one that has no price, that which costs most."""
    kinds = price.by_kind
    return kind if kind in kinds or not kinds else max(kinds, key=kinds.__getitem__)


def _tokens(asked: Extent, ability: Ability, chosen: Chosen, wishes: Mapping[str, str]) -> Mapping[str, int]:
    if ability.tokens is None:
        return {}
    effort = Effort(
        size=chosen.size,
        wishes=wishes,
        sources=min(asked.sources, ability.sources) + asked.masks,
        words=asked.words,
        partials=asked.partials if ability.partial else 0,
    )
    # Each picture is charged for as though it had been asked for alone.
    return {name: count * asked.n * ability.excess for name, count in ability.tokens(effort).items()}
