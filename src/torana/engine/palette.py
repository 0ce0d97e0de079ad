"""The mark that further sources leave: the first picture's light and colours move towards theirs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from torana.engine.colour import to_lab
from torana.engine.photometry import Cast, Grade
from torana.engine.planes import Doubles, Pixels, has_alpha, opaque
from torana.engine.resample import shrink

_SIDE = 96
_ZONES = 3
"""Dark, middle and bright: as much of the picture in each."""
_FAR = 0.09
"""The longest way a zone's cast may go."""
_FADED = 0.4
"""How much of a change to paler colours is followed."""
_NOTHING = 1e-9
_REACH = 0.3
"""How wide a stretch of a picture's tones, 0..1 from the darkest to the brightest, one of several lenders colours."""


@dataclass(frozen=True, slots=True)
class Palette:
    """What a picture's light and colours are like, in OKLab."""

    tones: tuple[float, ...]
    """Mean lightness of the dark, the middle and the bright third."""
    casts: tuple[Cast, ...]
    """Mean a and b of each third, over its lightness."""
    chroma: float
    """Mean distance from grey."""


def palette_of(source: Pixels) -> Palette:
    """The palette of what can be seen of a picture (H, W, C)."""
    sketch = shrink(source, _SIDE)
    lab = to_lab(opaque(sketch)).reshape(-1, 3).astype(np.float64)
    seen = sketch[..., -1].ravel().astype(np.float64) if has_alpha(sketch) else np.ones(len(lab))
    weights = seen / seen.sum() if seen.sum() > 0 else np.full(len(lab), 1.0 / len(lab))
    order = np.argsort(lab[:, 0], kind="stable")
    zones = [_mean_of(lab[order], weights[order], k) for k in range(_ZONES)]
    chroma = float(weights @ np.hypot(lab[:, 1], lab[:, 2]))
    casts = tuple((a / max(tone, 0.1), b / max(tone, 0.1)) for tone, a, b in zones)
    return Palette(tuple(tone for tone, _, _ in zones), casts, chroma)


def _mean_of(lab: Doubles, weights: Doubles, zone: int) -> tuple[float, float, float]:
    """The mean colour of one of the zones of colours (N, 3) in the order of their lightness."""
    ends = np.concatenate([[0.0], np.cumsum(weights)])
    within = np.diff(np.clip(ends * _ZONES - zone, 0.0, 1.0))
    lightness, a, b = within @ lab / within.sum()
    return float(lightness), float(a), float(b)


def borrow(grade: Grade, own: Palette, others: Sequence[tuple[Palette, float]]) -> Grade:
    """The grade, moved towards other palettes, each by its share of 0..1.

    Of several lenders the first colours the darker tones and the last the brighter ones; light and richness come from
    all of them.
    """
    total = sum(share for _, share in others)
    brightness, contrast, vibrance = 0.0, 0.0, 0.0
    for other, share in others:
        brightness += share * float(np.clip((other.tones[1] - own.tones[1]) / 0.3, -1.0, 1.0))
        contrast += share * _log_ratio(other.tones[-1] - other.tones[0], own.tones[-1] - own.tones[0], 0.05)
        vibrance += share * _hardly_faded(_log_ratio(other.chroma, own.chroma, 0.02))
    toning = []
    for zone, tone in enumerate(own.tones):
        cast = np.array([other.casts[zone] for other, _ in others])
        toning.append((tone, _way(own.casts[zone], _weights((zone + 0.5) / _ZONES, others) @ cast, total)))
    return replace(
        grade,
        brightness=grade.brightness + brightness,
        contrast=grade.contrast + 0.3 * contrast,
        vibrance=grade.vibrance + vibrance,
        toning=tuple(toning),
    )


def _way(own: Cast, other: Doubles, share: float) -> Cast:
    """The share of the way from one cast to another, less what of it would only fade the one."""
    way = share * (other - own)
    length = float(np.hypot(*own))
    if length > 0.0:
        along = float(way @ own) / length
        way += (_hardly_faded(along) - along) / length * np.array(own)
    way *= _FAR / max(float(np.hypot(*way)), _FAR)
    return float(way[0]), float(way[1])


def _hardly_faded(change: float) -> float:
    """A change of richness, of which the less counts less."""
    return change if change > 0.0 else _FADED * change


def _weights(tone: float, others: Sequence[tuple[Palette, float]]) -> Doubles:
    """How much each lender counts, 1 together, at a tone of 0..1."""
    shares = np.array([share for _, share in others])
    places = (np.arange(len(others)) + 0.5) / len(others)
    weights: Doubles = shares * np.exp(-(((tone - places) / _REACH) ** 2))
    return weights / max(float(weights.sum()), _NOTHING)


def _log_ratio(value: float, base: float, floor: float) -> float:
    """The logarithm of a ratio of spreads, held to a factor of two and indifferent to very small ones."""
    return float(np.clip(np.log((value + floor) / (base + floor)), -0.7, 0.7))
