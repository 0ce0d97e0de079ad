"""What is left of the steps between pieces, evened out: how much each place is to be lifted so that none shows."""

import numpy as np

from torana.engine.kernel import kernel
from torana.engine.planes import Floats
from torana.engine.texture.search import Places

_ROUNDS = 24
_HASTE = 1.6
"""How far each round goes past what it finds, which makes fewer of them enough."""
_HOLD = 0.02
"""How much a lift costs against a step: its reach in pixels is about the root of one over it."""


def lifts(texture: Floats, places: Places) -> Floats:
    """What to add to the texture (h, w', C) that each place takes, (h, w, C): smooth within pieces, a step at seams.

    ``places`` (h, w, 2) says where in ``texture`` each takes it from. What takes from itself is not lifted.
    """
    out = np.zeros((*places.shape[:2], texture.shape[2]), np.float32)
    for turn in range(_ROUNDS):
        _even(texture, places, out, turn % 2)
    return out


@kernel
def _step(texture: Floats, places: Places, here: tuple[int, int], there: tuple[int, int], c: int) -> float:
    """By how much, in a channel, what is taken here lies above what is taken at a neighbour, were both at one place."""
    dy, dx = there[0] - here[0], there[1] - here[1]
    v, u = places[here[0], here[1], 0], places[here[0], here[1], 1]
    j, i = places[there[0], there[1], 0], places[there[0], there[1], 1]
    bottom, right = texture.shape[0] - 1, texture.shape[1] - 1
    carried = texture[min(max(v + dy, 0), bottom), min(max(u + dx, 0), right), c]
    back = texture[min(max(j - dy, 0), bottom), min(max(i - dx, 0), right), c]
    return float((texture[v, u, c] - back + carried - texture[j, i, c]) / 2.0)


@kernel
def _evened(texture: Floats, places: Places, out: Floats, at: tuple[int, int, int]) -> float:
    """The lift of a pixel (y, x) and channel that suits its four neighbours best."""
    y, x, c = at
    total, count = 0.0, 0
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        j, i = y + dy, x + dx
        if j < 0 or i < 0 or j >= places.shape[0] or i >= places.shape[1]:
            continue
        count += 1
        total += out[j, i, c]
        if places[j, i, 0] - dy != places[y, x, 0] or places[j, i, 1] - dx != places[y, x, 1]:
            total -= _step(texture, places, (y, x), (j, i), c)
    return total / (count + _HOLD)


@kernel
def _even(texture: Floats, places: Places, out: Floats, backwards: int) -> None:
    """Let each pixel that takes from elsewhere find its lift, once."""
    height, width = places.shape[0], places.shape[1]
    for n in range(height * width):
        m = height * width - 1 - n if backwards else n
        y, x = m // width, m % width
        if places[y, x, 0] == y and places[y, x, 1] == x:
            continue
        for c in range(texture.shape[2]):
            out[y, x, c] += _HASTE * (_evened(texture, places, out, (y, x, c)) - out[y, x, c])
