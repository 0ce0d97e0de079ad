"""Re-framing: from a framing and a scene to the view through which the picture is drawn.

Nothing here bends what is rigid. The view is projective, which keeps straight lines straight; before it, columns and
rows without structure may be drawn wider or narrower.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from torana.engine.planes import Doubles
from torana.engine.resample import View
from torana.engine.sight.saliency import blurred
from torana.engine.sight.scene import Scene
from torana.engine.sight.windows import PLACES, merits

_KNOTS = 129
_MAP = 36
_CLEAR_OF = 0.04
"""Share of the output's sides, at either end, where the subject had better not lie."""
_READ = 8.0
"""How much words count against what catches the eye most."""
_MOST_SQUEEZE = 0.7
"""Proportions further apart than e to this power are met by cropping alone."""
_PASSED_OVER, _HELD = 0.2, 0.5
"""Attention up to which things give way entirely, and from which on not at all, where much must give way."""
_AIR = 0.04
"""Share of a content's sides that is kept free about it."""
_NOT_FAR = 0.3
"""Logarithm of a difference in proportions that costs no zoom."""
_MOST_GIVEN = 1.4
"""Logarithm of how much narrower yet what is free may be drawn where they are further apart."""


@dataclass(frozen=True, slots=True)
class Framing:
    """How to look at a picture; the defaults are its best plain crop."""

    zoom: float = 1.0
    """How many times narrower the window is than the widest that fits."""
    place: tuple[float, float] = (0.5, 0.5)
    """Which of the good windows, 0..1 from left to right and from top to bottom."""
    roam: float = 0.0
    """How much of what catches the eye a window may lose to another and still count as good, 0..1."""
    tilt: float = 0.0
    """Turn in radians."""
    keystone: tuple[float, float] = (0.0, 0.0)
    """Perspective across and down: by about what share one side is drawn smaller than the other."""
    shear: float = 0.0
    """How far things lean sideways for each unit of their height."""
    stretch: float = 0.0
    """Natural logarithm of how much wider than tall things come out."""
    fit: float = 0.0
    """How far free columns and rows give way to the output's proportions, 0..1."""
    squeeze: float = 0.0
    """What share of the difference between the picture's proportions and the output's is met by squeezing it."""
    swing: tuple[float, float] = (0.0, 0.0)
    """How far free columns and rows give way to the left or top (below 0) or the right or bottom (above)."""
    mirror: bool = False
    """Whether left and right change places."""


@dataclass(frozen=True, slots=True)
class _Canvas:
    """The picture after its free columns and rows were widened or narrowed."""

    width: float
    height: float
    columns: Doubles
    rows: Doubles
    attention: Doubles
    words: Doubles


@dataclass(frozen=True, slots=True)
class _Window:
    """A box on the canvas."""

    x: float
    y: float
    width: float
    height: float


def compose(scene: Scene, framing: Framing, *, size: tuple[int, int]) -> View:
    """The view of the scene for an output of ``size`` (width, height)."""
    canvas = _canvas(scene, framing, size[0] / size[1])
    excess = math.log(canvas.width / canvas.height * size[1] / size[0])
    if not scene.structure.border:
        # What is cropped to fit already is not cropped much more.
        framing = replace(framing, zoom=framing.zoom ** math.exp(-2.0 * max(0.0, abs(excess) - _NOT_FAR)))
    given = 0.0 if scene.structure.border else framing.squeeze * min(max(excess, -_MOST_SQUEEZE), _MOST_SQUEEZE)
    aspect = size[0] / size[1] / math.exp(framing.stretch - given)
    if scene.structure.border:
        window = _around(scene, canvas, framing, aspect)
        matrix = _spread(_projection(window, framing, size), size, _content(scene, canvas))
    else:
        matrix = _eased(canvas, _within(canvas, framing, aspect), framing, size)
    return View(np.diag([1.0 / canvas.width, 1.0 / canvas.height, 1.0]) @ matrix, canvas.columns, canvas.rows)


def seen_through(view: View, scene: Scene, size: tuple[int, int]) -> Doubles:
    """The scene's attention as a map (36, 36) over the output."""
    side = (np.arange(_MAP) + 0.5) / _MAP
    x, y = np.meshgrid(side * size[0], side * size[1])
    points = view.at(np.column_stack([x.ravel(), y.ravel()]))
    height, width = scene.attention.shape
    across = np.clip(points[:, 0] / scene.width * width, 0, width - 1).astype(np.intp)
    down = np.clip(points[:, 1] / scene.height * height, 0, height - 1).astype(np.intp)
    seen: Doubles = scene.attention[down, across].reshape(_MAP, _MAP)
    return seen


def _eased(canvas: _Canvas, window: _Window, framing: Framing, size: tuple[int, int]) -> Doubles:
    """The projection, with as much of its tilt and perspective as leaves the subject in the picture."""
    level = replace(framing, tilt=0.0, shear=0.0, keystone=(0.0, 0.0))
    plain = _held(_projection(window, level, size), size, canvas)
    enough = (1.0 - framing.roam / 2.0) * _subject_in(plain, size, canvas)
    for share in (1.0, 0.8, 0.6, 0.4, 0.2):
        tilt, shear = share * framing.tilt, share * framing.shear
        keystone = share * framing.keystone[0], share * framing.keystone[1]
        eased = replace(framing, tilt=tilt, shear=shear, keystone=keystone)
        matrix = _held(_projection(window, eased, size), size, canvas)
        if _subject_in(matrix, size, canvas) >= enough:
            return matrix
    return plain


def _subject_in(matrix: Doubles, size: tuple[int, int], canvas: _Canvas) -> float:
    """How much of the words and of what catches the eye most shows in the output, clear of its edges."""
    height, width = canvas.attention.shape
    y, x = np.mgrid[0:height, 0:width] + 0.5
    across, down = x * canvas.width / width, y * canvas.height / height
    points = np.stack([across.ravel(), down.ravel(), np.ones(x.size)], axis=1) @ np.linalg.inv(matrix).T
    shown = points[:, :2] / points[:, 2:] / size
    clear = (np.abs(shown - 0.5) < 0.5 - _CLEAR_OF).all(1)
    return float((canvas.attention**4 + _READ * canvas.words).ravel()[clear].sum())


def _canvas(scene: Scene, framing: Framing, aspect: float) -> _Canvas:
    """Widen and narrow what is free, towards the output's proportions and to the framing's side."""
    excess = math.log(scene.width / scene.height / aspect)
    narrow, deepen = np.clip([0.5 * excess, 0.35 * excess], -0.8, 0.8) * framing.fit
    seen = noticed = scene.attention
    if not scene.structure.border and abs(excess) > _MOST_SQUEEZE:
        # Too far apart to be cropped: nearly all goes that is free and hardly noticed, and nothing of what is noticed.
        beyond = math.copysign(min(2.0 * (abs(excess) - _MOST_SQUEEZE), _MOST_GIVEN), excess)
        narrow, deepen = narrow + max(beyond, 0.0), deepen + min(beyond, 0.0)
        noticed = np.clip((seen - _PASSED_OVER) / (_HELD - _PASSED_OVER), 0.0, 1.0)
    across = _densities(np.maximum(scene.busy_columns, _projected(noticed, 0)), -float(narrow), framing.swing[0])
    down = _densities(np.maximum(scene.busy_rows, _projected(noticed, 1)), float(deepen), framing.swing[1])
    columns, rows = _inverse(across), _inverse(down)
    cells_x = np.minimum((columns * len(across)).astype(np.intp), len(across) - 1)
    cells_y = np.minimum((rows * len(down)).astype(np.intp), len(down) - 1)
    return _Canvas(
        width=scene.width * float(across.mean()),
        height=scene.height * float(down.mean()),
        columns=columns * scene.width,
        rows=rows * scene.height,
        attention=seen[np.ix_(cells_y, cells_x)],
        words=(scene.written == 1.0).astype(np.float64)[np.ix_(cells_y, cells_x)],
    )


def _projected(attention: Doubles, axis: int) -> Doubles:
    """How much of what catches the eye lies on each column (axis 0) or row (axis 1)."""
    projected: Doubles = np.percentile(attention, 85, axis=axis)
    return projected


def _densities(busy: Doubles, change: float, swing: float) -> Doubles:
    """How many times its own length each column or row takes up; 1 where busy."""
    free = blurred(np.clip(1.0 - busy, 0.0, 1.0), 2.5)
    side = np.linspace(-1.0, 1.0, len(busy))
    densities: Doubles = np.exp((change + swing * side) * free)
    return densities


def _inverse(densities: Doubles) -> Doubles:
    """A table of source fractions, evenly spaced over the stretched length."""
    reached = np.concatenate([[0.0], np.cumsum(densities)]) / densities.sum()
    inverse: Doubles = np.interp(np.linspace(0.0, 1.0, _KNOTS), reached, np.linspace(0.0, 1.0, len(reached)))
    return inverse


def _within(canvas: _Canvas, framing: Framing, aspect: float) -> _Window:
    """A window on the canvas that keeps what catches the eye, wider than asked where it would lose too much."""
    widest = min(canvas.width, canvas.height * aspect)
    best = float(_merits(canvas, widest, aspect).max())
    loss = framing.roam * abs(best)
    for ease in np.linspace(0.0, 1.0, 7):
        width = widest / framing.zoom ** (1.0 - ease)
        worth = _merits(canvas, width, aspect)
        if worth.max() >= best - loss:
            break
    good = worth >= worth.max() - loss
    row = _pick(good.any(1), framing.place[1])
    column = _pick(good[row], framing.place[0])
    height = width / aspect
    x = column / (PLACES - 1) * (canvas.width - width) + width / 2.0
    y = row / (PLACES - 1) * (canvas.height - height) + height / 2.0
    return _Window(x, y, width, height)


def _merits(canvas: _Canvas, width: float, aspect: float) -> Doubles:
    """What windows of a width are worth."""
    return merits(
        canvas.attention, canvas.words, (min(1.0, width / canvas.width), min(1.0, width / aspect / canvas.height))
    )


def _pick(good: NDArray[np.bool_], place: float) -> int:
    """One of the good ones, by a place of 0..1 among them."""
    places = np.flatnonzero(good)
    return int(places[min(int(place * len(places)), len(places) - 1)])


def _around(scene: Scene, canvas: _Canvas, framing: Framing, aspect: float) -> _Window:
    """A window that holds all the content of a picture whose border may be carried on outwards."""
    left, top, right, bottom = _content(scene, canvas)
    whole = max(canvas.width, canvas.height * aspect)
    tight = max(right - left, (bottom - top) * aspect)
    width = max(tight, whole / framing.zoom)
    height = width / aspect
    x = _slid(canvas.width, (left, right), width, framing.roam * (framing.place[0] - 0.5))
    y = _slid(canvas.height, (top, bottom), height, framing.roam * (framing.place[1] - 0.5))
    return _Window(x, y, width, height)


def _content(scene: Scene, canvas: _Canvas) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the content and a little air about it, on a canvas."""
    along = np.linspace(0.0, 1.0, _KNOTS)
    left, right = np.interp(np.multiply(scene.content[::2], scene.width), canvas.columns, along * canvas.width)
    top, bottom = np.interp(np.multiply(scene.content[1::2], scene.height), canvas.rows, along * canvas.height)
    airy_x, airy_y = _AIR * (right - left), _AIR * (bottom - top)
    return float(left - airy_x), float(top - airy_y), float(right + airy_x), float(bottom + airy_y)


def _slid(side: float, content: tuple[float, float], width: float, shift: float) -> float:
    """A window's centre along one axis, off the picture's own by a share of its width, with the content kept inside."""
    least, most = content[1] - width / 2.0, content[0] + width / 2.0
    return min(max(side / 2.0 + shift * width, min(least, most)), max(least, most))


def _projection(window: _Window, framing: Framing, size: tuple[int, int]) -> Doubles:
    """The matrix from output pixels to the canvas."""
    flip = -1.0 if framing.mirror else 1.0
    unit = np.array([[flip / size[0], 0.0, -0.5 * flip], [0.0, 1.0 / size[1], -0.5], [0.0, 0.0, 1.0]])
    x, y = framing.keystone[0] / 2.0, framing.keystone[1] / 2.0
    lean = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [2.0 * x, 2.0 * y, 1.0]])
    # The middles of the four sides stay where they are, so that the window holds what it was chosen for.
    keystone = np.array([[1.0 - x * x, 0.0, x / 2.0], [0.0, 1.0 - y * y, y / 2.0], [0.0, 0.0, 1.0]]) @ lean
    sized = np.diag([window.width, window.height, 1.0])
    slant = np.array([[1.0, framing.shear, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    cos, sin = math.cos(framing.tilt), math.sin(framing.tilt)
    turn = np.array([[cos, -sin, window.x], [sin, cos, window.y], [0.0, 0.0, 1.0]])
    matrix: Doubles = turn @ slant @ sized @ keystone @ unit
    return matrix


def _spread(matrix: Doubles, size: tuple[int, int], content: tuple[float, float, float, float]) -> Doubles:
    """The same view, drawn out and pushed along until all the content shows."""
    left, top, right, bottom = content
    corners = np.array([[left, top, 1.0], [right, top, 1.0], [left, bottom, 1.0], [right, bottom, 1.0]])
    shown = corners @ np.linalg.inv(matrix).T
    points = shown[:, :2] / shown[:, 2:]
    least, most = points.min(0), points.max(0)
    room = np.array(size, np.float64)
    scale = float(max(1.0, ((most - least) / room).max()))
    shift = np.clip(
        room / 2.0 * (1.0 - scale), np.minimum(most - scale * room, least), np.maximum(most - scale * room, least)
    )
    spread: Doubles = matrix @ np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]], [0.0, 0.0, 1.0]])
    return spread


def _held(matrix: Doubles, size: tuple[int, int], canvas: _Canvas) -> Doubles:
    """The same view, drawn in and pushed back until no corner looks past the canvas."""
    corners = np.array([[0.0, 0.0, 1.0], [size[0], 0.0, 1.0], [0.0, size[1], 1.0], [*size, 1.0]]) @ matrix.T
    points = corners[:, :2] / corners[:, 2:]
    least, most = points.min(0), points.max(0)
    room = np.array([canvas.width, canvas.height])
    scale = float(min(1.0, (room / (most - least)).min()))
    middle = (least + most) / 2.0
    half = (most - least) / 2.0 * scale
    centre = np.clip(middle, half, np.maximum(half, room - half))
    moved = np.array(
        [[scale, 0.0, centre[0] - scale * middle[0]], [0.0, scale, centre[1] - scale * middle[1]], [0.0, 0.0, 1.0]]
    )
    held: Doubles = moved @ matrix
    return held
