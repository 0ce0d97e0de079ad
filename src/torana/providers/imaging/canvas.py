"""Which sizes a model can be asked for, and which of them comes nearest to what the client wants."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from msgspec import Struct, structs

from torana.core.content import Size


class Chosen(Struct, frozen=True, gc=False):
    """What to ask the upstream for: a size, or a ratio of sides and perhaps a resolution, or nothing."""

    size: Size | None = None
    ratio: str | None = None
    resolution: str | None = None
    source: Size | None = None
    """The size that the source must be brought to first, where the result takes its size from it."""


class Canvas(Protocol):
    """A model's sizes."""

    def nearest(self, wanted: Size) -> Chosen:
        """What comes nearest to a size, in shape first and then in pixels."""
        ...

    def pixels(self, chosen: Chosen) -> int | None:
        """How many pixels a picture has at most, of which that much was chosen; None where nobody can tell."""
        ...


@dataclass(frozen=True, slots=True)
class AnySize:
    """Every size: the upstream brings its own bounds, and says so."""

    def __str__(self) -> str:
        return "any"

    def nearest(self, wanted: Size) -> Chosen:
        """The size itself."""
        return Chosen(size=wanted)

    def pixels(self, chosen: Chosen) -> int | None:
        """Those of the size."""
        return chosen.size.pixels if chosen.size else None


@dataclass(frozen=True, slots=True)
class Listed:
    """A few sizes."""

    sizes: tuple[Size, ...]

    def __str__(self) -> str:
        wide = [size for size in self.sizes if size.width >= size.height]
        turned = {Size(size.height, size.width) for size in wide}
        if set(self.sizes) != {*wide, *turned}:
            return ", ".join(map(str, self.sizes))
        return ", ".join(map(str, wide)) + (", also upright" if turned - set(wide) else "")

    def nearest(self, wanted: Size) -> Chosen:
        """The size of the nearest shape; of several the one of the nearest area, rather larger than smaller."""
        return Chosen(size=min(self.sizes, key=lambda size: (_apart(size, wanted), _short(size, wanted))))

    def pixels(self, chosen: Chosen) -> int | None:
        """Those of the size, else of the largest."""
        return chosen.size.pixels if chosen.size else max(size.pixels for size in self.sizes)


@dataclass(frozen=True, slots=True)
class Stepped:
    """Any sides that are multiples of a step, within bounds."""

    step: int = 8
    least: int = 64
    most: int = 2048
    least_pixels: int = 0
    most_pixels: int = 1 << 40
    steepest: float = math.inf
    """The largest ratio of the longer side to the shorter."""

    def __str__(self) -> str:
        parts = [f"sides of {self.least} to {self.most}" + (f" by steps of {self.step}" if self.step > 1 else "")]
        if self.least_pixels:
            parts.append(f"at least {_megapixels(self.least_pixels)}")
        if self.most_pixels < self.most**2:
            parts.append(f"at most {_megapixels(self.most_pixels)}")
        if self.steepest < math.inf:
            parts.append(f"up to {self.steepest:g}:1")
        return ", ".join(parts)

    def nearest(self, wanted: Size) -> Chosen:
        """The wanted shape, as far as it is not too steep, at the nearest area within bounds."""
        ratio = min(max(wanted.width / wanted.height, 1 / self.steepest), self.steepest)
        area = min(max(wanted.pixels, self.least_pixels), self.most_pixels)
        width, height = math.sqrt(area * ratio), math.sqrt(area / ratio)
        grow = max(1.0, self.least / min(width, height))
        shrink = min(1.0, self.most / (grow * max(width, height)))
        return Chosen(size=self._stepped(width * grow * shrink, height * grow * shrink))

    def pixels(self, chosen: Chosen) -> int | None:
        """Those of the size, else the most there can be."""
        return chosen.size.pixels if chosen.size else min(self.most_pixels, self.most**2)

    def _stepped(self, width: float, height: float) -> Size:
        sides = [self._side(width), self._side(height)]
        while max(sides) > self.steepest * min(sides):
            longer = 0 if sides[0] >= sides[1] else 1
            sides[longer] -= self.step
        while sides[0] * sides[1] > self.most_pixels:
            longer = 0 if sides[0] >= sides[1] else 1
            sides[longer] -= self.step
        while sides[0] * sides[1] < self.least_pixels:
            shorter = 0 if sides[0] <= sides[1] else 1
            sides[shorter] += self.step
        return Size(*sides)

    def _side(self, length: float) -> int:
        least, most = math.ceil(self.least / self.step), self.most // self.step
        return min(max(round(length / self.step), least), most) * self.step


@dataclass(frozen=True, slots=True)
class Ratios:
    """A few shapes, as ``w:h``, and perhaps a few resolutions, by name with the pixels that each has about."""

    ratios: tuple[str, ...]
    resolutions: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        names = ", ".join(name for name, _ in self.resolutions)
        return ", ".join(self.ratios) + (f"; at {names}" if names else "")

    def nearest(self, wanted: Size) -> Chosen:
        """The nearest shape, and the smallest resolution that is not below the wanted area by more than a tenth."""
        ratio = min(self.ratios, key=lambda written: _apart(_shape(written), wanted))
        enough = [name for name, pixels in self.resolutions if pixels >= 0.9 * wanted.pixels]
        names = [name for name, _ in self.resolutions]
        return Chosen(ratio=ratio, resolution=next(iter(enough), names[-1] if names else None))

    def pixels(self, chosen: Chosen) -> int | None:
        """About those of the resolution, else of the largest; None where there are no resolutions."""
        known = dict(self.resolutions)
        return known.get(chosen.resolution or "", max(known.values(), default=None))


@dataclass(frozen=True, slots=True)
class AsSource:
    """The result has the source's size: the source is brought to the nearest that is possible."""

    within: Canvas

    def __str__(self) -> str:
        return f"its source's, brought to {self.within}"

    def nearest(self, wanted: Size) -> Chosen:
        """The size to bring the source to."""
        return Chosen(source=self.within.nearest(wanted).size)

    def pixels(self, chosen: Chosen) -> int | None:
        """Those of the source."""
        return self.within.pixels(Chosen(size=chosen.source))


@dataclass(frozen=True, slots=True)
class Shaped:
    """Drawn from words, a result has what ``drawn`` offers; changed, it has the size of its source."""

    drawn: Canvas
    source: Canvas

    def nearest(self, wanted: Size) -> Chosen:
        """What to draw, and the size to bring a source to."""
        return structs.replace(self.drawn.nearest(wanted), source=self.source.nearest(wanted).size)

    def pixels(self, chosen: Chosen) -> int | None:
        """Those of the larger of both; None where one of them is not known."""
        both = (self.drawn.pixels(chosen), self.source.pixels(Chosen(size=chosen.source)))
        return None if None in both else max(each for each in both if each is not None)

    def __str__(self) -> str:
        return f"{self.drawn}; changed, {AsSource(self.source)}"


def _apart(size: Size, wanted: Size) -> float:
    """How far apart two shapes are; shapes that nobody could tell apart are alike."""
    return round(abs(math.log(size.width / size.height * wanted.height / wanted.width)), 2)


def _short(size: Size, wanted: Size) -> float:
    """How far an area is off; too little counts twice, since what is missing must be invented."""
    off = math.log(size.pixels / wanted.pixels)
    return off if off >= 0 else -2 * off


def _megapixels(pixels: int) -> str:
    return f"{pixels / 1_000_000:.3g} megapixels"


@lru_cache(128)
def _shape(written: str) -> Size:
    width, _, height = written.partition(":")
    return Size(round(100 * float(width)), round(100 * float(height)))
