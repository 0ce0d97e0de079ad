"""Margins for pictures that must not be cut: what lies along an edge is carried on outwards, ever softer."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from torana.engine.planes import Doubles, Pixels
from torana.engine.ready.beyond import beyond
from torana.engine.resample import shrink

_BAND = 0.012
"""Share of a side that is averaged into the line which is carried on."""
_INK = 0.05
"""Share of an edge's length: marks narrower than half of it are not carried on."""
_SOFTEST = 0.12
"""Standard deviation, as a share of an edge's length, of the blur at the far end of a margin."""
_LAYERS = 7
_MOST_GRAIN = 2.5
"""Levels by which grain strays; what is rougher is texture."""
_CALM, _CALM_SEEN = 6.0, 2.5
"""Levels by which a line may stray, on an average, from its own middle values and still be carried on unseen: on paper,
and in the world."""
_MOST = 2048
_CROSSED, _CROSSED_LEVEL = 40.0, 125.0
"""Levels that a line may rise and fall again, to and fro, and still have nothing stand out on it: for lines carried on
up or down, and for those carried on sideways, as horizons are."""
_DEEPEST, _DEEPEST_BLUR = 1.5, 0.8
"""The deepest margin, as a share of what it is added to: beside a calm edge, and beside another."""


@dataclass(frozen=True, slots=True)
class Margins:
    """Pixels to add on each side."""

    left: int
    top: int
    right: int
    bottom: int


def reduced(source: Pixels, longest: int) -> Pixels:
    """The picture averaged down until its longer side is at most ``longest``, or 2048 if that is more."""
    if max(source.shape[:2]) <= max(longest, _MOST):
        return source
    small = shrink(source, max(longest, _MOST)).astype(np.float64)
    if source.shape[2] in {2, 4}:
        small[..., :-1] /= np.maximum(small[..., -1:], 1e-3)
    levels: Pixels = np.round(np.clip(small, 0.0, 1.0) * 255.0).astype(np.uint8)
    return levels


def around(source: Pixels, aspect: float, *, room: float) -> Margins:
    """Margins that bring a picture to the proportions ``aspect`` (width / height), with ``room`` to spare all about."""
    height, width = source.shape[:2]
    across = max(0.0, height * aspect - width) / 2.0 + room * width
    down = max(0.0, width / aspect - height) / 2.0 + room * height
    return Margins(math.ceil(across), math.ceil(down), math.ceil(across), math.ceil(down))


def beside(source: Pixels, aspect: float) -> Margins:
    """Margins that bring a picture towards the proportions ``aspect``, only where its edges are calm."""
    height, width = source.shape[:2]
    if width < height * aspect:
        left, right = _shared(source.transpose(1, 0, 2), height * aspect - width, _CROSSED_LEVEL)
        return Margins(left, 0, right, 0)
    top, bottom = _shared(source, width / aspect - height, _CROSSED)
    return Margins(0, top, 0, bottom)


def completed(source: Pixels, margins: Margins, aspect: float) -> Margins:
    """Those margins and more, out of focus, about edges that are not calm, on the way to the proportions ``aspect``."""
    height, width = source.shape[:2]
    across = height * aspect - width - margins.left - margins.right
    down = width / aspect - height - margins.top - margins.bottom
    left, right = _lacking((margins.left, margins.right), across, width)
    top, bottom = _lacking((margins.top, margins.bottom), down, height)
    return Margins(left, top, right, bottom)


def mounted(source: Pixels, margins: Margins, *, seen: bool = False) -> Pixels:
    """The picture (H, W, C) with margins that go on from its edges.

    Edges that are not calm are followed by a plain ground; or, where the picture shows the world as ``seen`` by a
    camera, by more of it, out of focus.
    """
    tall = _extended(source, (margins.top, margins.bottom), seen=seen)
    wide = _extended(tall.transpose(1, 0, 2), (margins.left, margins.right), seen=seen)
    return np.ascontiguousarray(wide.transpose(1, 0, 2))


def _shared(rows: Pixels, wanted: float, crossed: float) -> tuple[int, int]:
    """How many rows to add before the first and after the last: calm sides share them."""
    calm = [_is_calm(_line(view), crossed, _CALM_SEEN) for view in _sides(rows)]
    each = math.ceil(min(wanted / max(1, sum(calm)), _DEEPEST * len(rows)))
    return each * calm[0], each * calm[1]


def _sides(rows: Pixels) -> tuple[Pixels, Pixels]:
    """The picture seen from its first row and from its last."""
    return rows, rows[::-1]


def _lacking(sides: tuple[int, int], wanted: float, behind: int) -> tuple[int, int]:
    """Two opposite margins, those that are missing made as deep as ``wanted``, if they are not too deep for a blur."""
    missing = sides.count(0)
    each = math.ceil(min(max(0.0, wanted) / max(1, missing), _DEEPEST_BLUR * behind))
    return sides[0] or each, sides[1] or each


def _extended(rows: Pixels, depths: tuple[int, int], *, seen: bool) -> Pixels:
    """The rows with so many others added before the first and after the last."""
    before, after = depths
    parts = [rows]
    if before:
        parts.insert(0, _margin(rows, before, seen=seen)[::-1])
    if after:
        parts.append(_margin(rows[::-1], after, seen=seen))
    return np.concatenate(parts)


def _margin(rows: Pixels, depth: int, *, seen: bool) -> Pixels:
    """Rows to lie outside the first row, the nearest first."""
    line = _line(rows)
    steady, grain = _steady(line), _roughness(rows)
    if _is_calm(line, _CROSSED_LEVEL, _CALM_SEEN if seen else _CALM):
        margin = _carried_on(steady, depth)
    else:
        ground = _softened(steady, _SOFTEST * len(line))
        margin = beyond(rows, depth, ground) if seen else _carried_on(ground, depth)
        grain = np.minimum(grain, _MOST_GRAIN) if seen else grain
    noise = np.random.default_rng(len(line)).standard_normal((depth, len(line), 1))
    levels: Pixels = np.round(np.clip(margin + grain * noise, 0.0, 255.0)).astype(np.uint8)
    return levels


def _carried_on(steady: Doubles, depth: int) -> Doubles:
    """So many copies of a line, ever softer."""
    softest = _SOFTEST * len(steady)
    layers = np.stack([_softened(steady, softest * (k / (_LAYERS - 1)) ** 2) for k in range(_LAYERS)])
    reach = np.minimum(np.arange(depth) / max(1.0, 0.5 * len(steady)), 1.0) * (_LAYERS - 1)
    k = np.minimum(reach.astype(np.intp), _LAYERS - 2)
    share = (reach - k)[:, None, None]
    carried_on: Doubles = layers[k] * (1.0 - share) + layers[k + 1] * share
    return carried_on


def _line(rows: Pixels) -> Doubles:
    """What lies along the first row, averaged over a thin band."""
    band = max(1, round(_BAND * len(rows)))
    line: Doubles = rows[:band].mean(0, dtype=np.float64)
    return line


def _steady(line: Doubles) -> Doubles:
    """The line without what is narrow: middle values, which keep its steps."""
    reach = max(1, round(_INK * len(line) / 2.0))
    windows = sliding_window_view(np.pad(line, ((reach, reach), (0, 0)), mode="edge"), 2 * reach + 1, axis=0)
    steady: Doubles = np.median(windows, axis=2)
    return steady


def _softened(line: Doubles, radius: float) -> Doubles:
    """The line blurred by three running means, its ends repeated."""
    reach = round(radius)
    for _ in range(3 if reach else 0):
        sums = np.cumsum(np.pad(line, ((reach + 1, reach), (0, 0)), mode="edge"), axis=0)
        line = (sums[2 * reach + 1 :] - sums[: -2 * reach - 1]) / (2 * reach + 1)
    return line


def _roughness(rows: Pixels) -> Doubles:
    """The grain beside an edge: the typical difference of neighbours, per channel, in levels."""
    band = rows[: max(2, round(_BAND * len(rows)))].astype(np.float64)
    steps = np.abs(np.diff(band, axis=1)) if band.shape[1] > 1 else np.zeros((1, 1, rows.shape[2]))
    typical: Doubles = np.median(steps, axis=(0, 1)) * 1.05
    return typical


def _is_calm(line: Doubles, crossed: float, strays: float) -> bool:
    """Whether a line may be carried on unseen: it rises or falls, at a horizon perhaps, but nothing crosses it."""
    plain = _softened(_steady(line), 0.01 * len(line))
    there_and_back = np.abs(np.diff(plain, axis=0)).sum(0) - np.ptp(plain[[0, -1]], axis=0)
    return float(np.abs(line - plain).mean()) < strays and float(there_and_back.max()) < crossed
