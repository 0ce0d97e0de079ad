"""Where a picture offers its own substitutes: foliage, fur, gravel, water; never things, lines or smooth skies."""

import numpy as np
from numpy.typing import NDArray

from torana.engine.kernel import kernel
from torana.engine.planes import Doubles, Floats
from torana.engine.sight.saliency import blurred
from torana.engine.texture.grain import grain_of

Ints = NDArray[np.int32]

CELLS = 36
"""Cells along a map's longer side."""
_ENOUGH = 0.008
"""Share of the picture that must be of a place's sort, elsewhere, before the place may change."""
_FAR = 0.08
"""How far away, as a share of the picture's longer side, elsewhere begins."""
_LEAST = 0.02
"""Share of the picture that a patch must cover: smaller ones are part of something."""
_OPEN = 0.5
_RESTLESS = 1.2, 2.0
"""How far apart, squared, neighbours may be in sort: up to the one at ease, from the other on machinery or clutter."""
_NOTICED = 0.6
"""Attention from which on a place is left alone."""
_REACH = 5
"""Half the length, in pixels, of the strokes that are told from texture."""
_BESIDE = 1.2
"""How far to either side of a stroke it is looked at, in pixels."""
_TURNS = 12
_STANDS_OUT = 1.9
"""How many times stronger than what lies about it an edge must be to belong to a thing."""


def zones(lab: Floats, attention: Doubles | Floats) -> tuple[Doubles, Doubles]:
    """How freely each cell may be made up anew, (h, w) of 0..1; and what sort of texture it is, (h, w, 6).

    ``lab`` (H, W, 3) is the picture in OKLab, a few hundred pixels a side; ``attention`` (h, w) what must stay.
    Sorts no further than 1 apart pass for each other. The first three of their numbers are colour.
    """
    shape = attention.shape[0], attention.shape[1]
    grain = grain_of(lab[..., 0], shape, radius=0.8)
    sorts = np.concatenate(
        [_by_cell(lab, shape) / (0.11, 0.035, 0.035), np.log(grain.rough + 0.004)[..., None] / 0.4, grain.way / 0.6],
        axis=2,
    )
    # Where it ends, stuff shows what it is the stuff of: an outline, a horizon.
    stuff = _least_about(_ramp(grain.rough, 0.01, 0.02)) * _ramp(grain.even, 0.5, 0.6)
    kin = np.zeros(shape)
    _count_kin(sorts, stuff, kin)
    kin = blurred(kin, 0.8)
    stuff *= _ramp(kin, _ENOUGH, 2.5 * _ENOUGH)
    stuff *= 1.0 - _ramp(_unrest(sorts), *_RESTLESS)
    # What most of the picture consists of is not its subject, even where the eye would go.
    free = stuff * (1.0 - _ramp(attention - kin, _NOTICED, _NOTICED + 0.2))
    return free * _large(free > _OPEN, (1.0 - np.asarray(attention, np.float64)) ** 2), sorts


def _unrest(sorts: Doubles) -> Doubles:
    """By how much, squared, each cell's sort differs from its eight neighbours', on an average over a few cells."""
    padded = np.pad(sorts, ((1, 1), (1, 1), (0, 0)), mode="edge")
    height, width = sorts.shape[:2]
    apart = np.zeros((height, width))
    for k in range(9):
        apart += ((padded[k // 3 : k // 3 + height, k % 3 : k % 3 + width] - sorts) ** 2).sum(2)
    return blurred(apart / 8.0, 1.0)


@kernel
def _flood(seen: NDArray[np.bool_], start: tuple[int, int], patch: Ints) -> int:
    """Fill in the cells (y, x) of the patch about a cell, mark them as seen, and tell how many they are."""
    seen[start] = True
    patch[0, 0], patch[0, 1] = start
    count, done = 1, 0
    while done < count:
        y, x = patch[done, 0], patch[done, 1]
        done += 1
        for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            j, i = y + dy, x + dx
            if 0 <= j < seen.shape[0] and 0 <= i < seen.shape[1] and not seen[j, i]:
                seen[j, i] = True
                patch[count, 0], patch[count, 1] = j, i
                count += 1
    return count


@kernel
def _large(free: NDArray[np.bool_], worth: Doubles) -> Doubles:
    """1 where a patch of free cells that touch is large enough, counting each for what it is worth; 0 elsewhere."""
    large, seen = np.zeros(free.shape), ~free
    patch = np.empty((free.size, 2), np.int32)
    for y, x in np.ndindex(free.shape):
        count = 0 if seen[y, x] else _flood(seen, (y, x), patch)
        total = 0.0
        for k in range(count):
            total += worth[patch[k, 0], patch[k, 1]]
        if total >= _LEAST * free.size:
            for k in range(count):
                large[patch[k, 0], patch[k, 1]] = 1.0
    return large


def rims(plane: Floats) -> Doubles:
    """A map (h, w) of 0..1 over a small plane: edges longer and stronger than texture about them has them."""
    strength = np.zeros(plane.shape)
    _stroke(np.ascontiguousarray(plane, np.float32), strength)
    about = blurred(strength, 7.0)
    return _ramp(strength / (about + 0.008), _STANDS_OUT, _STANDS_OUT + 0.6)


def _by_cell(plane: Floats, shape: tuple[int, int]) -> Doubles:
    """Means (h, w, C) over a grid of cells."""
    edges = [np.arange(count) * side // count for count, side in zip(shape, plane.shape[:2], strict=True)]
    sums = np.add.reduceat(np.add.reduceat(plane, edges[0], axis=0, dtype=np.float64), edges[1], axis=1)
    counts = [np.diff(np.append(edge, side)) for edge, side in zip(edges, plane.shape[:2], strict=True)]
    means: Doubles = sums / np.multiply.outer(*counts)[..., None]
    return means


@kernel
def _count_kin(sorts: Doubles, stuff: Doubles, kin: Doubles) -> None:
    """Fill in, for each cell of stuff, what share of the picture is stuff like it and not near it."""
    height, width, count = sorts.shape
    near = (_FAR * max(height, width)) ** 2
    cells = np.argwhere(stuff > 0.0)
    for n, m in np.ndindex(len(cells), len(cells)):
        y, x, j, i = cells[n, 0], cells[n, 1], cells[m, 0], cells[m, 1]
        if (j - y) ** 2 + (i - x) ** 2 <= near:
            continue
        apart = 0.0
        for c in range(count):
            apart += (sorts[y, x, c] - sorts[j, i, c]) ** 2
        if apart < 1.0:
            kin[y, x] += 1.0 / (height * width)


@kernel
def _step(plane: Floats, at: tuple[int, int], along: float, up: float) -> float:
    """By how much the two sides of a straight stroke through a pixel differ."""
    bottom, right = plane.shape[0] - 1, plane.shape[1] - 1
    step = 0.0
    for k in range(-_REACH, _REACH + 1):
        y, x = at[0] + k * up + 0.5, at[1] + k * along + 0.5
        above = min(max(int(y + _BESIDE * along), 0), bottom), min(max(int(x - _BESIDE * up), 0), right)
        below = min(max(int(y - _BESIDE * along), 0), bottom), min(max(int(x + _BESIDE * up), 0), right)
        step += plane[above] - plane[below]
    return abs(step) / (2 * _REACH + 1)


@kernel
def _stroke(plane: Floats, strength: Doubles) -> None:
    """Fill in the strongest stroke through each pixel, whichever way it runs."""
    for turn in range(_TURNS):
        along, up = np.cos(np.pi * turn / _TURNS), np.sin(np.pi * turn / _TURNS)
        for y, x in np.ndindex(plane.shape):
            strength[y, x] = max(float(strength[y, x]), _step(plane, (y, x), along, up))


def _least_about(plane: Doubles) -> Doubles:
    """The least of each cell and its eight neighbours."""
    padded = np.pad(plane, 1, mode="edge")
    least: Doubles = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).min((2, 3))
    return least


def _ramp(values: Doubles | Floats, low: float, high: float) -> Doubles:
    """0 up to ``low``, 1 from ``high`` on."""
    ramp: Doubles = np.clip((values - low) / (high - low), 0.0, 1.0)
    return ramp
