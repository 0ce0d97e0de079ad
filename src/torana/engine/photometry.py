"""Light and colour: one pass over the rendered picture, from float planes to the bytes that leave."""

import math
from dataclasses import dataclass

import numpy as np

from torana.engine.colour import encoded, lab_of, light_of, linear, to_lab
from torana.engine.kernel import kernel
from torana.engine.planes import Doubles, Floats, Pixels, has_alpha, opaque

_TABLE_TOP = 1.5
"""Light may lift L beyond 1; the tone table rolls it back from up to here."""
_TABLE_STEPS = 384
_KNEE = 0.75
"""The tone above which highlights are rolled back."""
_HAIR = 1e-4
"""How far light may lie beyond what a screen shows before it is brought back."""
_SKETCH = 64
"""Pixels along each side that are looked at to learn a picture's own tones."""
_SEEN = 0.5
"""Alpha from which a pixel counts there."""
_SWAY = 0.9
"""How far brightness moves the middle tone, as a factor of what a tone of one half leaves room for."""
_MIDDLES, _DARKS = (0.15, 0.88), (0.02, 0.6)
"""Bounds of a middle tone; and of a dark one, of which the upper is a share of the middle."""
_STEEPEST, _FLATTEST = 1.9, 0.8
"""Bounds of the slope at the middle tone."""
_RICHER = 0.8, 0.5
"""How far chroma follows a tone that is made brighter, and one that is made darker: 1 keeps saturation as it was."""
_PALE = 0.02
"""The square of a chroma at which vibrance is half of what it is near grey."""
_OWN = 0.05
"""The square of a chroma over lightness at which a colour takes on half of a cast."""
_SKIN = math.cos(0.95), math.sin(0.95)
"""The hue of skin, of whatever shade, which takes vibrance badly."""

Fall = tuple[Doubles, Doubles, Doubles, Doubles]
Lighting = tuple[Doubles, Doubles]
"""The table of ``_table``; and cosine and sine of the hue's turn, vibrance, the light's warmth, grain."""
Cast = tuple[float, float]
"""A shift of OKLab's a and b, in proportion to lightness."""


@dataclass(frozen=True, slots=True)
class Light:
    """Light that falls across the picture: a slope and a pool, in stops about the picture's own exposure."""

    angle: float = 0.0
    """Where it comes from, in radians; 0 is the right-hand side, a quarter turn is below."""
    slope: float = 0.0
    """Stops between the middle and the lit edge."""
    pool: float = 0.0
    """Stops between the pool's centre and the dark around it."""
    centre: tuple[float, float] = (0.5, 0.5)
    """The pool's centre as fractions of width and height."""
    warmth: float = 0.0
    """How much yellower lit places are than dark ones, in OKLab's b."""


@dataclass(frozen=True, slots=True)
class Grade:
    """One picture's light and colour. The defaults change nothing."""

    brightness: float = 0.0
    """How far the picture's middle tone moves, about -1..1; black stays black and white white."""
    contrast: float = 0.0
    """How much steeper (above 0) or flatter tones run about the middle one, about -1..1; blacks are never lifted."""
    tint: Cast = (0.0, 0.0)
    """The cast of the light that falls on all of it; rich colours take on less of it than pale ones."""
    toning: tuple[tuple[float, Cast], ...] = ()
    """Further casts for single tones, each with its lightness, in rising order."""
    vibrance: float = 0.0
    """How much richer pale colours become, -1..1; rich ones and skin change less."""
    hue: float = 0.0
    """Turn of every hue, in radians."""
    light: Light = Light()
    grain: bool = True
    """Whether to dither by half a level, which keeps skies free of bands."""


def develop(picture: Floats, grade: Grade, *, seed: int) -> Pixels:
    """The picture (H, W, C), premultiplied floats in 0..1, graded and rounded to bytes (H, W, C).

    Grey pictures (C of 1 or 2) take the grade's lightness only. Fully transparent pixels come out black.
    """
    out = np.empty(picture.shape, np.uint8)
    light = grade.light
    chroma = [math.cos(grade.hue), math.sin(grade.hue), grade.vibrance, light.warmth, 1.0 if grade.grain else 0.0]
    fall = _fall(light, picture.shape[1], picture.shape[0])
    stops = float(fall[0].max() + fall[1].max() + fall[2].max())
    table = _table(grade, _own_tones(picture), 2.0 ** (max(stops, 0.0) / 3.0))
    _develop(picture, out, (table, np.array(chroma)), fall, seed)
    return out


def _own_tones(picture: Floats) -> tuple[float, float]:
    """How light the dark and the middle of what can be seen are."""
    sketch = picture[:: -(-picture.shape[0] // _SKETCH), :: -(-picture.shape[1] // _SKETCH)]
    lightness = to_lab(opaque(sketch))[..., 0]
    seen = lightness[sketch[..., -1] > _SEEN] if has_alpha(sketch) else lightness
    if not seen.size:
        return _DARKS[0], 0.5
    dark, middle = np.percentile(seen, [4, 50])
    middle = min(max(float(middle), _MIDDLES[0]), _MIDDLES[1])
    return min(max(float(dark), _DARKS[0]), _DARKS[1] * middle), middle


def _table(grade: Grade, own: tuple[float, float], brightest: float) -> Doubles:
    """What becomes of lightness from 0 to the table's top, evenly spaced: a row each of five numbers.

    The tone, with ``brightest`` coming out white; how far chroma goes along; the shifts of a and b; and what share of a
    cast such a tone takes on.
    """
    steps = np.linspace(0.0, _TABLE_TOP, _TABLE_STEPS + 1)
    within = np.minimum(steps, 1.0)
    toned = _curve(within, grade, own) + (steps - within)
    tones = _rolled(toned, max(float(np.interp(brightest, steps, toned)), 1.0))
    ratio = tones[1:] / steps[1:]
    ratio = np.concatenate([ratio[:1], ratio])
    richer = np.minimum(ratio, 1.5) ** np.where(ratio > 1.0, *_RICHER)
    # Casts show in half shadows as in the light, though black stays black and white white.
    share = np.minimum(tones, 2.2 * tones**2) * (1.6 - 0.6 * tones) * (1.0 - tones**12)
    lit = [tone for tone, _ in grade.toning] or [0.0]
    shifts = []
    for k in range(2):
        toning = [cast[k] for _, cast in grade.toning] or [0.0]
        shifts.append(share * (grade.tint[k] + np.interp(steps, lit, toning)))
    return np.ascontiguousarray(np.column_stack([tones, richer, *shifts, share]))


def _curve(tones: Doubles, grade: Grade, own: tuple[float, float]) -> Doubles:
    """Tones of 0..1 on a smooth rising curve with fixed ends, which moves the middle and steepens about it.

    First a hyperbola takes the middle to where it shall be. Then powers on either side of it, which meet there with one
    slope, make the curve as steep as asked, but at least so steep that the dark stays as dark as it was.
    """
    dark, middle = own
    aim = middle + _SWAY * grade.brightness * middle**2 * (1.0 - middle)
    aim = min(max(aim, 0.4 * middle), 0.6 + 0.4 * middle)
    bend = (middle / aim - 1.0) / (1.0 - middle)
    least = math.log(dark / aim) / math.log(dark / (bend * (1.0 - dark) + 1.0) / aim)
    steep = min(max(math.exp(grade.contrast), least, _FLATTEST), _STEEPEST)
    moved = tones / (bend * (1.0 - tones) + 1.0)
    below, above = np.minimum(moved, aim) / aim, (1.0 - np.maximum(moved, aim)) / (1.0 - aim)
    curve: Doubles = aim * below**steep + (1.0 - aim) * (1.0 - above**steep)
    return curve


def _rolled(tones: Doubles, reach: float) -> Doubles:
    """Held to 0..1: straight up to a knee, then ever flatter up to ``reach``, so that what is lit keeps its drawing."""
    room, over = 1.0 - _KNEE, np.clip(tones - _KNEE, 0.0, reach - _KNEE)
    bend = room * (1.0 - (1.0 - over / (reach - _KNEE)) ** ((reach - _KNEE) / room))
    rolled: Doubles = np.clip(np.minimum(tones, _KNEE) + bend, 0.0, 1.0)
    return rolled


def _fall(light: Light, width: int, height: int) -> Fall:
    """The light as tables along x and y: stops are the sum of the first pair plus the product of the second."""
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    slope_x = light.slope * math.cos(light.angle) * (2.0 * x - 1.0)
    slope_y = light.slope * math.sin(light.angle) * (2.0 * y - 1.0) - 0.5 * light.pool
    pool_x = light.pool * np.exp(-(((x - light.centre[0]) / 0.55) ** 2))
    pool_y = np.exp(-(((y - light.centre[1]) / 0.55) ** 2))
    return slope_x, slope_y, pool_x, pool_y


@kernel
def _speck(x: int, y: int, seed: int) -> float:
    """A number in 0..1 that looks random, told by place and seed."""
    h = (
        (np.uint64(x) * np.uint64(0x9E3779B97F4A7C15))
        ^ (np.uint64(y) * np.uint64(0xC2B2AE3D27D4EB4F))
        ^ np.uint64(seed)
    )
    h = (h ^ (h >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0x94D049BB133111EB)
    return float((h >> np.uint64(40)) * (1.0 / 16777216.0))


@kernel
def _place(table: Doubles, lightness: float) -> tuple[int, float]:
    """Where in the table a lightness lies: the row above it, and how far it is to the next."""
    place = min(max(lightness, 0.0) / _TABLE_TOP, 1.0) * (table.shape[0] - 1)
    k = min(int(place), table.shape[0] - 2)
    return k, place - k


@kernel
def _between(table: Doubles, place: tuple[int, float], column: int) -> float:
    """Linear interpolation in one column of the table."""
    k, rest = place
    return float(table[k, column] + rest * (table[k + 1, column] - table[k, column]))


@kernel
def _vivid(a: float, b: float, vibrance: float) -> float:
    """What chroma is multiplied by: pale colours change most, rich ones and skin least."""
    square = a * a + b * b
    along = max(a * _SKIN[0] + b * _SKIN[1], 0.0)
    like_skin = max(along * along / (square + _HAIR * _HAIR) - 0.8, 0.0) / 0.2
    return 1.0 + vibrance * (1.0 - 0.5 * like_skin) / (1.0 + square / _PALE)


@kernel
def _shown(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    """Linear light of OKLab; what no screen can show comes straight towards a grey half way to the middle.

    Straight in linear light, where what a screen can show is a cube: on its way out of a cube a line meets one wall, so
    that neighbouring colours stay neighbours. In OKLab the deep blues have a fold, at which gradients would break.
    """
    light = light_of(lightness, a, b)
    grey = (0.5 * lightness + 0.3) ** 3
    share = 1.0
    for c in range(3):
        if light[c] > 1.0 + _HAIR:
            share = min(share, (1.0 - grey) / (light[c] - grey))
        elif light[c] < -_HAIR:
            share = min(share, grey / (grey - light[c]))
    return grey + (light[0] - grey) * share, grey + (light[1] - grey) * share, grey + (light[2] - grey) * share


@kernel
def _level(value: float, speck: float) -> int:
    """A byte for a value in 0..1; ``speck`` of one half is plain rounding."""
    return int(min(max(value, 0.0), 1.0) * 255.0 * (1.0 - 1e-7) + speck)


@kernel
def _paint(pixel: Pixels, colour: tuple[float, float, float], lighting: Lighting, stops: float, speck: float) -> None:
    """Fill in the red, green and blue of one pixel."""
    table, chroma = lighting
    lightness, a, b = lab_of(linear(colour[0]), linear(colour[1]), linear(colour[2]))
    lit = 2.0 ** (stops / 3.0)
    place = _place(table, lightness * lit)
    tone, warmth = _between(table, place, 0), chroma[3] * stops * _between(table, place, 4)
    rich = lit * _between(table, place, 1) * _vivid(a, b, chroma[2])
    # Pale things take on a cast; rich colours stay what they are, such as the blue of a night sky in a warm light.
    taken = 1.0 / (1.0 + (a * a + b * b) / (_OWN * lightness * lightness + _HAIR))
    turned_a = (chroma[0] * a - chroma[1] * b) * rich + _between(table, place, 2) * taken
    turned_b = (chroma[1] * a + chroma[0] * b) * rich + (_between(table, place, 3) + warmth) * taken
    light = _shown(tone, turned_a, turned_b)
    for c in range(3):
        pixel[c] = _level(encoded(light[c]), speck)


@kernel
def _develop(picture: Floats, out: Pixels, lighting: Lighting, fall: Fall, seed: int) -> None:
    """Fill ``out``, pixel by pixel."""
    table, chroma = lighting
    slope_x, slope_y, pool_x, pool_y = fall
    height, width, channels = picture.shape
    veiled, coloured = channels in (2, 4), channels in (3, 4)
    for y in range(height):
        for x in range(width):
            alpha = float(picture[y, x, channels - 1]) if veiled else 1.0
            if veiled:
                out[y, x, channels - 1] = _level(alpha, 0.5)
            stops = slope_x[x] + slope_y[y] + pool_x[x] * pool_y[y]
            speck = 0.5 + chroma[4] * (_speck(x, y, seed) - 0.5)
            if veiled and out[y, x, channels - 1] == 0:
                out[y, x, : channels - 1] = 0
            elif coloured:
                straight = picture[y, x, 0] / alpha, picture[y, x, 1] / alpha, picture[y, x, 2] / alpha
                _paint(out[y, x], straight, lighting, stops, speck)
            else:
                lit = np.cbrt(linear(picture[y, x, 0] / alpha)) * 2.0 ** (stops / 3.0)
                out[y, x, 0] = _level(encoded(_between(table, _place(table, lit), 0) ** 3), speck)
