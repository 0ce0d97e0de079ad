"""How rough a picture is from place to place, which way its strokes run, and whether they fill the place evenly."""

from dataclasses import dataclass

import numpy as np

from torana.engine.kernel import kernel
from torana.engine.planes import Doubles, Floats
from torana.engine.sight.saliency import blurred

_HAIR = 1e-6


@dataclass(frozen=True, slots=True)
class Grain:
    """What a plane's gradients are like in each cell of a grid (h, w)."""

    rough: Doubles
    """Root mean square of the gradient."""
    even: Doubles
    """0..1: near 0.8 where all of it is rough, as in fur and gravel; low where sharp edges lie on a plain ground."""
    way: Doubles
    """(h, w, 2): cosine and sine of twice the angle, as long as the gradients agree on it, 0..1."""


def grain_of(plane: Floats, shape: tuple[int, int], *, radius: float) -> Grain:
    """The grain of a plane (H, W) over a grid of ``shape``, each cell with those within ``radius`` cells about it."""
    sums = np.zeros((*shape, 4))
    _gather(np.ascontiguousarray(plane, np.float32), sums)
    both, cross, energy, length = (blurred(sums[..., c], radius) for c in range(4))
    return Grain(
        rough=np.sqrt(energy),
        even=length**2 / (energy + _HAIR**2),
        way=np.stack([both, cross], axis=2) / (energy + _HAIR)[..., None],
    )


@kernel
def _gather(plane: Floats, sums: Doubles) -> None:
    """Fill in each cell's means of xx - yy, 2xy, xx + yy and the length of the gradients (x, y)."""
    height, width = plane.shape
    rows, columns = sums.shape[0], sums.shape[1]
    counts = np.full((rows, columns), 1e-9)
    for y in range(height):
        above, below = max(y - 1, 0), min(y + 1, height - 1)
        j = y * rows // height
        for x in range(width):
            across = (plane[y, min(x + 1, width - 1)] - plane[y, max(x - 1, 0)]) / 2.0
            down = (plane[below, x] - plane[above, x]) / 2.0
            energy = across * across + down * down
            i = x * columns // width
            sums[j, i, 0] += across * across - down * down
            sums[j, i, 1] += 2.0 * across * down
            sums[j, i, 2] += energy
            sums[j, i, 3] += np.sqrt(energy)
            counts[j, i] += 1.0
    for j in range(rows):
        for i in range(columns):
            sums[j, i] /= counts[j, i]
