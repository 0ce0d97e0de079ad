"""Which crops of a picture keep what catches the eye, and cut through nothing that matters."""

import numpy as np

from torana.engine.planes import Doubles

PLACES = 25
"""How many places are tried along each side, from one end to the other."""

_SUBJECT, _SHORN = 0.4, 1.0
"""Attention from which on a place belongs to the subject, and what it costs to cut off all of one side of that."""
_CUT = 4.0
"""What it costs to cut off all words."""
_RIM = 0.08
"""Share of a window's side, at either end, where what lies is all but cut off."""
_NEARLY_ALL = 0.85
"""Share of what catches the eye that is the subject."""
_PEAK = 0.7
"""Attention above which a place is the subject itself: a face, an eye."""


def merits(attention: Doubles, words: Doubles, share: tuple[float, float]) -> Doubles:
    """What windows of one size are worth, for a grid of places (rows, columns); 1 is a window that keeps everything.

    ``attention`` is a map (h, w) of 0..1, ``words`` one of where words are, ``share`` the window's width and height as
    shares of the whole. Worth is the attention and the peaks of it that a window holds clear of its rim, less a little
    for what is off the middle and for what it cuts off the subject's ends, and much for words that it cuts.
    """
    noticed = attention**2 + 1e-6
    peaks = np.clip((attention - _PEAK) / (1.0 - _PEAK), 0.0, 1.0) + 1e-6
    height, width = attention.shape
    wide, high = share[0] * width, share[1] * height
    left, top = np.linspace(0.0, width - wide, PLACES), np.linspace(0.0, height - high, PLACES)
    inside = (left, left + wide), (top, top + high)
    clear = _drawn_in(left, wide, width), _drawn_in(top, high, height)
    held = 0.4 * _held(noticed, *inside) + 0.6 * _held(noticed, *clear)
    middle_x, middle_y = _middle(noticed.sum(0)), _middle(noticed.sum(1))
    off_x, off_y = (left + wide / 2.0 - middle_x) / width, (top + high / 2.0 - middle_y) / height
    worth: Doubles = 0.4 * held + 0.6 * _held(peaks, *clear) - np.add.outer(off_y**2, off_x**2)
    worth -= _SHORN * np.add.outer(_shorn(attention.max(1), inside[1]), _shorn(attention.max(0), inside[0]))
    if words.any():
        worth -= _CUT * (1.0 - _held(words, *clear))
    return worth


def span(attention: Doubles, axis: int, words: Doubles) -> float:
    """The share of the columns (axis 1) or rows (axis 0) that the subject takes up, with a little air; up to 1.

    The shortest stretch that holds nearly all of what catches the eye in the map (h, w), and from there on to wherever
    a map of the same size shows ``words``.
    """
    weights = (attention**2).sum(1 - axis) + 1e-9
    sums = np.concatenate([[0.0], np.cumsum(weights)]) / weights.sum()
    starts = np.flatnonzero(sums <= 1.0 - _NEARLY_ALL)
    ends = np.interp(sums[starts] + _NEARLY_ALL, sums, np.arange(len(sums)))
    shortest = int((ends - starts).argmin())
    start, end = float(starts[shortest]), float(ends[shortest])
    read = np.flatnonzero(words.any(1 - axis))
    if len(read):
        start, end = min(start, float(read[0])), max(end, float(read[-1] + 1))
    return min(1.0, (end - start) / len(weights) * (1.0 + 2.0 * _RIM))


def _drawn_in(start: Doubles, length: float, whole: float) -> tuple[Doubles, Doubles]:
    """Windows without their rims, save where the rim is the picture's own."""
    end = start + length
    rim = _RIM * length
    return np.where(start < rim, start, start + rim), np.where(whole - end < rim, end, end - rim)


def _shorn(profile: Doubles, ends: tuple[Doubles, Doubles]) -> Doubles:
    """How much windows cut off the ends of the subject, in terms of its length.

    ``profile`` is the most that each row of cells catches; the subject goes on from the highest as far as it is high.
    """
    peak = int(profile.argmax())
    if profile[peak] < _SUBJECT:
        return np.zeros_like(ends[0])
    low = np.flatnonzero(profile < _SUBJECT)
    before, after = low[low < peak], low[low > peak]
    first = float(before[-1] + 1) if len(before) else 0.0
    last = float(after[0]) if len(after) else float(len(profile))
    shorn: Doubles = (np.maximum(ends[0] - first, 0.0) + np.maximum(last - ends[1], 0.0)) / (last - first)
    return shorn


def _middle(weights: Doubles) -> float:
    """The centre of mass of a row of cells."""
    return float(weights @ (np.arange(len(weights)) + 0.5) / weights.sum())


def _held(weights: Doubles, across: tuple[Doubles, Doubles], down: tuple[Doubles, Doubles]) -> Doubles:
    """Shares of the weights (h, w) within boxes, for all rows (``down``) and columns (``across``) of boxes."""
    by_column = np.stack([_between(row, across) for row in weights])
    both = np.stack([_between(column, down) for column in by_column.T], axis=1)
    held: Doubles = both / weights.sum()
    return held


def _between(weights: Doubles, ends: tuple[Doubles, Doubles]) -> Doubles:
    """Sums of a row of weights between pairs of ends."""
    sums = np.concatenate([[0.0], np.cumsum(weights)])
    cells = np.arange(len(sums))
    between: Doubles = np.interp(ends[1], cells, sums) - np.interp(ends[0], cells, sums)
    return between
