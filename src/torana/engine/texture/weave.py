"""The texture of open places replaced by that of others like them, under the light that lay there before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from torana.engine.kernel import kernel
from torana.engine.planes import Doubles, Floats, has_alpha, opaque
from torana.engine.sight.saliency import blurred
from torana.engine.texture.search import Places, Stuff, searched
from torana.engine.texture.zones import CELLS, zones

_FINE, _COARSE = 120, 48
"""Longer sides, in pixels, of the pictures that are searched."""
_LIGHT = 0.045
"""Standard deviation, as a share of the longer side, of the blur that tells light from texture."""
_LIKENESS = 0.5
"""How much light and colour count against texture when a place is sought."""
_BARRED = 0.13
"""How far away a place must be taken from, as a share of the longer side."""
_LEAST = 96
"""Pixels of a side below which there is no texture to speak of."""
_MUCH = 0.2
"""Share of a picture that must be free: smaller patches, as on an animal's cheek, are part of something."""
_PATCH = 7
_LEAST_OPEN = 0.01
_COARSER = 1.7
"""How many times rougher or smoother another source's texture may be and still pass for this one's."""
_OPEN = 0.5


@dataclass(frozen=True, slots=True)
class _Offer:
    """A picture, and where in it there is texture to be had."""

    tile: Floats
    small: Floats
    free: Doubles

    def lends_to(self, first: "_Offer") -> bool:
        """Whether its texture passes for the first picture's: there is enough of it, and it is about as rough."""
        roughness = [float((offer.small - _light(offer.small)).std()) + 1e-3 for offer in (self, first)]
        return bool(self.free.any()) and max(roughness) < _COARSER * min(roughness)


def woven(
    tiles: Sequence[Floats], attention: Doubles, *, share: float, seed: int, cancelled: Callable[[], None]
) -> Floats:
    """The first of the tiles (H, W, C), premultiplied, with a share of its free texture made up anew.

    Texture comes from elsewhere in that picture and from the further tiles, of the same shape. ``attention`` is a map
    (h, w) over it of what must stay. ``cancelled`` is called between the steps. The same seed gives the same picture.
    """
    picture = tiles[0]
    height, width = picture.shape[:2]
    if share <= 0.0 or min(height, width) < _LEAST:
        return picture
    offers = [_offer(picture, attention)]
    chosen = _chosen(offers[0].free, share, seed)
    if has_alpha(picture):
        chosen *= _resized(_reduced(picture[..., -1:], _FINE), chosen.shape)[..., 0] > 1.0 - 1e-3
    if chosen.mean() < _LEAST_OPEN:
        return picture
    cancelled()
    others = [_offer(tile, np.zeros(attention.shape)) for tile in tiles[1:]]
    offers += [other for other in others if other.lends_to(offers[0])]
    levels = [_stuff(offers, chosen, _side(height, width, longest)) for longest in (_COARSE, _FINE)]
    places = searched(levels, seed, cancelled)
    cancelled()
    return _laid([offer.tile for offer in offers], places, chosen)


def _offer(tile: Floats, attention: Doubles) -> _Offer:
    """What a picture has to offer; nothing is free where there is too little."""
    small = _reduced(opaque(tile), _FINE)
    cells = _cells(tile.shape)
    sketch = _resized(small, (4 * cells[0], 4 * cells[1]))
    free = zones(sketch, _resized(attention[..., None], cells)[..., 0])
    return _Offer(tile, small, free if (free > _OPEN).mean() >= _MUCH else np.zeros(cells))


def _cells(shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width of a zone map."""
    return _side(shape[0], shape[1], CELLS)


def _side(height: int, width: int, longest: int) -> tuple[int, int]:
    """Height and width at a given length of the longer; the shorter holds a patch."""
    scale = longest / max(height, width)
    return max(_PATCH, round(height * scale)), max(_PATCH, round(width * scale))


def _reduced(picture: Floats, longest: int) -> Floats:
    """The picture averaged by a whole factor to about ``longest`` pixels."""
    factor = max(1, max(picture.shape[:2]) // longest)
    height, width = picture.shape[0] // factor, picture.shape[1] // factor
    blocks = picture[: height * factor, : width * factor].reshape(height, factor, width, factor, -1)
    reduced: Floats = blocks.mean((1, 3), dtype=np.float32)
    return reduced


def _resized(plane: Floats | Doubles, shape: tuple[int, ...]) -> Floats:
    """A plane (h, w, C) at another size, linearly between its pixels."""
    for axis in (0, 1):
        count = plane.shape[axis]
        place = np.clip((np.arange(shape[axis]) + 0.5) * count / shape[axis] - 0.5, 0.0, count - 1.0)
        first = np.minimum(place.astype(np.intp), max(count - 2, 0))
        rest = (place - first).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        after = np.minimum(first + 1, count - 1)
        plane = plane.take(first, axis) * (1.0 - rest) + plane.take(after, axis) * rest
    resized: Floats = plane.astype(np.float32)
    return resized


def _chosen(free: Doubles, share: float, seed: int) -> Doubles:
    """The part of what is free that is made up anew this time: a share of it, in a few large pieces."""
    noise = blurred(np.random.default_rng([seed, 3]).standard_normal(free.shape), 0.12 * max(free.shape))
    open_ = free > _OPEN
    if not open_.any():
        return np.zeros_like(free)
    bound = np.quantile(noise[open_], share)
    return np.where(open_ & (noise <= bound), 1.0, 0.0)


def _light(picture: Floats) -> Floats:
    """Light and colour without texture, small."""
    plane = picture.astype(np.float64)
    radius = _LIGHT * max(plane.shape[:2])
    light: Floats = np.stack([blurred(plane[..., c], radius) for c in range(plane.shape[2])], axis=2).astype(np.float32)
    return light


def _stuff(offers: Sequence[_Offer], chosen: Doubles, side: tuple[int, int]) -> Stuff:
    """What may be exchanged, at one size; further pictures to the right of the first, in its light on an average."""
    planes: list[Floats] = []
    for offer in offers:
        plane = _resized(offer.small, side)
        light = _light(plane)
        toned = light - light.mean((0, 1)) + offers[0].small.mean((0, 1))
        planes.append(plane - light + np.float32(_LIKENESS) * toned)
    open_ = _resized(chosen[..., None], side)[..., 0] > _OPEN
    usable = [_resized(offer.free[..., None], side)[..., 0] > _OPEN / 2.0 for offer in offers]
    plane = np.ascontiguousarray(np.concatenate(planes, axis=1), np.float32)
    barred = _BARRED * max(side)
    return Stuff(plane, open_.astype(np.uint8), np.concatenate(usable, axis=1).astype(np.uint8), barred)


def _laid(tiles: Sequence[Floats], places: Places, chosen: Doubles) -> Floats:
    """The picture at full size, its texture taken from the places found."""
    height, width = tiles[0].shape[:2]
    textures = []
    for tile in tiles:
        light = _resized(_light(_reduced(tile, _FINE)), (height, width))
        textures.append(tile - light)
        if len(textures) == 1:
            own = light
    mask = np.clip(2.0 * blurred(chosen, 0.8) - 0.6, 0.0, 1.0)
    out = tiles[0].copy()
    texture = np.concatenate(textures, axis=1) if len(textures) > 1 else textures[0]
    _lay(out, own, texture, places, _resized(mask[..., None], (height, width))[..., 0])
    return out


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
def _nodes(places: Places, at: tuple[int, int], scale: tuple[float, float], offsets: Places, weights: Doubles) -> None:
    """Fill in the offsets, in full-size pixels, of the four places about a pixel, and their weights."""
    height, width = places.shape[0], places.shape[1]
    v, u = (at[0] + 0.5) / scale[0] - 0.5, (at[1] + 0.5) / scale[1] - 0.5
    top, left = int(np.floor(v)), int(np.floor(u))
    for k in range(4):
        j, i = top + k // 2, left + k % 2
        weights[k] = (1.0 - abs(v - j)) * (1.0 - abs(u - i))
        j, i = min(max(j, 0), height - 1), min(max(i, 0), width - 1)
        offsets[k, 0] = offsets[k, 1] = 0
        if places[j, i, 0] >= 0:
            offsets[k, 0] = round((places[j, i, 0] - j) * scale[0])
            offsets[k, 1] = round((places[j, i, 1] - i) * scale[1])


@kernel
def _blended(texture: Floats, at: tuple[int, int, int], offsets: Places, weights: Doubles) -> float:
    """The texture at a pixel (y, x) and channel as the four offsets bring it."""
    y, x, c = at
    total = 0.0
    for k in range(4):
        v = min(max(y + offsets[k, 0], 0), texture.shape[0] - 1)
        u = min(max(x + offsets[k, 1], 0), texture.shape[1] - 1)
        total += weights[k] * texture[v, u, c]
    return total


@kernel
def _lay(out: Floats, light: Floats, texture: Floats, places: Places, mask: Floats) -> None:
    """Blend the light and the texture found for it into ``out`` as far as ``mask`` says."""
    height, width, channels = out.shape
    scale = height / places.shape[0], width / places.shape[1]
    offsets, weights = np.zeros((4, 2), np.int32), np.zeros(4, np.float64)
    for y in range(height):
        for x in range(width):
            if mask[y, x] <= 0.0:
                continue
            _nodes(places, (y, x), scale, offsets, weights)
            norm = _merge(offsets, weights)
            for c in range(channels):
                new = min(max(light[y, x, c] + _blended(texture, (y, x, c), offsets, weights) / norm, 0.0), 1.0)
                out[y, x, c] += (new - out[y, x, c]) * mask[y, x]
