"""From a seed to a plan: what is drawn for picture i of n, so that the n differ and each stays within its bounds."""

import math
from dataclasses import dataclass

import numpy as np

from torana.engine.colour import daylight
from torana.engine.geometry import Framing
from torana.engine.photometry import Grade, Light
from torana.engine.sight.structure import Kind, Structure
from torana.engine.strata import Mood, Place, shared_out

_NEUTRAL, _LOWEST_SUN, _WARMER, _COOLER = 153.8, 250.0, 100.0, 70.0
"""Mired of the light that changes no colour, and of the warmest; and how far a mood goes towards warm and cool."""
_HAZE = 1.7
"""How much redder a low sun is than its temperature: it shines through haze."""


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
    Kind.WRITING: _Bounds(zoom=0.3, turn=0.3, perspective=0.35, layout=0.0, squeeze=0.5, light=0.5),
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


def plan(draw: Draw, strength: float, *, structure: Structure, sources: int) -> Recipe:
    """What to do for one picture; ``strength`` of 0 asks for next to nothing, 1 for all that the picture bears."""
    strata, place = _Strata(draw), shared_out(draw.seed, draw.n)[draw.index]
    bounds = _BOUNDS[structure.kind]
    framing = _framing(strata, place, strength, bounds=bounds, structure=structure)
    grade = _grade(strata, place.mood, 0.02 + strength * (1.05 + 0.25 * strength), bounds=bounds, structure=structure)
    anew = min(max(1.45 * strength - 0.4, 0.0), 1.0)
    return Recipe(framing, grade, _borrowed(strata, strength, sources - 1), anew)


def _framing(strata: _Strata, place: Place, s: float, *, bounds: _Bounds, structure: Structure) -> Framing:
    """The geometric part."""
    level = 1.0 - 0.75 * structure.upright
    turn = 2.0 * math.pi * place.turn
    mirrored = place.side < 0.5 * min(1.0, s / 0.45) ** 2
    # A close window may leave more out than a wide one, but keeps nearer to the middle of what is left to choose from.
    closer = 1.0 + (1.0 - 0.8 * s) * place.zoom
    across, down = 0.5 + (place.across - 0.5) / closer, 0.5 + (place.down - 0.5) / closer
    return Framing(
        zoom=1.0 + s * bounds.zoom * (0.04 + 1.05 * place.zoom**1.3),
        place=(across, down),
        roam=0.06 * math.sqrt(s) * closer if not structure.border else 0.25 * s,
        tilt=math.radians(7.0) * s * bounds.turn * level * strata.about(),
        keystone=(0.42 * s * bounds.perspective * math.cos(turn), 0.32 * s * bounds.perspective * math.sin(turn)),
        shear=0.05 * s * bounds.perspective * level * strata.about(),
        stretch=0.12 * s * bounds.perspective * strata.about(),
        fit=min(1.0, 1.6 * s) * bounds.layout,
        squeeze=min(1.0, 2.0 * s) * bounds.squeeze,
        swing=(0.5 * s * bounds.layout * strata.about(), 0.3 * s * bounds.layout * strata.about()),
        mirror=mirrored and not (structure.lettered or structure.marked),
    )


def _grade(strata: _Strata, mood: Mood, s: float, *, bounds: _Bounds, structure: Structure) -> Grade:
    """The photometric part: a mood, at so much of it.

    A warm and hard one is an evening, a cool and bright one a morning, a soft one an overcast sky, a bright and hard
    one noon, a warm and dark one a room, a cool and dark one the blue hour; all others lie between.
    """
    warm, bright, hard = mood
    tinge = 0.0 if structure.grey else s * bounds.colour
    light = Light(
        # From above, or level with the picture where the sun is low.
        angle=-math.pi * strata(),
        slope=s * bounds.light * (0.8 + 0.45 * hard),
        pool=s * bounds.light * (0.45 - 0.3 * bright),
        centre=(0.3 + 0.4 * strata(), 0.25 + 0.3 * strata()),
        warmth=0.045 * tinge * bounds.light * (0.5 + 0.5 * warm),
    )
    return Grade(
        brightness=s * bright * (0.85 if bright > 0.0 else 0.95),
        contrast=s * (0.2 * hard + 0.05),
        tint=_cast(warm * tinge),
        vibrance=s * bounds.colour * (0.3 * hard + 0.1 * warm + 0.1),
        hue=0.05 * tinge * strata.about(),
        light=light,
        grain=structure.kind in {Kind.PHOTO, Kind.WRITING},
    )


def _cast(warm: float) -> tuple[float, float]:
    """The cast of a light between deep shade (about -1) and a low sun (about 1); 0 casts nothing."""
    if warm == 0.0:
        return 0.0, 0.0
    a, b = daylight(min(_NEUTRAL + warm * (_WARMER if warm > 0.0 else _COOLER), _LOWEST_SUN))
    return a * (_HAZE if warm > 0.0 else 1.0), b


def _borrowed(strata: _Strata, s: float, others: int) -> tuple[float, ...]:
    """Shares of the further sources, none of them nothing."""
    if not others:
        return ()
    weights = np.array([0.35 + strata() for _ in range(others)])
    return tuple(float(w) for w in 0.85 * s * weights / weights.sum())
