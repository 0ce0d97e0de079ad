"""Where a picture holds letters: blobs of ink that stand in line like those of a word, or that might be an emblem's."""

import numpy as np

from torana.engine.kernel import kernel
from torana.engine.planes import Doubles
from torana.engine.sight.ink import (
    AREA,
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Contrast,
    Ints,
    Mask,
    blobs_of,
    strokes,
)

MAP = 36
"""Cells a side of a map of where letters are."""
_SHORT_ROW, _LONG_ROW = 4, 6
_SPECK = 5
"""Height, in pixels, of blobs too low to be told from grain."""
_BY_CHANCE = 1
"""Percent of the blobs of gravel or grass that stand in rows."""
_CLEAR_WORD, _CLEAR_MARK = 0.25, 0.3
"""How much there is at most about letters of the opposite of ink, in terms of the ink: the ground of writing is calm.
Measured: words show up to 0.2, rows of windows or of coins from 0.25 on."""
_HAIRLINE = 0.08
"""Width of a letter's stroke, at least, in terms of its height."""
_ONE_PEN, _ONE_TYPE = 0.18, 0.12
"""Standard deviation of the width of strokes, in terms of its mean: of a word, and of one that has an outline."""
_NOT_ALIKE = 0.08
"""Standard deviation of the letters' areas, at least, in terms of their mean: windows are all the same."""
_ABOUT = 4
"""Pixels about a mark that are looked at as well."""


def words(seen: Contrast) -> tuple[int, Doubles]:
    """How many letters of a picture stand in words, and a map (36, 36) of 0 and 1 of where they do.

    Works on dark and light writing of 5 to 60 pixels in height, in rows of five or more that may lean a little; rows
    of four count half, as chance makes some of them.
    """
    inks, strict = seen.inks(0.07, 0.4), seen.inks(0.12, 0.9)
    dark, light = _words(inks[0], strict), _words(inks[1], strict[::-1])
    found = dark if dark[0] >= light[0] else light
    return found[0], _painted(found[1], seen.grey.shape)


def marks(seen: Contrast) -> tuple[int, Doubles]:
    """How many crisp blobs shaped like letters lie on a calm ground, in rows or not, and a map (36, 36) of where.

    More than writing alone: emblems, numbers, stars, spokes.
    """
    dark, light = seen.inks(0.2, 0.9)
    faint = seen.inks(0.12, 0.9)
    found = np.concatenate(
        [
            _on_calm(_glyphs(blobs_of(dark)), _sums(dark, faint[1], _CLEAR_MARK)),
            _on_calm(_glyphs(blobs_of(light)), _sums(light, faint[0], _CLEAR_MARK)),
        ]
    )
    return len(found), _painted(found, seen.grey.shape)


def _on_calm(glyphs: Ints, clear: Doubles) -> Ints:
    """The glyphs that are more than specks and have little of the opposite of ink about them."""
    tall = glyphs[glyphs[:, BOTTOM] - glyphs[:, TOP] > _SPECK]
    return tall[_summed(clear, tall, about=_ABOUT) >= 0.0]


def _sums(ink: Mask, opposite: Mask, share: float) -> Doubles:
    """Running sums, down and across, of that share of the ink less its opposite."""
    balance = share * ink - opposite.astype(np.float64)
    return np.pad(balance.cumsum(0).cumsum(1), ((1, 0), (1, 0)))


def _summed(sums: Doubles, boxes: Ints, *, about: int) -> Doubles:
    """The sums over boxes, widened a little to all sides."""
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    left, top = np.maximum(boxes[:, LEFT] - about, 0), np.maximum(boxes[:, TOP] - about, 0)
    right, bottom = np.minimum(boxes[:, RIGHT] + about, width), np.minimum(boxes[:, BOTTOM] + about, height)
    summed: Doubles = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return summed


def _painted(boxes: Ints, shape: tuple[int, ...]) -> Doubles:
    """A map (36, 36) that is 1 wherever a box touches."""
    down, across = MAP / shape[0], MAP / shape[1]
    corners = np.zeros((MAP + 1, MAP + 1))
    left, top = (boxes[:, LEFT] * across).astype(np.intp), (boxes[:, TOP] * down).astype(np.intp)
    right, bottom = np.ceil(boxes[:, RIGHT] * across).astype(np.intp), np.ceil(boxes[:, BOTTOM] * down).astype(np.intp)
    for y, x, step in ((top, left, 1.0), (top, right, -1.0), (bottom, left, -1.0), (bottom, right, 1.0)):
        np.add.at(corners, (np.minimum(y, MAP), np.minimum(x, MAP)), step)
    painted: Doubles = (corners.cumsum(0).cumsum(1)[:MAP, :MAP] > 0.0).astype(np.float64)
    return painted


def _words(ink: Mask, strict: tuple[Mask, Mask]) -> tuple[int, Ints]:
    """How many blobs of ink stand in words, past what chance makes of as many blobs; and the boxes of those words.

    ``strict`` is what is ink beyond doubt, and what is the opposite.
    """
    glyphs = _glyphs(blobs_of(ink))
    glyphs = glyphs[np.argsort(glyphs[:, LEFT], kind="stable")]
    row_of, lengths = _rows(glyphs)
    if not len(lengths):
        return 0, np.empty((0, AREA), np.int32)
    clear = _sums(*strict, _CLEAR_WORD)
    rows = [glyphs[row_of == row] for row in range(len(lengths))]
    found = [(length, row) for length, row in zip(lengths.tolist(), rows, strict=True) if _is_word(row, clear, length)]
    boxes = [[*row[:, :RIGHT].min(0), *row[:, RIGHT:AREA].max(0)] for _, row in found]
    weight = sum(2 * len(row) if length > _SHORT_ROW else len(row) for length, row in found)
    return max(0, weight // 2 - _BY_CHANCE * len(glyphs) // 100), np.array(boxes, np.int32).reshape(-1, AREA)


def _is_word(row: Ints, clear: Doubles, length: int) -> bool:
    """Whether the glyphs of a row differ but were drawn with one pen, on a calm ground or as evenly as type."""
    pen, high, area = strokes(row), row[:, BOTTOM] - row[:, TOP], row[:, AREA]
    uneven = float(pen.std() / pen.mean())
    if float((pen / high).mean()) < _HAIRLINE or uneven > _ONE_PEN or area.std() < _NOT_ALIKE * area.mean():
        return False
    box = np.array([[*row[:, :RIGHT].min(0), *row[:, RIGHT:AREA].max(0)]], np.int32)
    return float(_summed(clear, box, about=1)[0]) >= 0.0 or (length >= _LONG_ROW and uneven < _ONE_TYPE)


def _glyphs(blobs: Ints) -> Ints:
    """The blobs (left, top, right, bottom, area, edge) that could be letters by size, fill and stroke."""
    wide, high = blobs[:, RIGHT] - blobs[:, LEFT], blobs[:, BOTTOM] - blobs[:, TOP]
    fill = blobs[:, AREA] / np.maximum(wide * high, 1)
    fits = _within(high, 5, 60) & (wide <= 2.2 * high) & _within(fill, 0.18, 0.92) & (strokes(blobs) < 0.45 * high)
    return blobs[fits]


def _within(values: Ints | Doubles, least: float, most: float) -> Mask:
    """Which values lie in a range."""
    inside: Mask = (values >= least) & (values <= most)
    return inside


@kernel
def _rows(glyphs: Ints) -> tuple[Ints, Ints]:
    """Which row each glyph belongs to, the glyphs sorted by their left side, or -1; and how long each row is."""
    count = len(glyphs)
    lengths, after = np.ones(count, np.int32), np.full(count, -1, np.int32)
    for k in range(count - 1, -1, -1):
        high = glyphs[k, 3] - glyphs[k, 1]
        for n in range(k + 1, count):
            gap = glyphs[n, 0] - glyphs[k, 2]
            if glyphs[n, 0] - glyphs[k, 0] > 4 * high:
                break
            other = glyphs[n, 3] - glyphs[n, 1]
            near = -0.15 * high <= gap <= 0.9 * high
            alike = 0.6 * high <= other <= 1.7 * high
            level = min(abs(glyphs[n, 3] - glyphs[k, 3]), abs(glyphs[n, 1] - glyphs[k, 1])) <= max(1.0, 0.12 * high)
            if near and alike and level and lengths[n] + 1 > lengths[k]:
                lengths[k], after[k] = lengths[n] + 1, n
    row_of, found = np.full(count, -1, np.int32), 0
    whole = np.zeros(count, np.int32)
    for k in range(count):
        n = k if lengths[k] >= _SHORT_ROW and row_of[k] < 0 else -1
        if n >= 0:
            whole[found] = lengths[k]
            found += 1
        while n >= 0 and row_of[n] < 0:
            row_of[n] = found - 1
            n = after[n]
    return row_of, whole[:found]
