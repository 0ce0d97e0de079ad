"""Light and colour: one pass over the rendered picture, from float planes to the bytes that leave."""

import math
from dataclasses import dataclass

import numpy as np

from torana.engine.colour import encoded, lab_of, light_of, linear
from torana.engine.kernel import kernel
from torana.engine.planes import CLEAR, Doubles, Floats, Pixels

_TABLE_TOP = 1.5
"""Light may lift L beyond 1; the tone table rolls it back from up to here."""
_TABLE_STEPS = 384
_KNEE = 0.75
"""The tone above which highlights are rolled back."""
_BLACK = 1e-4
_HAIR = 1e-4
"""How far light may lie beyond what a screen shows before it is brought back."""

Fall = tuple[Doubles, Doubles, Doubles, Doubles]
Lighting = tuple[Doubles, Doubles]
"""The tone table; and saturation by cosine and sine of the hue's turn, tint a and b, the light's warmth, grain."""


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

    gamma: float = 1.0
    """Exponent of lightness: below 1 brightens."""
    contrast: float = 0.0
    """Bend of the S-curve about middle grey, -1..1."""
    lift: float = 0.0
    """Added to lightness after scaling, as another picture's light asks for."""
    scale: float = 1.0
    """Factor of lightness about middle grey, for the same reason."""
    tint: tuple[float, float] = (0.0, 0.0)
    """Shift of OKLab's a and b, in proportion to lightness."""
    saturation: float = 1.0
    """Factor of chroma."""
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
    turned = grade.saturation * math.cos(grade.hue), grade.saturation * math.sin(grade.hue)
    chroma = np.array([*turned, *grade.tint, grade.light.warmth, 1.0 if grade.grain else 0.0])
    fall = _fall(grade.light, picture.shape[1], picture.shape[0])
    stops = float(fall[0].max() + fall[1].max() + fall[2].max())
    _develop(picture, out, (_tones(grade, 2.0 ** (max(stops, 0.0) / 3.0)), chroma), fall, seed)
    return out


def _tones(grade: Grade, brightest: float) -> Doubles:
    """Output lightness for input lightness from 0 to the table's top, evenly spaced; ``brightest`` comes out white."""
    steps = np.linspace(0.0, _TABLE_TOP, _TABLE_STEPS + 1)
    within = np.minimum(steps, 1.0)
    toned = within**grade.gamma
    toned += grade.contrast * 4.0 * toned * (1.0 - toned) * (toned - 0.5) + (steps - within)
    toned = 0.5 + (toned - 0.5) * grade.scale + grade.lift
    reach = float(np.interp(brightest, steps, toned))
    return _rolled(toned, max(reach, 1.0))


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
def _toned(tones: Doubles, lightness: float) -> float:
    """Linear interpolation in the tone table."""
    place = min(max(lightness, 0.0) / _TABLE_TOP, 1.0) * (len(tones) - 1)
    k = min(int(place), len(tones) - 2)
    return float(tones[k] + (place - k) * (tones[k + 1] - tones[k]))


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
    tones, chroma = lighting
    lightness, a, b = lab_of(linear(colour[0]), linear(colour[1]), linear(colour[2]))
    lit = 2.0 ** (stops / 3.0)
    tone = _toned(tones, lightness * lit)
    # Chroma follows the light, but not past what the tone table held back.
    lit *= min(1.0, tone / max(lightness * lit, _BLACK)) ** 0.5
    # Tints show in half shadows as in the light, though black stays black and white white.
    tinged = min(tone, 2.9 * tone * tone) * (1.6 - 0.6 * tone) * (1.0 - min(tone, 1.0) ** 8)
    turned_a = (chroma[0] * a - chroma[1] * b) * lit + chroma[2] * tinged
    turned_b = (chroma[1] * a + chroma[0] * b) * lit + (chroma[3] + chroma[4] * stops) * tinged
    light = _shown(tone, turned_a, turned_b)
    for c in range(3):
        pixel[c] = _level(encoded(light[c]), speck)


@kernel
def _develop(picture: Floats, out: Pixels, lighting: Lighting, fall: Fall, seed: int) -> None:
    """Fill ``out``, pixel by pixel."""
    tones, chroma = lighting
    slope_x, slope_y, pool_x, pool_y = fall
    height, width, channels = picture.shape
    veiled, coloured = channels in (2, 4), channels in (3, 4)
    for y in range(height):
        for x in range(width):
            alpha = float(picture[y, x, channels - 1]) if veiled else 1.0
            if veiled:
                out[y, x, channels - 1] = _level(alpha, 0.5)
            stops = slope_x[x] + slope_y[y] + pool_x[x] * pool_y[y]
            speck = 0.5 + chroma[5] * (_speck(x, y, seed) - 0.5)
            if alpha < CLEAR:
                out[y, x, : channels - 1] = 0
            elif coloured:
                straight = picture[y, x, 0] / alpha, picture[y, x, 1] / alpha, picture[y, x, 2] / alpha
                _paint(out[y, x], straight, lighting, stops, speck)
            else:
                lit = np.cbrt(linear(picture[y, x, 0] / alpha)) * 2.0 ** (stops / 3.0)
                out[y, x, 0] = _level(encoded(_toned(tones, lit) ** 3), speck)
