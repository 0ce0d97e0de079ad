"""What might lie beyond an edge that is not calm: the picture folded back there, ever further out of focus.

Nothing is drawn out into streaks: what is folded back is blurred both ways, and the further out it lies, the more it
gives way to a ground in the edge's own light.
"""

import math

import numpy as np

from torana.engine.planes import Doubles, Pixels

_SOFTENING = 0.33
"""How fast the blur grows: the reach of each of three running means, for each pixel of distance from the edge."""
_SOFTEST = 0.22
"""The most of that reach, as a share of the picture's depth behind the edge."""
_FOLDED = 0.2
"""Share of that depth which is ever folded back; it is taken in more and more slowly."""
_QUIET = 0.65
"""How far out, in terms of that depth, most of it has given way to the ground."""
_MEANS = 3


def beyond(rows: Pixels, depth: int, ground: Doubles) -> Doubles:
    """Rows (depth, W, C) of levels to lie outside the first of ``rows`` (H, W, C), the nearest first.

    ``ground`` (W, C) is what they come to far out, in levels.
    """
    far: Doubles = np.arange(depth) + np.float64(0.5)
    behind = float(len(rows))
    folded = _folded(rows, far, _FOLDED * behind)
    reach = np.minimum(_SOFTENING * far, _SOFTEST * behind)
    for _ in range(_MEANS):
        folded = _along(_across(folded, reach), reach)
    quiet = -np.expm1(-((far / (_QUIET * behind)) ** 2))[:, None, None]
    beyond_it: Doubles = folded * (1.0 - quiet) + ground * quiet
    return beyond_it


def _folded(rows: Pixels, far: Doubles, most: float) -> Doubles:
    """The rows folded back at the first: ``far`` rows out shows what lies as far within, though never past ``most``."""
    within = np.minimum(most * -np.expm1(-far / most), len(rows) - 1.0)
    first = np.minimum(within.astype(np.intp), max(len(rows) - 2, 0))
    share = (within - first)[:, None, None]
    near = rows[first].astype(np.float64)
    folded: Doubles = near + (rows[np.minimum(first + 1, len(rows) - 1)] - near) * share
    return folded


def _across(plane: Doubles, reach: Doubles) -> Doubles:
    """Each row (H, W, C) replaced by the mean of the rows within its ``reach`` (H,), short of the ends."""
    sums = np.concatenate([np.zeros_like(plane[:1]), plane.cumsum(0)])
    middle = np.arange(len(plane)) + 0.5
    start, end = np.maximum(middle - reach - 0.5, 0.0), np.minimum(middle + reach + 0.5, len(plane))
    means: Doubles = (_between(sums, end) - _between(sums, start)) / (end - start)[:, None, None]
    return means


def _between(sums: Doubles, places: Doubles) -> Doubles:
    """Rows of a running sum at broken places."""
    first = np.minimum(places.astype(np.intp), len(sums) - 2)
    looked_up: Doubles = sums[first] + (sums[first + 1] - sums[first]) * (places - first)[:, None, None]
    return looked_up


def _along(plane: Doubles, reach: Doubles) -> Doubles:
    """Each pixel replaced by the mean of those of its row within that row's ``reach``, the ends repeated."""
    beside = math.ceil(float(reach.max())) + 1
    padded = np.pad(plane, ((0, 0), (beside + 1, beside), (0, 0)), mode="edge")
    padded[:, 0] = 0.0
    sums = padded.cumsum(1)
    means: Doubles = np.stack(
        [
            (_shifted(row, beside + 1.0 + half, plane.shape[1]) - _shifted(row, beside - half, plane.shape[1]))
            / (2.0 * half + 1.0)
            for row, half in zip(sums, reach, strict=True)
        ]
    )
    return means


def _shifted(sums: Doubles, start: float, count: int) -> Doubles:
    """So many entries of a running sum (N, C), from a broken place on."""
    first = math.floor(start)
    lower = sums[first : first + count]
    shifted: Doubles = lower + (sums[first + 1 : first + 1 + count] - lower) * (start - first)
    return shifted
