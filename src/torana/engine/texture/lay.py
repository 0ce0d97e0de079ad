"""Texture laid at full size: each place takes that of another, under the light that was there before."""

import numpy as np

from torana.engine.kernel import kernel
from torana.engine.planes import Doubles, Floats
from torana.engine.texture.search import Places


@kernel
def _nodes(places: Places, at: tuple[int, int], scale: tuple[float, float], offsets: Places, weights: Doubles) -> bool:
    """Fill in the offsets, at full size, of the four places about a pixel, and their weights; tell if any moves."""
    height, width = places.shape[0], places.shape[1]
    v, u = (at[0] + 0.5) / scale[0] - 0.5, (at[1] + 0.5) / scale[1] - 0.5
    top, left = int(np.floor(v)), int(np.floor(u))
    moves = False
    for k in range(4):
        j, i = top + k // 2, left + k % 2
        weights[k] = (1.0 - abs(v - j)) * (1.0 - abs(u - i))
        j, i = min(max(j, 0), height - 1), min(max(i, 0), width - 1)
        offsets[k, 0] = offsets[k, 1] = 0
        if places[j, i, 0] >= 0 and (places[j, i, 0] != j or places[j, i, 1] != i):
            offsets[k, 0] = round((places[j, i, 0] - j) * scale[0])
            offsets[k, 1] = round((places[j, i, 1] - i) * scale[1])
            moves = True
    return moves


@kernel
def _merge(offsets: Places, weights: Doubles) -> float:
    """Add up the weights of equal offsets; the root of the sum of squares, which keeps the contrast of a blend."""
    squares = 0.0
    for k in range(4):
        for n in range(k):
            if offsets[n, 0] == offsets[k, 0] and offsets[n, 1] == offsets[k, 1]:
                weights[n] += weights[k]
                weights[k] = 0.0
                break
    for k in range(4):
        squares += weights[k] * weights[k]
    return float(np.sqrt(squares))


@kernel
def _blended(texture: Floats, at: tuple[int, int, int], offsets: Places, weights: Doubles) -> float:
    """The texture at a pixel (y, x) and channel as the four offsets bring it."""
    y, x, c = at
    total = 0.0
    for k in range(4):
        if weights[k] > 0.0:
            v = min(max(y + offsets[k, 0], 0), texture.shape[0] - 1)
            u = min(max(x + offsets[k, 1], 0), texture.shape[1] - 1)
            total += weights[k] * texture[v, u, c]
    return total


@kernel
def _lifted(lift: Floats, at: tuple[int, int, int], scale: tuple[float, float]) -> float:
    """What the four places about a pixel (y, x) add to a channel."""
    v, u = (at[0] + 0.5) / scale[0] - 0.5, (at[1] + 0.5) / scale[1] - 0.5
    top, left = int(np.floor(v)), int(np.floor(u))
    total = 0.0
    for k in range(4):
        j, i = top + k // 2, left + k % 2
        weight = (1.0 - abs(v - j)) * (1.0 - abs(u - i))
        total += weight * lift[min(max(j, 0), lift.shape[0] - 1), min(max(i, 0), lift.shape[1] - 1), at[2]]
    return total


@kernel
def lay(out: Floats, light: Floats, texture: Floats, places: Places, lift: Floats) -> None:
    """Put other places' texture (H, W', C) into ``out`` (H, W, C), over its own ``light`` (H, W, C).

    ``places`` (h, w, 2) names, in its own pixels, where each place takes it from, and ``lift`` (h, w, C) what is added
    to it; what takes from itself stays.
    """
    height, width, channels = out.shape
    scale = height / places.shape[0], width / places.shape[1]
    offsets, weights = np.zeros((4, 2), np.int32), np.zeros(4, np.float64)
    for y in range(height):
        for x in range(width):
            if not _nodes(places, (y, x), scale, offsets, weights):
                continue
            for c in range(channels):
                out[y, x, c] = light[y, x, c] + _lifted(lift, (y, x, c), scale)
            norm = _merge(offsets, weights)
            for c in range(channels):
                blended = out[y, x, c] + _blended(texture, (y, x, c), offsets, weights) / norm
                out[y, x, c] = min(max(blended, 0.0), 1.0)
