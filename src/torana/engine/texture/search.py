"""Which other place each place takes its texture from: PatchMatch, coarse to fine, with its own surroundings barred."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torana.engine.kernel import kernel
from torana.engine.planes import Floats

Places = NDArray[np.int32]
Marks = NDArray[np.uint8]
Random = NDArray[np.uint64]
Parts = tuple[Floats, Marks, Marks, float]
"""The fields of ``Stuff``, as kernels take them."""

_REACH = 3
"""Patches reach this many pixels to each side."""
_WELCOME = 0.5
"""What a difference counts where it is to a further source: they shall leave their mark."""
_ROUNDS = 4
_NEIGHBOURS = 2
_VOTES = 5
"""Patches this many pixels apart, across and down, have a say in a pixel."""
_FRESH = 64
"""Random places that a place without any tries at first."""


def _go_on() -> None:
    """Nobody is waiting to cancel."""


@dataclass(frozen=True, slots=True)
class Stuff:
    """What may be exchanged, at one size."""

    plane: Floats
    """The picture (h, w, 3), further sources to its right."""
    open: Marks
    """Where, in the picture alone (h, w), something else may be put."""
    usable: Marks
    """Which pixels of the plane may be taken."""
    barred: float
    """How near its own place nothing may be taken, in pixels."""


@kernel
def _next(state: Random, bound: int) -> int:
    """A number below ``bound`` that looks random."""
    s = state[0]
    s ^= s << np.uint64(13)
    s ^= s >> np.uint64(7)
    s ^= s << np.uint64(17)
    state[0] = s
    return int((s >> np.uint64(11)) % np.uint64(bound))


@kernel
def _unlike(query: Floats, plane: Floats, here: tuple[int, int], there: tuple[int, int], most: float) -> float:
    """How unlike two patches are, or any larger number once that exceeds ``most``."""
    height, width = query.shape[0], query.shape[1]
    total, weight = 0.0, _WELCOME if there[1] >= width else 1.0
    for dy in range(-_REACH, _REACH + 1):
        y = min(max(here[0] + dy, 0), height - 1)
        for dx in range(-_REACH, _REACH + 1):
            x = min(max(here[1] + dx, 0), width - 1)
            for c in range(3):
                off = query[y, x, c] - plane[there[0] + dy, there[1] + dx, c]
                total += weight * off * off
        if total > most:
            break
    return total


@kernel
def _may(usable: Marks, here: tuple[int, int], there: tuple[int, int], barred: float) -> bool:
    """Whether a place may be taken for another."""
    y, x = there
    if y < _REACH or x < _REACH or y >= usable.shape[0] - _REACH or x >= usable.shape[1] - _REACH:
        return False
    far = (y - here[0]) ** 2 + (x - here[1]) ** 2 >= barred * barred
    return far and usable[y, x] > 0


@kernel
def _candidate(places: Places, at: tuple[int, int, int, int], radius: int, state: Random) -> tuple[int, int]:
    """The ``k``-th place to try: what the neighbours take, carried on, and then places about the best so far."""
    y, x, k, step = at
    if k < _NEIGHBOURS:
        j, i = y - step * (k == 0), x - step * (k == 1)
        if j < 0 or i < 0 or j >= places.shape[0] or i >= places.shape[1] or places[j, i, 0] < 0:
            return -1, -1
        return places[j, i, 0] + y - j, places[j, i, 1] + x - i
    about = max(radius >> (k - _NEIGHBOURS), 1)
    side = 2 * about + 1
    return places[y, x, 0] + _next(state, side) - about, places[y, x, 1] + _next(state, side) - about


@kernel
def _seek(query: Floats, parts: Parts, places: Places, at: tuple[int, int, int], state: Random) -> None:
    """Let one pixel look for a better place: its neighbours' first, then others ever nearer to the best so far."""
    plane, _opened, usable, barred = parts
    y, x, step = at
    radius = max(usable.shape[0], usable.shape[1]) // 2
    best = _unlike(query, plane, (y, x), (places[y, x, 0], places[y, x, 1]), np.inf)
    for k in range(_NEIGHBOURS + 1 + int(np.log2(radius + 1))):
        there = _candidate(places, (y, x, k, step), radius, state)
        if not _may(usable, (y, x), there, barred):
            continue
        cost = _unlike(query, plane, (y, x), there, best)
        if cost < best:
            best = cost
            places[y, x, 0], places[y, x, 1] = there


@kernel
def _improve(query: Floats, parts: Parts, places: Places, seed: int, rounds: int) -> None:
    """Let every open pixel look for a better place, from above and from below in turn."""
    height, width = parts[1].shape
    state = np.full(1, seed, np.uint64)
    for turn in range(rounds):
        step = 1 if turn % 2 == 0 else -1
        for n in range(height * width):
            m = n if step == 1 else height * width - 1 - n
            y, x = m // width, m % width
            if parts[1][y, x] > 0 and places[y, x, 0] >= 0:
                _seek(query, parts, places, (y, x, step), state)


@kernel
def _start(parts: Parts, places: Places, y: int, x: int, state: Random) -> None:
    """Give a pixel whose place may not be taken another at random; none, where none is found in time."""
    _plane, _opened, usable, barred = parts
    for _ in range(_FRESH):
        if _may(usable, (y, x), (places[y, x, 0], places[y, x, 1]), barred):
            return
        places[y, x, 0], places[y, x, 1] = _next(state, usable.shape[0]), _next(state, usable.shape[1])
    places[y, x, 0] = -1


@kernel
def _settle(parts: Parts, places: Places, seed: int) -> None:
    """Give every open pixel a place that may be taken, where there is one, and every other its own."""
    state = np.full(1, seed, np.uint64)
    for y in range(places.shape[0]):
        for x in range(places.shape[1]):
            if parts[1][y, x] > 0:
                _start(parts, places, y, x, state)
            else:
                places[y, x, 0], places[y, x, 1] = y, x


@kernel
def _tally(plane: Floats, places: Places, at: tuple[int, int], pixel: Floats) -> int:
    """Fill in the mean of what the patches about a pixel say it is; tell how many do."""
    count = 0
    pixel[:] = 0.0
    for k in range(_VOTES * _VOTES):
        j, i = at[0] + k // _VOTES - _VOTES // 2, at[1] + k % _VOTES - _VOTES // 2
        if j < 0 or i < 0 or j >= places.shape[0] or i >= places.shape[1] or places[j, i, 0] < 0:
            continue
        v, u = places[j, i, 0] + at[0] - j, places[j, i, 1] + at[1] - i
        if 0 <= v < plane.shape[0] and 0 <= u < plane.shape[1]:
            count += 1
            pixel += plane[v, u]
    if count:
        pixel /= np.float32(count)
    return count


@kernel
def _vote(plane: Floats, places: Places, query: Floats, out: Floats) -> None:
    """Fill ``out`` with what the patches say, and with the query where none says anything."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            if _tally(plane, places, (y, x), out[y, x]) == 0:
                out[y, x] = query[y, x]


def searched(levels: Sequence[Stuff], seed: int, cancelled: Callable[[], None] = _go_on) -> Places:
    """For each pixel (y, x) of the last, finest level, the place in its plane to take from; -1 where there is none.

    ``cancelled`` is called between the levels.
    """
    places: Places | None = None
    for k, stuff in enumerate(levels):
        cancelled()
        height, width = stuff.open.shape
        parts = stuff.plane, stuff.open, stuff.usable, stuff.barred
        places = np.full((height, width, 2), -1, np.int32) if places is None else _finer(places, (height, width))
        _settle(parts, places, seed + 2 * k + 1)
        query = np.ascontiguousarray(stuff.plane[:, :width])
        for turn in range(2 if k else 3):
            _improve(query, parts, places, (seed + 2 * k + 1) * 8191 + turn, _ROUNDS if k == 0 else 2)
            voted = np.empty_like(query)
            _vote(stuff.plane, places, query, voted)
            query = voted
    assert places is not None
    return places


def _finer(places: Places, shape: tuple[int, int]) -> Places:
    """The same offsets at another size."""
    scale = shape[0] / places.shape[0], shape[1] / places.shape[1]
    y = np.minimum((np.arange(shape[0]) + 0.5) / scale[0], places.shape[0] - 1).astype(np.intp)
    x = np.minimum((np.arange(shape[1]) + 0.5) / scale[1], places.shape[1] - 1).astype(np.intp)
    coarse = places[np.ix_(y, x)]
    offset_y, offset_x = (coarse[..., 0] - y[:, None]) * scale[0], (coarse[..., 1] - x) * scale[1]
    finer = np.stack([np.arange(shape[0])[:, None] + offset_y, np.arange(shape[1]) + offset_x], axis=2)
    finer[coarse[..., 0] < 0] = -1
    rounded: Places = np.floor(finer + 0.5).astype(np.int32)
    return rounded
