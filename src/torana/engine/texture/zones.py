"""Where a picture offers its own substitutes: foliage, fur, gravel, water; never things, lines or smooth skies."""

import numpy as np

from torana.engine.colour import to_lab
from torana.engine.kernel import kernel
from torana.engine.planes import Doubles, Floats
from torana.engine.sight.saliency import blurred

CELLS = 36
"""Cells along a map's longer side."""
_ALIKE = 1.0
"""Distance of features up to which two places are of one sort."""
_ENOUGH = 0.03
"""Share of the picture that must be of a place's sort, elsewhere, before the place may change."""
_FAR = 0.12
"""How far away, as a share of the picture's longer side, elsewhere begins."""
_NOTICED = 0.35
"""Attention from which on a place is left alone."""


def zones(sketch: Floats, attention: Doubles | Floats) -> Doubles:
    """A map (h, w) of 0..1: how freely each cell may be made up anew.

    ``sketch`` (4h, 4w, 3) is the picture, small; ``attention`` (h, w) what must stay.
    """
    lightness = to_lab(sketch).astype(np.float64)
    mean = _by_cell(lightness)
    rough, led = _texture(lightness[..., 0])
    features = np.concatenate([mean / (0.07, 0.03, 0.03), np.log(rough + 0.01)[..., None] / 0.35], axis=2)
    kin = np.zeros(rough.shape)
    _count_kin(features, kin)
    stuff = _ramp(rough, 0.012, 0.03) * (1.0 - _ramp(led, 0.5, 0.75)) * _ramp(kin, _ENOUGH, 3.0 * _ENOUGH)
    # What most of the picture consists of is not its subject, even where the eye would go.
    calm = stuff * (1.0 - _ramp(attention - kin, _NOTICED, _NOTICED + 0.2))
    return blurred(_least_about(calm), 0.7)


def _by_cell(plane: Doubles) -> Doubles:
    """Means over 4 x 4 blocks."""
    height, width = plane.shape[0] // 4, plane.shape[1] // 4
    means: Doubles = plane.reshape(height, 4, width, 4, -1).mean((1, 3))
    return means


def _texture(plane: Doubles) -> tuple[Doubles, Doubles]:
    """How rough each cell is, and how far its edges run one way (0..1), both over its surroundings."""
    padded = np.pad(plane, 1, mode="edge")
    across, down = (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2.0, (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2.0
    xx, yy, xy = (blurred(_by_cell(product)[..., 0], 1.0) for product in (across**2, down**2, across * down))
    led = np.sqrt((xx - yy) ** 2 + 4.0 * xy**2) / (xx + yy + 1e-6)
    return np.sqrt(xx + yy), led


@kernel
def _count_kin(features: Doubles, kin: Doubles) -> None:
    """Fill in what share of the picture is like each cell and not near it."""
    height, width, count = features.shape
    near = (_FAR * max(height, width)) ** 2
    for y, x in np.ndindex(height, width):
        for j, i in np.ndindex(height, width):
            apart = 0.0
            for c in range(count):
                apart += (features[y, x, c] - features[j, i, c]) ** 2
            if apart < _ALIKE * _ALIKE and (j - y) ** 2 + (i - x) ** 2 > near:
                kin[y, x] += 1.0 / (height * width)


def _ramp(values: Doubles | Floats, low: float, high: float) -> Doubles:
    """0 up to ``low``, 1 from ``high`` on."""
    ramp: Doubles = np.clip((values - low) / (high - low), 0.0, 1.0)
    return ramp


def _least_about(plane: Doubles) -> Doubles:
    """The least of each cell and its eight neighbours, so that zones keep clear of whatever ends them."""
    padded = np.pad(plane, 1, mode="edge")
    height, width = plane.shape
    least: Doubles = np.min([padded[j : j + height, i : i + width] for j in range(3) for i in range(3)], axis=0)
    return least
