"""Tiny pictures drawn larger: doubled again and again, and the soft edges that doubling leaves pulled tight."""

import numpy as np

from torana.engine.kernel import kernel
from torana.engine.planes import Floats, Pixels, has_alpha
from torana.engine.resample import View, render

_STEEP = 0.7
"""How far a pixel goes, at most, towards the darker or lighter side of its edge."""
_FLAT = 1e-4
_BELL = np.exp(-0.5 * np.add.outer(np.arange(-2, 3) ** 2, np.arange(-2, 3) ** 2))
"""How much the pixels about a pixel count towards the direction of its edge."""
_KEEN = 24.0
"""How soon a bend in brightness counts as the side of an edge."""


def enlarged(source: Pixels, longest: int) -> Pixels:
    """The picture, its sides doubled until the longer is at least ``longest``.

    The first doubling stays soft: what is drawn tight among the few pixels there are comes out with corners. Each
    further one is tightened once more than the last.
    """
    times = 0
    while max(source.shape[:2]) < longest:
        source = _doubled(source, times)
        times += 1
    return source


def _doubled(source: Pixels, times: int) -> Pixels:
    """Twice as wide and high, its edges tightened so many times."""
    height, width, channels = source.shape
    along = np.array([0.0, 1.0])
    view = View(np.diag([0.5 / width, 0.5 / height, 1.0]), along * width, along * height)
    plane = render(source, view, size=(2 * width, 2 * height))
    for _ in range(times):
        tight = np.empty_like(plane)
        _tighten(plane, plane.mean(2, dtype=np.float32), tight)
        plane = tight
    if has_alpha(source):
        plane[..., : channels - 1] /= np.maximum(plane[..., channels - 1 :], np.float32(1e-3))
    doubled: Pixels = np.round(np.clip(plane, 0.0, 1.0) * 255.0).astype(np.uint8)
    return doubled


@kernel
def _slope(light: Floats, y: int, x: int) -> tuple[float, float]:
    """The direction, down and across, of length 1, in which a plane rises most about a pixel; 0 if it is flat."""
    down = across = 0.0
    for j in range(-2, 3):
        for i in range(-2, 3):
            row, column = min(max(y + j, 0), light.shape[0] - 1), min(max(x + i, 0), light.shape[1] - 1)
            weight = light[row, column] * _BELL[j + 2, i + 2]
            down, across = down + j * weight, across + i * weight
    length = np.hypot(down, across)
    return (down / length, across / length) if length > _FLAT else (0.0, 0.0)


@kernel
def _between(plane: Floats, y: float, x: float, c: int) -> float:
    """A channel at a broken place: linear between the four pixels about it."""
    top, left = int(np.floor(y)), int(np.floor(x))
    value = 0.0
    for j in range(2):
        for i in range(2):
            row, column = min(max(top + j, 0), plane.shape[0] - 1), min(max(left + i, 0), plane.shape[1] - 1)
            value += plane[row, column, c] * (1.0 - abs(y - top - j)) * (1.0 - abs(x - left - i))
    return value


@kernel
def _tighten(plane: Floats, light: Floats, out: Floats) -> None:
    """Move each pixel towards what lies before it or behind it across its edge, whichever side it belongs to.

    ``light`` (H, W) is how bright the pixels are.
    """
    channels = plane.shape[2]
    for y in range(plane.shape[0]):
        for x in range(plane.shape[1]):
            down, across = _slope(light, y, x)
            bend = 0.0
            for c in range(channels):
                both = _between(plane, y + down, x + across, c) + _between(plane, y - down, x - across, c)
                bend += (both / 2.0 - plane[y, x, c]) / channels
            # What lies above the middle between its two sides bends down, and belongs to the lighter of them.
            way = -1.0 if bend > 0.0 else 1.0
            pull = min(abs(bend) * _KEEN, 1.0) * _STEEP
            for c in range(channels):
                side = _between(plane, y + way * down, x + way * across, c)
                out[y, x, c] = plane[y, x, c] + (side - plane[y, x, c]) * pull
