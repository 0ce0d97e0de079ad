"""Where one piece ends and the next begins: along the lines on which they agree the most."""

import numpy as np

from torana.engine.kernel import kernel
from torana.engine.planes import Doubles, Floats
from torana.engine.texture.search import Marks, Places, Stuff

_NEAREST = 5
"""Pieces that a pixel chooses from, besides staying as it is."""
_WITHIN = 2.5
"""How far off, squared and in terms of their spacing, a piece may lie that a pixel belongs to."""
_ROUNDS = 8
_FAR = 0.05
"""What it costs to belong to a piece as far off as pieces lie apart; a seam costs about 1 for each pixel."""
_STAYING = 0.6
"""What it costs to stay as it is."""
_ABOUT = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


def joined(stuff: Stuff, pieces: Places, spacing: int) -> Places:
    """For each pixel of the picture, (h, w, 2), the place (y, x) in the plane that it is taken from: often its own."""
    height, width = stuff.open.shape
    near = np.full((height, width, _NEAREST), -1, np.int32)
    costs = np.zeros((height, width, _NEAREST))
    _choices((stuff.open, stuff.usable), pieces, near, costs, spacing)
    labels = near[..., 0].copy()
    for turn in range(_ROUNDS):
        _improve(stuff.plane, pieces, labels, (near, costs), turn % 2)
    ways = np.concatenate([pieces[:, 2:], np.zeros((1, 2), np.int32)])
    places: Places = (np.moveaxis(np.mgrid[0:height, 0:width], 0, 2) + ways[labels]).astype(np.int32)
    return places


@kernel
def _serves(usable: Marks, width: int, piece: Places, at: tuple[int, int]) -> bool:
    """Whether a piece has something to put at a pixel."""
    y, x = at[0] + piece[2], at[1] + piece[3]
    left = (piece[1] + piece[3]) // width * width
    return bool(0 <= y < usable.shape[0] and left <= x < left + width and usable[y, x] > 0)


@kernel
def _rank(near: Places, costs: Doubles, piece: int, cost: float) -> None:
    """Put a piece in its place among the cheapest."""
    n = len(near)
    while n > 0 and (near[n - 1] < 0 or costs[n - 1] > cost):
        n -= 1
    for k in range(len(near) - 1, n, -1):
        near[k], costs[k] = near[k - 1], costs[k - 1]
    if n < len(near):
        near[n], costs[n] = piece, cost


@kernel
def _choices(marks: tuple[Marks, Marks], pieces: Places, near: Places, costs: Doubles, spacing: int) -> None:
    """Fill in the nearest pieces that can serve each open pixel, nearest first, and what their distance costs."""
    opened, usable = marks
    for y, x in np.ndindex(opened.shape):
        if opened[y, x] == 0:
            continue
        for k in range(len(pieces)):
            far = ((pieces[k, 0] - y) ** 2 + (pieces[k, 1] - x) ** 2) / (spacing * spacing)
            if far < _WITHIN and _serves(usable, opened.shape[1], pieces[k], (y, x)):
                _rank(near[y, x], costs[y, x], k, _FAR * far)


@kernel
def _way(pieces: Places, label: int) -> tuple[int, int]:
    """How far from a pixel that which is put there is taken."""
    if label < 0:
        return 0, 0
    return pieces[label, 2], pieces[label, 3]


@kernel
def _differ(plane: Floats, at: tuple[int, int], one: tuple[int, int], other: tuple[int, int]) -> float:
    """How much two pieces differ at a pixel."""
    bottom, right = plane.shape[0] - 1, plane.shape[1] - 1
    y, x = min(max(at[0] + one[0], 0), bottom), min(max(at[1] + one[1], 0), right)
    v, u = min(max(at[0] + other[0], 0), bottom), min(max(at[1] + other[1], 0), right)
    total = 0.0
    for c in range(plane.shape[2]):
        off = plane[y, x, c] - plane[v, u, c]
        total += off * off
    return total


@kernel
def _seam(plane: Floats, pieces: Places, labels: Places, at: tuple[int, int], label: int) -> float:
    """How much would show of the borders of one pixel, had it a label."""
    total, way = 0.0, _way(pieces, label)
    for dy, dx in _ABOUT:
        y, x = at[0] + dy, at[1] + dx
        if y < 0 or x < 0 or y >= labels.shape[0] or x >= labels.shape[1] or labels[y, x] == label:
            continue
        other = _way(pieces, labels[y, x])
        weight = 1.0 if dy == 0 or dx == 0 else 0.5
        total += weight * (_differ(plane, at, way, other) + _differ(plane, (y, x), way, other))
    return total


@kernel
def _inside(labels: Places, y: int, x: int) -> bool:
    """Whether a pixel belongs to the same piece as all about it."""
    for j in range(max(y - 1, 0), min(y + 2, labels.shape[0])):
        for i in range(max(x - 1, 0), min(x + 2, labels.shape[1])):
            if labels[j, i] != labels[y, x]:
                return False
    return True


@kernel
def _improve(plane: Floats, pieces: Places, labels: Places, choices: tuple[Places, Doubles], backwards: int) -> None:
    """Let each open pixel on a seam choose anew, from above or from below."""
    near, costs = choices
    height, width = labels.shape
    for n in range(height * width):
        m = height * width - 1 - n if backwards else n
        y, x = m // width, m % width
        if near[y, x, 0] < 0 or _inside(labels, y, x):
            continue
        best, chosen = _STAYING + _seam(plane, pieces, labels, (y, x), -1), -1
        for k in range(near.shape[2]):
            if near[y, x, k] < 0:
                break
            cost = costs[y, x, k] + _seam(plane, pieces, labels, (y, x), near[y, x, k])
            if cost < best:
                best, chosen = cost, near[y, x, k]
        labels[y, x] = chosen
