"""Is a picture written all over? One pen drew all there is, in whatever direction, on one ground."""

import numpy as np

from torana.engine.sight.ink import AREA, Contrast, blobs_of, extents, strokes

_LEAST_INK, _MOST_INK = 0.01, 0.3
"""Share of a picture that the ink of writing takes up."""
_ONE_SIDED = 3.0
"""How many times more there is of ink than of what is lighter than its surroundings where the ink is dark, or the
other way about. Measured: writing shows 3.3 to 350, photographs up to 2.5, brick walls and stars more."""
_TRACE = 0.0005
_LONG, _THIN = 6, 3.0
"""Length of a stroke in pixels, at least, and in terms of its own width."""
_FEWEST = 12
_MOSTLY = 0.7
"""Share of the ink that is such strokes. Measured: writing 0.75 and more, stars 0.4."""
_EVEN = 0.3
"""Standard deviation of the strokes' width in terms of its mean."""
_LARGEST = 0.25
"""Share of the ink in one piece. Measured: writing 0.12, twigs and mortar from 0.3 to 0.9 at one size or another."""


def is_penned(seen: Contrast) -> bool:
    """Whether a picture holds writing, print or line drawing from end to end and little else, level or not."""
    dark, light = seen.inks(0.12, 0.9)
    shares = float(dark.mean()), float(light.mean())
    if not _LEAST_INK <= max(shares) <= _MOST_INK or max(shares) < _ONE_SIDED * (min(shares) + _TRACE):
        return False
    blobs = blobs_of(dark if shares[0] > shares[1] else light)
    whole = float(blobs[:, AREA].sum())
    lines = blobs[(extents(blobs) >= _LONG) & (extents(blobs) >= _THIN * strokes(blobs))]
    if len(lines) < _FEWEST or lines[:, AREA].sum() < _MOSTLY * whole or blobs[:, AREA].max() > _LARGEST * whole:
        return False
    widths, weights = strokes(lines), lines[:, AREA] / lines[:, AREA].sum()
    mean = float(widths @ weights)
    return float(np.sqrt((widths - mean) ** 2 @ weights)) < _EVEN * mean
