"""Which other place each piece of open texture is taken from: one like it, not near it, and not taken too often."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torana.engine.kernel import kernel
from torana.engine.planes import Floats
from torana.engine.sight.saliency import blurred

Places = NDArray[np.int32]
Marks = NDArray[np.uint8]
Parts = tuple[Floats, Floats, Marks, Marks]
"""Plane, sorts, open and usable of ``Stuff``, as kernels take them."""

_TRIES = 256
"""Places that a piece is compared with; as many again, of the first picture, where none of them will do."""
_STEP = 4
"""Every fourth pixel, across and down, is compared."""
_STRANGE = 0.9
"""How far apart, squared, the sorts of two pieces may be on an average."""
_SORT = 1.5
"""How much the sort of a texture counts against its pixels."""
_SPENT = 0.7
"""How much dearer a place becomes each time something near it is taken."""
_MISSING = 0.12
"""Share of a piece that may have no counterpart."""
_COLOURS = 3
"""How many of a sort's numbers are colour."""
_FIELD = 12
"""Cells a side of the map that shares out a picture among those that lend to it."""


@dataclass(frozen=True, slots=True)
class Stuff:
    """What may be exchanged."""

    plane: Floats
    """The picture (h, w, C), further ones to its right; the squares of two pixels' differences sum up to about 1."""
    sorts: Floats
    """What sort of texture lies where, (h, w', 6), further pictures to the right; see ``zones``."""
    open: Marks
    """Where, in the first picture (h, w), something else is to be put."""
    usable: Marks
    """Which pixels of the plane may be taken."""
    barred: float
    """How near its own place nothing may be taken, in pixels."""


def pieces(stuff: Stuff, spacing: int, seed: int) -> Places:
    """Pieces of the open texture: rows (y, x, dy, dx) of their centres and the way to where they are taken from.

    Centres lie about ``spacing`` pixels apart. A piece for which nothing is found is left out.
    """
    rng = np.random.default_rng([seed, 11])
    centres = _centres(stuff.open, spacing, rng)
    found = np.zeros((len(centres), 4), np.int32)
    if len(centres) and stuff.usable.any():
        parts = stuff.plane, stuff.sorts, stuff.open, stuff.usable
        _find(parts, (centres, _tries(stuff, centres, rng)), found, spacing, stuff.barred)
    return found[found[:, 2:].any(1)]


def _centres(opened: Marks, spacing: int, rng: np.random.Generator) -> Places:
    """Open places (y, x), about evenly strewn, in random order."""
    height, width = opened.shape
    y, x = np.meshgrid(np.arange(0, height + spacing, spacing), np.arange(0, width + spacing, spacing), indexing="ij")
    x = x + (np.arange(len(x)) % 2 * (spacing // 2))[:, None]
    at = np.stack([y.ravel(), x.ravel()], axis=1) - rng.integers(0, spacing, 2)
    at = np.clip(at + rng.integers(-(spacing // 4), spacing // 4 + 1, at.shape), 0, (height - 1, width - 1))
    reach = spacing // 2
    near = [opened[max(v - reach, 0) : v + reach + 1, max(u - reach, 0) : u + reach + 1].any() for v, u in at]
    centres: Places = rng.permutation(at[np.array(near, np.bool_)]).astype(np.int32)
    return centres


def _tries(stuff: Stuff, centres: Places, rng: np.random.Generator) -> Places:
    """Places (n, tries, 2) to compare each piece with: half of any one picture, as each lends to parts of the first."""
    height, width = stuff.open.shape
    lenders = [np.argwhere(tile > 0) for tile in np.split(stuff.usable, stuff.usable.shape[1] // width, axis=1)]
    fields = [blurred(rng.standard_normal((_FIELD, _FIELD)), 1.0) if len(own) else None for own in lenders]
    shares = np.stack([np.full((_FIELD, _FIELD), -np.inf) if field is None else field for field in fields])
    lender = shares.argmax(0)[centres[:, 0] * _FIELD // height, centres[:, 1] * _FIELD // width]
    tries = np.zeros((len(centres), 2 * _TRIES, 2), np.int32)
    for k, own in enumerate(lenders):
        asking = lender == k
        if asking.any():
            tries[asking, :_TRIES] = own[rng.integers(0, len(own), (int(asking.sum()), _TRIES))] + (0, k * width)
    if len(lenders[0]):
        tries[:, _TRIES:] = lenders[0][rng.integers(0, len(lenders[0]), (len(centres), _TRIES))]
    return tries


@kernel
def _apart(plane: Floats, here: tuple[int, int], there: tuple[int, int], first: int) -> float:
    """The sum of the squares by which two pixels differ, from a channel on."""
    total = 0.0
    for c in range(first, plane.shape[2]):
        off = plane[here[0], here[1], c] - plane[there[0], there[1], c]
        total += off * off
    return total


@kernel
def _held(usable: Marks, at: tuple[int, int], tile: tuple[int, int]) -> bool:
    """Whether a pixel may be taken; ``tile`` is the first and the last but one column of the picture it must lie in."""
    return 0 <= at[0] < usable.shape[0] and tile[0] <= at[1] < tile[1] and usable[at[0], at[1]] > 0


@kernel
def _unlike(parts: Parts, here: tuple[int, int], there: tuple[int, int], reach: int) -> float:
    """How unlike two pieces are, for each pixel open in the one; infinitely, where too much lacks in the other."""
    plane, sorts, opened, usable = parts
    width = opened.shape[1]
    left = there[1] // width * width
    # Another picture's colours do not count, as its texture is laid under the light that was here.
    first = _COLOURS if left > 0 else 0
    total, strange, count, missing = 0.0, 0.0, 0, 0
    for n in range((2 * reach // _STEP + 1) ** 2):
        dy, dx = n // (2 * reach // _STEP + 1) * _STEP - reach, n % (2 * reach // _STEP + 1) * _STEP - reach
        y, x = here[0] + dy, here[1] + dx
        round_ = dy * dy + dx * dx <= reach * reach and 0 <= y < opened.shape[0] and 0 <= x < width
        if not round_ or opened[y, x] == 0:
            continue
        other = there[0] + dy, there[1] + dx
        if _held(usable, other, (left, left + width)):
            count += 1
            total += _apart(plane, (y, x), other, 0)
            strange += _apart(sorts, (y, x), other, first)
        else:
            missing += 1
    if count == 0 or missing > _MISSING * (count + missing) or strange > _STRANGE * count:
        return np.inf
    return (total + _SORT * strange) / count


@kernel
def _spent(found: Places, count: int, there: tuple[int, int], reach: int) -> float:
    """How many times its difference a place costs, with what has been found so far."""
    factor = 1.0
    for k in range(count):
        off_y, off_x = found[k, 0] + found[k, 2] - there[0], found[k, 1] + found[k, 3] - there[1]
        if (found[k, 2] != 0 or found[k, 3] != 0) and off_y * off_y + off_x * off_x < reach * reach:
            factor *= 1.0 + _SPENT
    return factor


@kernel
def _find(parts: Parts, asked: tuple[Places, Places], found: Places, spacing: int, barred: float) -> None:
    """Fill in each piece with the best of the places tried."""
    centres, tries = asked
    for n in range(len(centres)):
        y, x = centres[n, 0], centres[n, 1]
        least = np.inf
        for t in range(tries.shape[1]):
            v, u = tries[n, t, 0], tries[n, t, 1]
            if t == _TRIES and least < np.inf:
                break
            if (v - y) ** 2 + (u - x) ** 2 < barred * barred:
                continue
            cost = _unlike(parts, (y, x), (v, u), spacing)
            if cost < least:
                cost *= _spent(found, n, (v, u), spacing)
            if cost < least:
                least = cost
                found[n, 0], found[n, 1], found[n, 2], found[n, 3] = y, x, v - y, u - x
