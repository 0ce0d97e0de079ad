"""How the n pictures of a request share out what is possible, so that no two of them look alike."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torana.engine.planes import Doubles

_COMPARED, _MOST_TRIED = 25_600, 256
"""How many pairs of pictures are compared in all, and how many arrangements tried at most, to take the best."""
_AXES = 6
_HALF = 0.5
_WEIGHTS = np.array([1.2, 0.9, 0.5, 0.7, 0.35, 0.35, 1.0, 1.0, 1.0])
"""How much zoom, places across and down, side, both ends of the turn, and the mood's three axes tell pictures apart."""

Mood = tuple[float, float, float]
"""A direction of length 1: how warm, how bright and how hard the light is, each -1..1."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one of the n pictures lies in all that is possible: five numbers of 0..1, and a mood."""

    zoom: float
    across: float
    down: float
    side: float
    turn: float
    warm: float
    bright: float
    hard: float

    @property
    def mood(self) -> Mood:
        """The direction of its mood."""
        return self.warm, self.bright, self.hard


def shared_out(seed: int, n: int) -> tuple[Place, ...]:
    """The places of n pictures: each number visits every n-th part of 0..1 once, and the moods look evenly all around.

    Of several such arrangements the one is taken whose two likest pictures are the least alike in all of it together:
    those alike in mood are framed differently, those framed alike differ in mood.
    """
    generator = np.random.default_rng([seed, n])
    moods = _sphere(n) @ _turned(generator)
    tries = min(max(_COMPARED // (n * n), 1), _MOST_TRIED)
    ranks = generator.random((tries, n, _AXES)).argsort(axis=1)
    best = ranks[int(np.argmax(_least_apart(ranks, moods)))]
    numbers = (best[:, 1:] + generator.random((n, _AXES - 1))) / n
    return tuple(
        Place(*map(float, row), *map(float, mood)) for row, mood in zip(numbers, moods[best[:, 0]], strict=True)
    )


def _sphere(n: int) -> Doubles:
    """As many directions (n, 3), evenly spread."""
    k = np.arange(n)
    height, angle = 1.0 - (2.0 * k + 1.0) / n, k * math.pi * (3.0 - math.sqrt(5.0))
    flat = np.sqrt(1.0 - height**2)
    return np.column_stack([flat * np.cos(angle), flat * np.sin(angle), height])


def _turned(generator: np.random.Generator) -> Doubles:
    """A random turn of space (3, 3)."""
    turned: Doubles = np.linalg.qr(generator.standard_normal((3, 3)))[0]
    return turned


def _least_apart(ranks: NDArray[np.intp], moods: Doubles) -> Doubles:
    """How far apart the two likest pictures of each arrangement (tries, n, axes) are, squared."""
    tries, n = ranks.shape[:2]
    if n == 1:
        return np.zeros(tries)
    share = (ranks[..., 1:] + 0.5) / n
    angle = 2.0 * math.pi * share[..., 4:5]
    seen = [share[..., :3], share[..., 3:4] < _HALF, np.cos(angle), np.sin(angle), moods[ranks[..., 0]]]
    points = np.concatenate(seen, axis=2) * _WEIGHTS
    lengths = (points**2).sum(2)
    squares = lengths[:, :, None] + lengths[:, None] - 2.0 * points @ points.transpose(0, 2, 1)
    least: Doubles = squares[:, ~np.eye(n, dtype=bool)].min(1)
    return least
