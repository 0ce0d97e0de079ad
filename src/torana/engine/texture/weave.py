"""The texture of open places replaced by that of others like them, under the light that lay there before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torana.engine.colour import to_lab
from torana.engine.planes import Doubles, Floats, has_alpha, luminance, opaque
from torana.engine.sight.saliency import blurred
from torana.engine.texture.lay import lay
from torana.engine.texture.seams import joined
from torana.engine.texture.search import Stuff, pieces
from torana.engine.texture.weld import lifts
from torana.engine.texture.zones import CELLS, rims, zones

_SEEN, _FINE = 256, 128
"""Longer sides, in pixels, of the pictures in which texture is looked at, and pieces are sought."""
_SPACING = 0.1
"""How far apart pieces lie, as a share of the longer side."""
_BARRED = 0.12
"""How far away a place must be taken from, as a share of the longer side."""
_LIGHT = 0.045
"""Standard deviation, as a share of the longer side, of the blur that tells light from texture."""
_LIKENESS = 0.5
"""How much light and colour count against texture when a place is sought."""
_LEAST = 96
"""Pixels of a side below which there is no texture to speak of."""
_LEAST_OPEN = 0.004
"""Share of the picture below which making it up anew is not worth while."""
_CLEAR_OF_RIMS = 3
"""How many pixels, of the picture in which pieces are sought, they keep away from the edges of things."""
_OPEN = 0.5


@dataclass(frozen=True, slots=True)
class _Offer:
    """A picture, and where in it there is texture to be had; all but itself as large as pieces are sought in."""

    tile: Floats
    small: Floats
    light: Floats
    free: Floats
    sorts: Floats


def woven(
    tiles: Sequence[Floats], attention: Doubles, *, share: float, seed: int, cancelled: Callable[[], None]
) -> Floats:
    """The first of the tiles (H, W, C), premultiplied, with a share of its free texture made up anew.

    Texture comes from elsewhere in that picture and from the further tiles, of the same shape. ``attention`` is a map
    (h, w) over it of what must stay. ``cancelled`` is called between the steps. The same seed gives the same picture.
    """
    picture = tiles[0]
    if share <= 0.0 or min(picture.shape[:2]) < _LEAST:
        return picture
    own = _offer(picture, attention)
    chosen = _chosen(own.free, share, seed)
    if chosen.mean() < _LEAST_OPEN:
        return picture
    cancelled()
    offers = [own, *(_offer(tile, np.zeros(attention.shape)) for tile in tiles[1:])]
    stuff = _stuff(offers, chosen)
    spacing = round(_SPACING * max(chosen.shape))
    found = pieces(stuff, spacing, seed)
    cancelled()
    places = joined(stuff, found, spacing)
    lift = lifts(_side_by_side([offer.small - offer.light for offer in offers]), places)
    cancelled()
    lights = [_resized(offer.light, picture.shape) for offer in offers]
    texture = _side_by_side([offer.tile - light for offer, light in zip(offers, lights, strict=True)])
    out = picture.copy()
    lay(out, lights[0], texture, places, lift)
    if has_alpha(picture):
        out[..., -1] = picture[..., -1]
    return out


def _offer(tile: Floats, attention: Doubles) -> _Offer:
    """What a picture has to offer."""
    seen = _reduced(tile, _SEEN)
    small = _reduced(tile, _FINE)
    shape = small.shape[:2]
    by_cell, sorts = zones(to_lab(opaque(seen)), _resized(attention[..., None], _cells(tile.shape))[..., 0])
    free = _resized(by_cell[..., None], shape)[..., 0]
    if by_cell.any():
        free = free * (np.float32(1.0) - _most_about(rims(luminance(small)), _CLEAR_OF_RIMS))
    if has_alpha(tile):
        free = free * (small[..., -1] > 1.0 - 1e-3)
    return _Offer(tile, small, _light(small, free), free, _resized(sorts, shape))


def _cells(shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width of a zone map."""
    scale = CELLS / max(shape[:2])
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def _most_about(plane: Doubles, reach: int) -> Floats:
    """The most within a square about each pixel."""
    most: Floats = np.pad(plane.astype(np.float32), reach)
    for axis in (0, 1):
        most = np.lib.stride_tricks.sliding_window_view(most, 2 * reach + 1, axis=axis).max(-1)
    return most


def _side_by_side(planes: Sequence[Floats]) -> Floats:
    """Planes (h, w, C) as one, each to the right of the one before."""
    return np.ascontiguousarray(np.concatenate(planes, axis=1), np.float32) if len(planes) > 1 else planes[0]


def _reduced(picture: Floats, longest: int) -> Floats:
    """The picture averaged by a whole factor to about ``longest`` pixels."""
    factor = max(1, round(max(picture.shape[:2]) / longest))
    height, width = picture.shape[0] // factor, picture.shape[1] // factor
    blocks = picture[: height * factor, : width * factor].reshape(height, factor, width, factor, -1)
    reduced: Floats = blocks.mean((1, 3), dtype=np.float32)
    return reduced


def _resized(plane: Floats | Doubles, shape: tuple[int, ...]) -> Floats:
    """A plane (h, w, C) at another size, linearly between its pixels."""
    resized: Floats = plane.astype(np.float32, copy=False)
    for axis in (0, 1):
        count = resized.shape[axis]
        place = np.clip((np.arange(shape[axis]) + 0.5) * count / shape[axis] - 0.5, 0.0, count - 1.0)
        first = np.minimum(place.astype(np.intp), max(count - 2, 0))
        rest = (place - first).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        after = np.minimum(first + 1, count - 1)
        resized = resized.take(first, axis) * (np.float32(1.0) - rest) + resized.take(after, axis) * rest
    return resized


def _chosen(free: Floats, share: float, seed: int) -> NDArray[np.bool_]:
    """The part of what is free that is made up anew this time: a share of it, in a few large pieces."""
    noise = blurred(np.random.default_rng([seed, 3]).standard_normal((CELLS, CELLS)), 0.1 * CELLS)
    field = _resized(noise[..., None], free.shape)[..., 0]
    open_ = free > _OPEN
    bound = np.quantile(field[open_], share) if open_.any() else 0.0
    chosen: NDArray[np.bool_] = open_ & (field <= bound)
    return chosen


def _light(small: Floats, free: Floats) -> Floats:
    """Light and colour without texture; of what is free alone, so that nothing beside it sheds a halo."""
    radius = _LIGHT * max(small.shape[:2])
    weight = np.maximum(free, 1e-4).astype(np.float64)
    total = blurred(weight, radius)
    planes = [blurred(small[..., c] * weight, radius) / total for c in range(small.shape[2])]
    light: Floats = np.stack(planes, axis=2).astype(np.float32)
    return light


def _within(free: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What is free but for the picture's outermost pixels, beyond which another picture may lie."""
    within = np.zeros_like(free)
    within[1:-1, 1:-1] = free[1:-1, 1:-1]
    return within


def _stuff(offers: Sequence[_Offer], chosen: NDArray[np.bool_]) -> Stuff:
    """What may be exchanged; further pictures to the right of the first, in its light on an average."""
    own = offers[0]
    level = own.light.mean((0, 1))
    planes = [o.small - o.light + _LIKENESS * (o.light - o.light.mean((0, 1)) + level) for o in offers]
    spread = np.sqrt(2.0 * planes[0][own.free > _OPEN].var(0).sum()) + 1e-6
    return Stuff(
        plane=(_side_by_side(planes) / spread).astype(np.float32),
        sorts=_side_by_side([offer.sorts for offer in offers]),
        open=chosen.astype(np.uint8),
        usable=np.concatenate([_within(offer.free > _OPEN) for offer in offers], axis=1).astype(np.uint8),
        barred=_BARRED * max(chosen.shape),
    )
