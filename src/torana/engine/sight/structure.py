"""What sort of picture it is, and so what may be done to it."""

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from torana.engine.planes import Doubles, Floats, Pixels, has_alpha, has_colour, luminance
from torana.engine.resample import shrink
from torana.engine.sight.ink import contrast
from torana.engine.sight.lettering import MAP, marks, words
from torana.engine.sight.pen import is_penned

_WORD, _PAGE = 5, 40
"""How many letters make a picture lettered, and how many make it a page."""
_MARKED, _CROWDED = 30, 180.0
"""Marks, and marks per million pixels, from which on they may be emblems. Measured: gravel shows 26 and 99, a temple 7,
a cup 16, a badged suit 56 and 214."""
_SOME = 10
"""Marks that make a crowd at least."""
_MAYBE = 0.5
"""How much of writing there may be where there are marks."""
_PRINT = (900, 450, 225)
"""Longer sides, in pixels, at which writing is looked for."""
_TINY = 160
_SPRITE_COLOURS = 64
_LEAST = 8
"""Pixels a side below which nothing can be told of a picture's edges."""
_FLAT, _PARTLY_FLAT, _CLEAN = 0.8, 0.3, 0.05
"""Measured: photographs stay below 0.6 flat and 0.02 clean, charts and logos lie above 0.5 and 0.1."""
_STRONG = 48
"""Levels that an edge rises over three pixels."""
_ROUNDING = 2
"""Levels that one and the same colour may differ by; more, and a border carried on outwards shows streaks."""
NOTHING = 8
"""Levels of alpha, or of difference from a border, up to which there is nothing to be seen."""


class Kind(Enum):
    """How a picture came about."""

    PHOTO = "photo"
    WRITING = "writing"
    """A photograph of a page, a sign, a board."""
    DRAWING = "drawing"
    """Flat colours with clean edges: logos, charts, screens."""
    PIXELS = "pixels"
    """Few colours on a coarse grid, each pixel meant."""


@dataclass(frozen=True, slots=True)
class Structure:
    """What must be respected in a picture."""

    kind: Kind
    lettered: bool
    """Likely holds writing somewhere, so that a mirror image would show."""
    upright: float
    """Share of its edges that run level or upright, 0..1: buildings and horizons that show every tilt."""
    border: bool
    """Ringed by one flat colour (or by nothing), which may be carried on outwards without a seam."""
    grey: bool
    """Without any colour."""
    marked: bool = False
    """Holds much that might be a badge, a flag or handwriting, so that a mirror image might show."""
    written: Doubles = field(default_factory=lambda: np.zeros((MAP, MAP)), compare=False)
    """Map (36, 36) over the picture: 1 where letters stand in words, one half where there are marks like letters."""


def examine(source: Pixels) -> Structure:
    """What the picture (H, W, C) is."""
    sizes = [contrast(luminance(shrink(source, longest))) for longest in _PRINT]
    # Small print and headlines: whichever size shows the most.
    found = [words(seen) for seen in sizes]
    counted = max(count for count, _ in found)
    marked, emblems = marks(sizes[0])
    # What hangs together at one size is a wall or a tree.
    penned = all(map(is_penned, sizes[:2]))
    flat, clean = _flatness(source)
    kind = Kind.PHOTO
    if _is_pixel_art(source):
        kind = Kind.PIXELS
    elif _is_icon(source) or flat > _FLAT or (flat > _PARTLY_FLAT and clean > _CLEAN):
        kind = Kind.DRAWING
    elif counted >= _PAGE or penned:
        kind = Kind.WRITING
    return Structure(
        kind=kind,
        lettered=counted >= _WORD or kind is not Kind.PHOTO,
        upright=_uprightness(luminance(shrink(source, 300))),
        border=_has_flat_border(source),
        grey=_is_grey(source),
        marked=marked >= _MARKED or (marked >= _SOME and marked > _CROWDED * 1e-6 * sizes[0].grey.size),
        written=np.max([_MAYBE * emblems, *(places for count, places in found if count >= _WORD)], axis=0),
    )


def _flatness(source: Pixels) -> tuple[float, float]:
    """Share of neighbours that are exactly alike, and share of strong edges that rise cleanly between flat sides."""
    both = [_flatness_across(view) for view in (source, source.transpose(1, 0, 2))]
    flat, clean = np.mean(both, axis=0)
    return float(flat), float(clean)


def _flatness_across(source: Pixels) -> tuple[float, float]:
    """As ``_flatness``, along rows alone, of which a few hundred are enough."""
    rows = source[:: max(1, source.shape[0] // 300)].astype(np.int16)
    if rows.shape[1] <= _LEAST:
        return 0.0, 0.0
    steps = _largest(np.diff(rows, axis=1))
    rise = _largest(rows[:, 5:-2] - rows[:, 2:-5])
    still = steps <= 1
    count = rise.shape[1]
    before, after = still[:, :count] & still[:, 1 : count + 1], still[:, 5 : count + 5] & still[:, 6 : count + 6]
    strong = rise >= _STRONG
    clean = (strong & before[:, : strong.shape[1]] & after).sum() / max(1, int(strong.sum()))
    return float((steps == 0).mean()), float(clean)


def _largest(steps: NDArray[np.int16]) -> NDArray[np.int16]:
    """The largest step (H, W) of any channel (H, W, C); channel by channel, which is much the fastest."""
    largest = np.abs(steps[..., 0])
    for c in range(1, steps.shape[2]):
        np.maximum(largest, np.abs(steps[..., c]), out=largest)
    return largest


def _is_pixel_art(source: Pixels) -> bool:
    """Small, and of few exact colours."""
    height, width, channels = source.shape
    if max(height, width) > _TINY or min(height, width) < _LEAST:
        return False
    colours = np.unique(source.reshape(-1, channels), axis=0)
    return bool(1 < len(colours) <= min(_SPRITE_COLOURS, height * width // 8))


def _is_icon(source: Pixels) -> bool:
    """Tiny, in colour, and of far fewer colours than pixels."""
    height, width, channels = source.shape
    if max(height, width) > _TINY or not has_colour(source):
        return False
    return bool(3 * len(np.unique(source.reshape(-1, channels), axis=0)) <= height * width)


def _uprightness(grey: Floats) -> float:
    """Share of the gradient's energy within five degrees of level or upright, past what chance gives."""
    if min(grey.shape) < _LEAST:
        return 0.0
    across, down = grey[1:-1, 2:] - grey[1:-1, :-2], grey[2:, 1:-1] - grey[:-2, 1:-1]
    across, down = across.astype(np.float64), down.astype(np.float64)
    energy = across**2 + down**2
    least, most = np.minimum(np.abs(across), np.abs(down)), np.maximum(np.abs(across), np.abs(down))
    share = energy[least < 0.0875 * most].sum() / max(float(energy.sum()), 1e-9)
    return float(np.clip((share - 0.2) / 0.5, 0.0, 1.0))


def _has_flat_border(source: Pixels) -> bool:
    """Whether the outermost pixels are all but alike."""
    rim = np.concatenate([source[0], source[-1], source[:, 0], source[:, -1]]).astype(np.int16)
    if has_alpha(source) and rim[:, -1].max() <= NOTHING:
        return True
    return bool(np.ptp(rim, axis=0).max() <= _ROUNDING)


def _is_grey(source: Pixels) -> bool:
    """Whether red, green and blue never differ by more than a rounding."""
    if not has_colour(source):
        return True
    thin = source[:: max(1, source.shape[0] // 256), :: max(1, source.shape[1] // 256), :3].astype(np.int16)
    return bool(np.ptp(thin, axis=2).max() <= _ROUNDING)
