"""One resampling from the source to the output, through a projective view and two axis maps."""

from dataclasses import dataclass

import numpy as np

from torana.engine.kernel import kernel
from torana.engine.planes import Doubles, Floats, Pixels

_MOST_TAPS = 24
_STEPS = 128
"""Entries of a filter's table per pixel of its reach."""
_BOX = 0.5
"""The reach of the plain square that pixel art is drawn with."""
_LEFT_OVER = 1.4
"""Sources are first averaged by whole factors until one output pixel spans 1.4 to 2.8 of what is left."""

_RIGHT, _BELOW = np.array([1.0, 0.0]), np.array([0.0, 1.0])


def _cubic() -> Doubles:
    """The Catmull-Rom filter, tabulated from its centre to its end at two pixels."""
    d = np.linspace(0.0, 2.0, 2 * _STEPS + 1)
    inner, outer = (1.5 * d - 2.5) * d * d + 1.0, ((2.5 - 0.5 * d) * d - 4.0) * d + 2.0
    table: Doubles = np.where(d < 1.0, inner, outer)
    return table


def _lanczos() -> Doubles:
    """The Lanczos filter, tabulated from its centre to its end at three pixels."""
    d = np.linspace(0.0, 3.0, 3 * _STEPS + 1)
    table: Doubles = np.sinc(d) * np.sinc(d / 3.0)
    return table


_SHRINKING, _ENLARGING, _BLOCKY = _cubic(), _lanczos(), np.ones(_STEPS // 2 + 1)


@dataclass(frozen=True, slots=True)
class View:
    """Where each output pixel looks in the source.

    ``matrix`` (3x3) takes output pixels (x, y, 1) to fractions (u, v) of a virtual picture; ``columns`` and ``rows``
    are increasing tables, evenly spaced in u and v from 0 to 1, that take those fractions to source pixels.
    Integer pixel positions are corners, centres lie at .5.
    """

    matrix: Doubles
    columns: Doubles
    rows: Doubles

    def at(self, points: Doubles) -> Doubles:
        """Source positions (N, 2) of output positions (N, 2), both as x, y."""
        spread = np.column_stack([points, np.ones(len(points))]) @ self.matrix.T
        fractions = spread[:, :2] / spread[:, 2:]
        return np.column_stack([_look_up(self.columns, fractions[:, 0]), _look_up(self.rows, fractions[:, 1])])


def _look_up(table: Doubles, fractions: Doubles) -> Doubles:
    """Linear interpolation in an evenly spaced table, carried on in a straight line beyond its ends."""
    steps = len(table) - 1
    place = np.clip(np.floor(fractions * steps), 0, steps - 1).astype(np.intp)
    looked_up: Doubles = table[place] + (fractions * steps - place) * (table[place + 1] - table[place])
    return looked_up


def render(source: Pixels, view: View, *, size: tuple[int, int], blocky: bool = False) -> Floats:
    """The source (H, W, C) seen through a view, as float32 (height, width, C) in 0..1.

    Colour comes premultiplied where the source has alpha (C is 2 or 4). Lanczos where the view enlarges, Catmull-Rom,
    widened, where it shrinks, both held within the range of the pixels they read so that nothing rings; ``blocky``
    keeps the pixels of pixel art square instead.
    """
    width, height = size
    seen = view.at(_ring(width, height))
    spans = _spans(view, size)
    factors = np.maximum(1, np.floor(spans / _LEFT_OVER)).astype(np.int64)
    margin = 3 * factors + np.ceil(3 * spans).astype(np.int64)
    limit = np.array([source.shape[1], source.shape[0]])
    first = np.clip(np.floor(seen.min(0)).astype(np.int64) - margin, 0, limit - 1)
    last = np.clip(np.ceil(seen.max(0)).astype(np.int64) + margin, first + 1, limit)
    counts = -(-(last - first) // factors)
    window = source[first[1] : last[1], first[0] : last[0]]
    near = np.empty((int(counts[1]), int(counts[0]), source.shape[2]), np.float32)
    _average(_sealed(window), near, int(factors[0]), int(factors[1]))
    out = np.empty((height, width, source.shape[2]), np.float32)
    columns, rows = (view.columns - first[0]) / factors[0], (view.rows - first[1]) / factors[1]
    smooth = _ENLARGING if spans.max() <= 1.0 else _SHRINKING
    _warp(near, out, (view.matrix, columns, rows), _BLOCKY if blocky else smooth)
    return out


def shrink(source: Pixels, longest: int) -> Floats:
    """The source averaged by a whole factor until its longer side is at most ``longest``; float32, premultiplied."""
    factor = -(-max(source.shape[:2]) // longest)
    height, width = -(-source.shape[0] // factor), -(-source.shape[1] // factor)
    out = np.empty((height, width, source.shape[2]), np.float32)
    _average(_sealed(source), out, factor, factor)
    return out


def _sealed(source: Pixels) -> Pixels:
    """The same pixels, in one piece and read-only: a kernel is compiled anew for each sort of array it is given."""
    sealed = np.ascontiguousarray(source).view()
    sealed.flags.writeable = False
    return sealed


def _ring(width: int, height: int) -> Doubles:
    """Points along the output's border, whose images bound the image of the whole."""
    along, across = np.linspace(0, width, 33), np.linspace(0, height, 33)
    zero = np.zeros(33)
    sides = [(along, zero), (along, zero + height), (zero, across), (zero + width, across)]
    return np.concatenate([np.column_stack(side) for side in sides])


def _spans(view: View, size: tuple[int, int]) -> Doubles:
    """How many source pixels an output pixel spans, across and down, on an average over the picture."""
    width, height = size
    x, y = np.meshgrid(np.linspace(0.1, 0.9, 9) * width, np.linspace(0.1, 0.9, 9) * height)
    points = np.column_stack([x.ravel(), y.ravel()])
    right, below = view.at(points + _RIGHT) - view.at(points), view.at(points + _BELOW) - view.at(points)
    spans: Doubles = np.hypot(right, below).mean(0)
    return spans


@kernel
def _mean(block: Pixels, pixel: Floats) -> None:
    """Fill in the mean of a block of 0..255 pixels, as 0..1 and premultiplied."""
    height, width, channels = block.shape
    share = np.float32(1.0 / (255.0 * 255.0 * height * width))
    for c in range(channels):
        veiled = channels in (2, 4) and c < channels - 1
        total = 0
        for j in range(height):
            for i in range(width):
                total += int(block[j, i, c]) * (int(block[j, i, channels - 1]) if veiled else 255)
        pixel[c] = np.float32(total) * share


@kernel
def _average(source: Pixels, out: Floats, across: int, down: int) -> None:
    """Fill ``out`` with the means of ``across`` x ``down`` blocks."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            _mean(source[y * down : (y + 1) * down, x * across : (x + 1) * across], out[y, x])


@kernel
def _place(table: Doubles, fraction: float) -> tuple[float, float]:
    """Position and slope in an evenly spaced table."""
    steps = len(table) - 1
    k = min(max(int(np.floor(fraction * steps)), 0), steps - 1)
    rise = table[k + 1] - table[k]
    return table[k] + (fraction * steps - k) * rise, rise * steps


@kernel
def _taps(weights: Floats, centre: float, span: float, profile: Doubles) -> tuple[int, int]:
    """Fill in the weights, summing to one, of the source pixels about ``centre``; tell the first and their count."""
    reach = (len(profile) - 1) / _STEPS
    wide = span if reach == _BOX else min(max(span, 1.0), (_MOST_TAPS - 1) / (2.0 * reach))
    low, high = centre - reach * wide, centre + reach * wide
    first = int(np.floor(low))
    count = min(int(np.floor(high)) - first + 1, _MOST_TAPS)
    total = 0.0
    for k in range(count):
        if reach == _BOX:
            weight = min(high, first + k + 1.0) - max(low, float(first + k))
        else:
            weight = _place(profile, min(abs(first + k + 0.5 - centre) / (reach * wide), 1.0))[0]
        weights[k] = np.float32(weight)
        total += weight
    for k in range(count):
        weights[k] /= np.float32(total)
    return first, count


@kernel
def _gather(source: Floats, pixel: Floats, across: tuple[int, int, Floats], down: tuple[int, int, Floats]) -> None:
    """The weighted sum of a block of pixels, held within the range of those pixels."""
    height, width, channels = source.shape
    left, count_x, weights_x = across
    top, count_y, weights_y = down
    for c in range(channels):
        total, least, most = np.float32(0.0), np.float32(1.0), np.float32(0.0)
        for j in range(count_y):
            y = min(max(top + j, 0), height - 1)
            row = np.float32(0.0)
            for i in range(count_x):
                value = source[y, min(max(left + i, 0), width - 1), c]
                row += weights_x[i] * value
                least, most = min(least, value), max(most, value)
            total += weights_y[j] * row
        pixel[c] = min(max(total, least), most)


@kernel
def _warp(source: Floats, out: Floats, view: tuple[Doubles, Doubles, Doubles], profile: Doubles) -> None:
    """Fill ``out``, pixel by pixel, with what the view shows of ``source``."""
    m, columns, rows = view
    weights_x, weights_y = np.empty(_MOST_TAPS, np.float32), np.empty(_MOST_TAPS, np.float32)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            px, py = x + 0.5, y + 0.5
            scale = 1.0 / (m[2, 0] * px + m[2, 1] * py + m[2, 2])
            u = (m[0, 0] * px + m[0, 1] * py + m[0, 2]) * scale
            v = (m[1, 0] * px + m[1, 1] * py + m[1, 2]) * scale
            sx, slope_x = _place(columns, u)
            sy, slope_y = _place(rows, v)
            span_x = slope_x * scale * np.hypot(m[0, 0] - u * m[2, 0], m[0, 1] - u * m[2, 1])
            span_y = slope_y * scale * np.hypot(m[1, 0] - v * m[2, 0], m[1, 1] - v * m[2, 1])
            left, count_x = _taps(weights_x, sx, span_x, profile)
            top, count_y = _taps(weights_y, sy, span_y, profile)
            _gather(source, out[y, x], (left, count_x, weights_x), (top, count_y, weights_y))
