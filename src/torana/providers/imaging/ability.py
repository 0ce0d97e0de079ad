"""What a model of an upstream can be asked for, as data: being wrong about an upstream is a change here alone."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from torana.core.content import Size
from torana.core.exchange import Usage
from torana.core.price import Price
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.canvas import AnySize, Canvas


@dataclass(frozen=True, slots=True)
class Scale:
    """An upstream's own scale for how far a picture may go from its source."""

    close: float
    """Its value for our 0."""
    far: float
    """Its value for our 1."""
    usual: float | None = None
    """Its value for our 0.5, where that is not half-way."""

    def of(self, strength: float) -> float:
        """Our strength, 0 to 1, on this scale."""
        middle = (self.close + self.far) / 2 if self.usual is None else self.usual
        if strength <= 0.5:  # noqa: PLR2004 - the middle of our scale
            value = self.close + (middle - self.close) * strength * 2
        else:
            value = middle + (self.far - middle) * (strength * 2 - 1)
        return round(value, 4)


@dataclass(frozen=True, slots=True)
class Effort:
    """One picture as it is asked for, as far as that decides how many tokens it takes."""

    size: Size | None
    """None: the model chooses."""
    wishes: Mapping[str, str]
    sources: int
    """Pictures that go along, the mask among them."""
    words: int
    """Bytes of the prompt, of which a token has at least one."""
    partials: int
    """Unfinished pictures that are shown before."""


@dataclass(frozen=True, slots=True)
class Ability:
    """What one model can be asked for."""

    operations: frozenset[str]
    most: int = 1
    """Pictures of one upstream call; more are made by several calls."""
    canvas: Canvas = field(default_factory=AnySize)
    demands: Demands = field(default_factory=Demands)
    """What a source must be like."""
    inline: bool = True
    """Whether the sources' bytes must be at hand, because they go into JSON; else they are streamed."""
    sources: int = 1
    """Pictures it takes at once; what is beyond is left out, and said to be."""
    most_bytes: int = sys.maxsize
    """Of all sources of one call together; each has its share."""
    prompted: bool = True
    """Whether a variation needs words: ours are sent."""
    strength: Scale | None = None
    """None: how far to go can only be said in words."""
    most_seed: int | None = None
    """The largest seed; None where it takes none."""
    mask: bool = False
    wishes: frozenset[str] = frozenset()
    """Further fields of the contract that it understands, such as ``quality``."""
    formats: frozenset[str] = frozenset()
    """Output formats that it can be asked for."""
    partial: bool = False
    """Whether it can stream unfinished pictures before the finished ones."""
    price: Price | None = None
    kind: Callable[[Mapping[str, str], str | None], str] = lambda _wishes, _resolution: ""
    """Which of the price's kinds a call is, from its wishes and its resolution."""
    tokens: Callable[[Effort], Mapping[str, int]] | None = None
    """The most tokens that one picture can take, by the names that prices use; None where nobody knows."""
    ceiling: Price | None = None
    """What it costs at most, where only its replies tell what it charged, or may tell of more than the price."""
    excess: int = 1
    """How many times what was asked for it may charge: some bring more pictures than one, or are asked twice."""


FREE = Price(dated="2026-11-22", source="made in this house", per_request=Decimal(0))
"""The price of what runs on the operator's own machines, beside their keep."""


def free(images: int) -> Usage:
    """The usage of pictures that were made in this house."""
    return Usage(images=images, cost=Decimal(0), price=f"{FREE.source}, {FREE.dated}")
