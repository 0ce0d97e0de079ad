"""Tiny pictures drawn larger: doubled again and again, the soft edges that doubling leaves pulled tight each time."""

import numpy as np

from torana.engine.kernel import kernel
from torana.engine.planes import Floats, Pixels, has_alpha
from torana.engine.resample import View, render

_STEEP = 0.5
"""How far a pixel goes, at most, towards the darker or lighter side of its edge."""
_KEEN = 12.0
"""How soon a bend in brightness counts as the side of an edge."""


def enlarged(source: Pixels, longest: int) -> Pixels:
    """The picture, its sides doubled until the longer is at least ``longest``."""
    while max(source.shape[:2]) < longest:
        source = _doubled(source)
    return source


def _doubled(source: Pixels) -> Pixels:
    """Twice as wide and high, with edges as narrow as before in pixels."""
    height, width, channels = source.shape
    along = np.array([0.0, 1.0])
    view = View(np.diag([0.5 / width, 0.5 / height, 1.0]), along * width, along * height)
    plane = render(source, view, size=(2 * width, 2 * height))
    tight = np.empty_like(plane)
    _tighten(plane, tight, _STEEP)
    if has_alpha(source):
        tight[..., : channels - 1] /= np.maximum(tight[..., channels - 1 :], np.float32(1e-3))
    doubled: Pixels = np.round(np.clip(tight, 0.0, 1.0) * 255.0).astype(np.uint8)
    return doubled


@kernel
def _brightness(pixel: Floats) -> float:
    """One number that stands for a pixel: the mean of its channels."""
    total = 0.0
    for c in range(pixel.shape[0]):
        total += pixel[c]
    return float(total / pixel.shape[0])


@kernel
def _about(plane: Floats, y: int, x: int) -> tuple[float, tuple[int, int], tuple[int, int]]:
    """Mean brightness of a pixel and its eight neighbours, and which of them are the darkest and the lightest."""
    least = most = _brightness(plane[y, x])
    mean, low, high = 0.0, (y, x), (y, x)
    for k in range(9):
        j, i = min(max(y + k // 3 - 1, 0), plane.shape[0] - 1), min(max(x + k % 3 - 1, 0), plane.shape[1] - 1)
        there = _brightness(plane[j, i])
        mean += there / 9.0
        if there < least:
            least, low = there, (j, i)
        if there > most:
            most, high = there, (j, i)
    return mean, low, high


@kernel
def _tighten(plane: Floats, out: Floats, steep: float) -> None:
    """Move each pixel towards its darkest or lightest neighbour, whichever side of the edge it lies on."""
    for y in range(plane.shape[0]):
        for x in range(plane.shape[1]):
            here = _brightness(plane[y, x])
            mean, low, high = _about(plane, y, x)
            j, i = high if mean < here else low
            pull = min(abs(mean - here) * _KEEN, 1.0) * steep
            for c in range(plane.shape[2]):
                out[y, x, c] = plane[y, x, c] + (plane[j, i, c] - plane[y, x, c]) * pull
