"""Which crops of a picture keep what catches the eye, and cut through nothing that matters."""

import numpy as np

from torana.engine.planes import Doubles

PLACES = 25
"""How many places are tried along each side, from one end to the other."""

_RIM = 0.08
"""Share of a window's side, at either end, where what lies is all but cut off."""
_PEAK = 0.7
"""Attention above which a place is the subject itself: a face, an eye."""


def merits(attention: Doubles, share: tuple[float, float]) -> Doubles:
    """What windows of one size are worth, for a grid of places (rows, columns); 1 is a window that keeps everything.

    ``attention`` is a map (h, w) of 0..1, ``share`` the window's width and height as shares of the whole. Worth is the
    attention and the peaks of it that a window holds clear of its rim, less a little for what is off the middle.
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
    return worth


def _drawn_in(start: Doubles, length: float, whole: float) -> tuple[Doubles, Doubles]:
    """Windows without their rims, save where the rim is the picture's own."""
    end = start + length
    rim = _RIM * length
    return np.where(start < rim, start, start + rim), np.where(whole - end < rim, end, end - rim)


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
