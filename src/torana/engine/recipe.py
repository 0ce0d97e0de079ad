"""From a seed to a plan: what is drawn for picture i of n, so that the n differ and each stays within its bounds."""

import math
from dataclasses import dataclass

import numpy as np

from torana.engine.geometry import Framing
from torana.engine.photometry import Grade, Light
from torana.engine.sight.structure import Kind, Structure


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that sets one variation apart from its source."""

    framing: Framing
    grade: Grade
    borrowed: tuple[float, ...]
    """How far the colours go towards each further source's, 0..1."""
    anew: float
    """What share of the texture that offers its own substitutes is made up anew, 0..1."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Which of how many pictures this is."""

    seed: int
    index: int
    n: int


@dataclass(frozen=True, slots=True)
class _Bounds:
    """How much of each freedom a kind of picture bears, as factors of a photograph's."""

    zoom: float = 1.0
    turn: float = 1.0
    perspective: float = 1.0
    layout: float = 1.0
    squeeze: float = 0.3
    light: float = 1.0
    colour: float = 1.0


_BOUNDS = {
    Kind.PHOTO: _Bounds(),
    Kind.WRITING: _Bounds(zoom=0.3, turn=0.3, perspective=0.35, layout=0.0, squeeze=0.5),
    Kind.DRAWING: _Bounds(zoom=0.35, turn=0.35, perspective=0.3, layout=0.0, squeeze=0.5, light=0.0, colour=1.2),
    Kind.PIXELS: _Bounds(zoom=0.35, turn=0.0, perspective=0.0, layout=0.0, squeeze=0.0, light=0.0, colour=1.2),
}


class _Strata:
    """Uniform numbers, each of which visits every n-th part of 0..1 once over the n pictures."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._asked = 0

    def __call__(self) -> float:
        """The next number in 0..1."""
        self._asked += 1
        generator = np.random.default_rng([self._draw.seed, self._asked, self._draw.n])
        order, within = generator.permutation(self._draw.n), generator.random(self._draw.n)
        return float((order[self._draw.index] + within[self._draw.index]) / self._draw.n)

    def about(self) -> float:
        """The next number in -1..1, away from 0."""
        u = 2.0 * self() - 1.0
        return math.copysign(0.35 + 0.65 * abs(u), u)

    def round(self) -> tuple[float, float]:
        """The next point on a circle: two numbers of which one is always large."""
        angle = 2.0 * math.pi * self()
        return math.cos(angle), math.sin(angle)


def plan(draw: Draw, strength: float, *, structure: Structure, sources: int) -> Recipe:
    """What to do for one picture; ``strength`` of 0 asks for next to nothing, 1 for all that the picture bears."""
    strata = _Strata(draw)
    bounds = _BOUNDS[structure.kind]
    framing = _framing(strata, strength, bounds=bounds, structure=structure)
    grade = _grade(strata, 0.03 + 0.97 * strength, bounds=bounds, structure=structure)
    anew = min(max(1.45 * strength - 0.4, 0.0), 1.0)
    return Recipe(framing, grade, _borrowed(strata, strength, sources - 1), anew)


def _framing(strata: _Strata, s: float, *, bounds: _Bounds, structure: Structure) -> Framing:
    """The geometric part."""
    level = 1.0 - 0.75 * structure.upright
    across, down = strata.round()
    mirrored = strata() < 0.5 * min(1.0, s / 0.45) ** 2
    return Framing(
        zoom=1.0 + s * bounds.zoom * (0.08 + 0.72 * strata() ** 1.3),
        place=(strata(), strata()),
        roam=0.08 * math.sqrt(s) if not structure.border else 0.25 * s,
        tilt=math.radians(7.0) * s * bounds.turn * level * strata.about(),
        keystone=(0.42 * s * bounds.perspective * across, 0.32 * s * bounds.perspective * down),
        shear=0.05 * s * bounds.perspective * level * strata.about(),
        stretch=0.12 * s * bounds.perspective * strata.about(),
        fit=min(1.0, 1.6 * s) * bounds.layout,
        squeeze=min(1.0, 2.0 * s) * bounds.squeeze,
        swing=(0.5 * s * bounds.layout * strata.about(), 0.3 * s * bounds.layout * strata.about()),
        mirror=mirrored and not (structure.lettered or structure.marked),
    )


def _grade(strata: _Strata, s: float, *, bounds: _Bounds, structure: Structure) -> Grade:
    """The photometric part."""
    warm, bright = strata.round()
    tinge = 0.0 if structure.grey else s * bounds.colour
    light = Light(
        angle=2.0 * math.pi * strata(),
        slope=0.8 * s * bounds.light * (0.4 + 0.6 * strata()),
        pool=1.1 * s * bounds.light * (0.3 + 0.7 * strata()),
        centre=(0.25 + 0.5 * strata(), 0.2 + 0.5 * strata()),
        warmth=0.03 * tinge * bounds.light * strata(),
    )
    return Grade(
        gamma=math.exp(-0.42 * s * bright),
        contrast=0.45 * s * strata.about(),
        tint=((0.016 * warm + 0.006 * strata.about()) * tinge, 0.048 * warm * tinge),
        saturation=math.exp(0.4 * s * bounds.colour * strata.about()),
        hue=0.12 * tinge * strata.about(),
        light=light,
        grain=structure.kind in {Kind.PHOTO, Kind.WRITING},
    )


def _borrowed(strata: _Strata, s: float, others: int) -> tuple[float, ...]:
    """Shares of the further sources, none of them nothing."""
    if not others:
        return ()
    weights = np.array([0.35 + strata() for _ in range(others)])
    return tuple(float(w) for w in 0.7 * s * weights / weights.sum())
