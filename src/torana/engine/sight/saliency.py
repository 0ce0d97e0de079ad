"""Where the eye goes: a small map of what stands out from the picture's border and holds detail."""

import math

import numpy as np

from torana.engine.planes import Doubles, Floats

_LEAST_SIDE = 6
_SURE = 0.5
_HAIR = 0.55
"""How far hair reaches above a face, as a share of the root of the face's area."""
_BELL = 0.38
"""Standard deviation of the bell over the middle, as a share of a side."""
_STRIP = 1.8
"""Proportions beyond which a picture is a strip."""
_MOST_SKIN = 0.2
"""Share of a picture from which on skin is too much to be a face: it is sand, or wood."""
_PARTS = 6
_ALIKE = 0.07
"""How far, in OKLab, the parts of one stuff are from one another. Measured: gravel, grass and brick stay below 0.05,
strips of things lie above 0.13."""
_EVEN = 1e-6
"""A range below which a map says nothing."""


def attention(lab: Floats, alpha: Floats | None) -> Doubles:
    """A map (h, w) of 0..1 over a small OKLab picture (h, w, 3): high on what a crop should keep.

    Colours unlike those along the four borders or all about count, and so does detail, the middle more than the rim,
    and a patch of skin more than anything. What ``alpha`` (h, w), if there is any, hides counts for nothing.
    """
    colour = lab.astype(np.float64)
    seen = np.ones(colour.shape[:2]) if alpha is None else alpha.astype(np.float64)
    middle = _middle(*seen.shape)
    strange = _stretched(_strangeness(colour))
    detail = _stretched(blurred(np.hypot(*_slopes(colour[..., 0])), 2.0))
    rare = _stretched(_distance(colour, colour.reshape(-1, 3)))
    distinct = _stretched(np.sqrt(((colour - _surroundings(colour)) ** 2).sum(2)))
    noticed = (0.35 * strange + 0.25 * detail + 0.2 * rare + 0.2 * distinct) * (0.3 + 0.7 * middle)
    things = _stretched(blurred((noticed + 0.4) * seen, 1.5))
    faces = _with_hair(blurred(_skin(colour) * (0.6 + 0.4 * middle) * seen, 1.0))
    # A face outdoes all else, once it is likely enough.
    likely = float(np.clip((faces.max() - 0.6) / 0.2, 0.0, 1.0))
    return np.maximum(things * (1.0 - 0.3 * likely), faces * likely)


def _with_hair(faces: Doubles) -> Doubles:
    """Likely faces, grown upwards by about half their height: heads end above the skin."""
    up = round(_HAIR * math.sqrt(float((faces > _SURE).sum())))
    grown = faces.copy()
    for k in range(1, min(up, len(faces) - 1) + 1):
        grown[:-k] = np.maximum(grown[:-k], faces[k:])
    return grown


def _middle(height: int, width: int) -> Doubles:
    """A bell over the middle of a picture, drawn out along a strip: there the middle says less."""
    y, x = (np.arange(height) + 0.5) / height - 0.5, (np.arange(width) + 0.5) / width - 0.5
    high, wide = _BELL * _longer(height, width), _BELL * _longer(width, height)
    bell: Doubles = np.exp(-np.add.outer((y / high) ** 2, (x / wide) ** 2) / 2.0)
    return bell


def _longer(side: int, other: int) -> float:
    """How many times longer a side is than in a picture that is not yet a strip; 1 where it is none."""
    return max(1.0, side / other / _STRIP)


def busyness(lab: Floats) -> tuple[Doubles, Doubles]:
    """How much each column and each row (0..1) would show it if it were drawn wider or narrower.

    A column suffers from edges that are not level, a row from edges that are not upright: a stretch of sky over a level
    horizon is free across, though not down.
    """
    across, down = _slopes(lab[..., 0].astype(np.float64))
    columns, rows = np.abs(across), np.abs(down)
    return _worst(columns, 0), _worst(rows, 1)


def is_alike(lab: Floats, axis: int) -> bool:
    """Whether a small OKLab picture holds the same stuff all along its rows (axis 0) or columns (axis 1)."""
    parts = np.array_split(lab.astype(np.float64), _PARTS, axis=axis)
    colours = np.stack([part.mean((0, 1)) for part in parts if part.size])
    roughness = [float(part[..., 0].std()) for part in parts if part.size]
    farthest = float(np.sqrt(((colours - colours.mean(0)) ** 2).sum(1)).max())
    return farthest + float(np.ptp(roughness)) < _ALIKE


def blurred(plane: Doubles, radius: float) -> Doubles:
    """Gaussian blur of a small plane, the edges repeated outwards; ``radius`` is its standard deviation in pixels."""
    reach = max(1, round(3 * radius))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / radius) ** 2)
    weights /= weights.sum()
    for axis in range(plane.ndim):
        padding = [(reach, reach) if axis == k else (0, 0) for k in range(plane.ndim)]
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(plane, padding, mode="edge"), len(weights), axis=axis)
        plane = windows @ weights
    return plane


def _worst(slopes: Doubles, axis: int) -> Doubles:
    """The strong slopes along an axis, against what a faint texture shows."""
    if min(slopes.shape) < _LEAST_SIDE:
        return np.ones(slopes.shape[1 - axis])
    strong = np.percentile(slopes, 92, axis=axis)
    worst: Doubles = np.clip(blurred(strong, 2.0) / 0.05, 0.0, 1.0)
    return worst


def _slopes(plane: Doubles) -> tuple[Doubles, Doubles]:
    """Central differences across and down; zero where the plane is a single pixel wide."""
    padded = np.pad(plane, 1, mode="edge")
    return (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2.0, (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2.0


def _skin(colour: Doubles) -> Doubles:
    """How much like lit skin, 0..1, where there is little enough of it to be a face."""
    chroma, hue = np.hypot(colour[..., 1], colour[..., 2]), np.arctan2(colour[..., 2], colour[..., 1])
    off = ((hue - 0.95) / 0.3) ** 2 + ((chroma - 0.055) / 0.025) ** 2 + ((colour[..., 0] - 0.78) / 0.18) ** 2
    likely = np.clip(1.6 * blurred(np.exp(-off), 1.0), 0.0, 1.0)
    share = float(likely.mean())
    height, width = likely.shape
    # A strip along a body holds more of the face than a whole picture would.
    most = _MOST_SKIN * math.sqrt(_longer(height, width) * _longer(width, height))
    skin: Doubles = likely * np.clip((most - share) / 0.1, 0.0, 1.0)
    return skin


def _surroundings(colour: Doubles) -> Doubles:
    """The colours about each pixel."""
    return np.stack([blurred(colour[..., c], 6.0) for c in range(3)], axis=2)


def _strangeness(colour: Doubles) -> Doubles:
    """How unlike the colours of the borders, the likest border counting most."""
    band = max(1, min(colour.shape[:2]) // 10)
    borders = (colour[:band], colour[-band:], colour[:, :band], colour[:, -band:])
    distances = np.sort(np.stack([_distance(colour, border.reshape(-1, 3)) for border in borders]), axis=0)
    strangeness: Doubles = np.tensordot([0.5, 0.3, 0.2, 0.0], distances, axes=1)
    return strangeness


def _distance(colour: Doubles, sample: Doubles) -> Doubles:
    """Mahalanobis distance of every pixel from a sample of colours."""
    apart = sample - sample.mean(0)
    spread = apart.T @ apart / len(sample) + np.eye(3) * 0.0012
    off = colour - sample.mean(0)
    distance: Doubles = np.sqrt(np.einsum("hwi,ij,hwj->hw", off, np.linalg.inv(spread), off))
    return distance


def _stretched(plane: Doubles) -> Doubles:
    """Brought to 0..1 between its low and high percentiles; all one where it is flat."""
    low, high = np.percentile(plane, [5, 97])
    if high - low < _EVEN:
        return np.ones_like(plane)
    stretched: Doubles = np.clip((plane - low) / (high - low), 0.0, 1.0)
    return stretched
