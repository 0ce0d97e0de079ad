"""What is seen in a source before anything is decided: its kind, where the eye goes, what bears stretching."""

from dataclasses import dataclass

import numpy as np

from torana.engine.colour import to_lab
from torana.engine.planes import Doubles, Floats, Pixels, has_alpha, opaque
from torana.engine.resample import shrink
from torana.engine.sight.saliency import attention, busyness, is_alike
from torana.engine.sight.structure import NOTHING, Structure, examine
from torana.engine.sight.windows import span

_SKETCH_SIDE = 72
_NEXT_TO_NOTHING = 1e-3
_MAYBE, _READ = 0.5, 0.8
"""How much writing marks are, and how much words catch the eye."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, as fractions of a picture."""
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Scene:
    """One source, looked at."""

    width: int
    height: int
    structure: Structure
    attention: Doubles
    """Map (h, w) of 0..1 over the whole picture, a few dozen cells a side."""
    busy_columns: Doubles
    """Per column of the map, 0..1: how much stretching it would show."""
    busy_rows: Doubles
    content: Box
    """What lies within a border; the whole where there is none."""
    written: Doubles
    """Map like ``attention``: 1 where letters stand in words, one half where there are marks like letters, else 0."""


def survey(source: Pixels, structure: Structure | None = None, *, content: Box | None = None) -> Scene:
    """Look at a picture (H, W, C).

    ``structure`` is what it is, where that was found out before something was added to it; ``content`` the box that it
    lies in, where a border was added.
    """
    structure = structure or examine(source)
    lab, alpha = _sketch(source)
    columns, rows = busyness(lab)
    own = content or _WHOLE
    written = _laid(structure.written, own, lab.shape)
    return Scene(
        width=source.shape[1],
        height=source.shape[0],
        structure=structure,
        attention=np.maximum(_noticed(lab, alpha, own), _READ * (written > _MAYBE)),
        busy_columns=columns,
        busy_rows=rows,
        content=_content(source) if content is None and structure.border else own,
        written=written,
    )


def extent(source: Pixels, structure: Structure, axis: int) -> float:
    """The share of the columns (axis 1) or rows (axis 0) of a picture that subject and words take up, above 0 to 1.

    It is next to nothing where there is no subject, but the same stuff all along.
    """
    lab, alpha = _sketch(source)
    words = (_laid(structure.written, _WHOLE, lab.shape) > _MAYBE).astype(np.float64)
    if not words.any() and is_alike(lab, axis):
        return _NEXT_TO_NOTHING
    return span(attention(lab, alpha), axis, words)


def _sketch(source: Pixels) -> tuple[Floats, Floats | None]:
    """A small OKLab picture (h, w, 3) of the source, and its alpha (h, w) if it has any."""
    sketch = shrink(source, _SKETCH_SIDE)
    return to_lab(opaque(sketch)), sketch[..., -1] if has_alpha(sketch) else None


def _noticed(lab: Floats, alpha: Floats | None, box: Box) -> Doubles:
    """Where the eye goes within a box; what lies outside it is ground."""
    noticed = np.zeros(lab.shape[:2])
    within = _cells(box, lab.shape[1], lab.shape[0])
    noticed[within] = attention(lab[within], None if alpha is None else alpha[within])
    return noticed


def _laid(places: Doubles, box: Box, shape: tuple[int, ...]) -> Doubles:
    """A map over a box of a picture, laid upon a map (h, w) of the whole."""
    laid = np.zeros(shape[:2])
    within = _cells(box, shape[1], shape[0])
    height, width = laid[within].shape
    down, across = (
        ((np.arange(n) + 0.5) / n * m).astype(np.intp) for n, m in zip((height, width), places.shape, strict=True)
    )
    laid[within] = places[np.ix_(down, across)]
    return laid


def _cells(box: Box, width: int, height: int) -> tuple[slice, slice]:
    """The rows and columns of a map, at least one of each, that a box takes up."""
    left, top = min(round(box[0] * width), width - 1), min(round(box[1] * height), height - 1)
    return slice(top, max(round(box[3] * height), top + 1)), slice(left, max(round(box[2] * width), left + 1))


def _content(source: Pixels) -> Box:
    """The box of what differs from the border."""
    height, width = source.shape[:2]
    if has_alpha(source) and int(source[0, 0, -1]) <= NOTHING:
        marked = source[..., -1] > NOTHING
    else:
        marked = np.abs(source.astype(np.int16) - source[0, 0].astype(np.int16)).max(2) > NOTHING
    columns, rows = np.flatnonzero(marked.any(0)), np.flatnonzero(marked.any(1))
    if not len(columns):
        return _WHOLE
    left, right = float(columns[0]) / width, float(columns[-1] + 1) / width
    return left, float(rows[0]) / height, right, float(rows[-1] + 1) / height
