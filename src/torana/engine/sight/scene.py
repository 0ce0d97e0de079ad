"""What is seen in a source before anything is decided: its kind, where the eye goes, what bears stretching."""

from dataclasses import dataclass

import numpy as np

from torana.engine.colour import to_lab
from torana.engine.planes import Doubles, Pixels, has_alpha, opaque
from torana.engine.resample import shrink
from torana.engine.sight.saliency import attention, busyness
from torana.engine.sight.structure import NOTHING, Structure, examine

_SKETCH_SIDE = 72

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, as fractions of a picture."""


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


def survey(source: Pixels, structure: Structure | None = None, *, content: Box | None = None) -> Scene:
    """Look at a picture (H, W, C).

    ``structure`` is what it is, where that was found out before something was added to it; ``content`` the box that it
    lies in, where a border was added.
    """
    structure = structure or examine(source)
    sketch = shrink(source, _SKETCH_SIDE)
    alpha = sketch[..., -1] if has_alpha(sketch) else None
    lab = to_lab(opaque(sketch))
    columns, rows = busyness(lab)
    if content is None and structure.border:
        content = _content(source)
    return Scene(
        width=source.shape[1],
        height=source.shape[0],
        structure=structure,
        attention=attention(lab, alpha),
        busy_columns=columns,
        busy_rows=rows,
        content=content or (0.0, 0.0, 1.0, 1.0),
    )


def _content(source: Pixels) -> Box:
    """The box of what differs from the border."""
    height, width = source.shape[:2]
    if has_alpha(source) and int(source[0, 0, -1]) <= NOTHING:
        marked = source[..., -1] > NOTHING
    else:
        marked = np.abs(source.astype(np.int16) - source[0, 0].astype(np.int16)).max(2) > NOTHING
    columns, rows = np.flatnonzero(marked.any(0)), np.flatnonzero(marked.any(1))
    if not len(columns):
        return 0.0, 0.0, 1.0, 1.0
    left, right = float(columns[0]) / width, float(columns[-1] + 1) / width
    return left, float(rows[0]) / height, right, float(rows[-1] + 1) / height
