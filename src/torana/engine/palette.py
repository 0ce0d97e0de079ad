"""The mark that further sources leave: the first picture's light and colours move towards theirs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from torana.engine.colour import to_lab
from torana.engine.photometry import Grade
from torana.engine.planes import Pixels, has_alpha, opaque
from torana.engine.resample import shrink

_SIDE = 96


@dataclass(frozen=True, slots=True)
class Palette:
    """What a picture's colours are like as a whole, in OKLab."""

    lightness: float
    contrast: float
    """Standard deviation of lightness."""
    cast: tuple[float, float]
    """Mean of a and b."""
    chroma: float
    """Mean distance from grey."""


def palette_of(source: Pixels) -> Palette:
    """The palette of what can be seen of a picture (H, W, C)."""
    sketch = shrink(source, _SIDE)
    lab = to_lab(opaque(sketch)).reshape(-1, 3).astype(np.float64)
    seen = sketch[..., -1].ravel().astype(np.float64) if has_alpha(sketch) else np.ones(len(lab))
    weights = seen / seen.sum() if seen.sum() > 0 else np.full(len(lab), 1.0 / len(lab))
    mean = weights @ lab
    spread = float(np.sqrt(weights @ (lab[:, 0] - mean[0]) ** 2))
    chroma = float(weights @ np.hypot(lab[:, 1], lab[:, 2]))
    return Palette(float(mean[0]), spread, (float(mean[1]), float(mean[2])), chroma)


def borrow(grade: Grade, own: Palette, others: Sequence[tuple[Palette, float]]) -> Grade:
    """The grade, moved towards other palettes, each by its share of 0..1."""
    lift, scale, saturation, a, b = 0.0, 0.0, 0.0, 0.0, 0.0
    for other, share in others:
        lift += share * (other.lightness - own.lightness)
        scale += share * _log_ratio(other.contrast, own.contrast, 0.02)
        saturation += share * _log_ratio(other.chroma, own.chroma, 0.02)
        a += share * (other.cast[0] - own.cast[0])
        b += share * (other.cast[1] - own.cast[1])
    return replace(
        grade,
        lift=grade.lift + 0.6 * lift,
        scale=grade.scale * float(np.exp(scale)),
        saturation=grade.saturation * float(np.exp(saturation)),
        tint=(grade.tint[0] + a, grade.tint[1] + b),
    )


def _log_ratio(value: float, base: float, floor: float) -> float:
    """The logarithm of a ratio of spreads, held to a factor of two and indifferent to very small ones."""
    return float(np.clip(np.log((value + floor) / (base + floor)), -0.7, 0.7))
