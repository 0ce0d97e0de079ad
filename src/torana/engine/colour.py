"""Colour as the eye counts it: sRGB to OKLab and back, L in 0..1, a (green to red) and b (blue to yellow) about 0."""

import numpy as np

from torana.engine.kernel import kernel
from torana.engine.planes import Floats

_DARK = 0.04045
"""The sRGB value below which light rises in a straight line."""
_NOON = 1000.0 / 7.0
"""Mired at which the formula of daylight's colour passes from its warm to its cool half."""
_RGB_OF_XYZ = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])


@kernel
def linear(value: float) -> float:
    """Light of an sRGB value, both in 0..1."""
    if value <= _DARK:
        return value / 12.92
    return float(((value + 0.055) / 1.055) ** 2.4)


@kernel
def encoded(light: float) -> float:
    """The sRGB value of a light, both in 0..1."""
    if light <= _DARK / 12.92:
        return light * 12.92
    return float(1.055 * light ** (1.0 / 2.4) - 0.055)


@kernel
def lab_of(red: float, green: float, blue: float) -> tuple[float, float, float]:
    """OKLab of linear light."""
    long = np.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    middle = np.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = np.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


@kernel
def light_of(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    """Linear light (red, green, blue) of OKLab; beyond 0..1 where no screen can show it."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )


@kernel
def _fill_lab(colours: Floats, out: Floats) -> None:
    """Convert row by row."""
    for k in range(colours.shape[0]):
        red, green, blue = linear(colours[k, 0]), linear(colours[k, 1]), linear(colours[k, 2])
        out[k, 0], out[k, 1], out[k, 2] = lab_of(red, green, blue)


def to_lab(colours: Floats) -> Floats:
    """OKLab (..., 3) of sRGB values (..., 3) in 0..1."""
    flat = np.ascontiguousarray(colours, np.float32).reshape(-1, 3)
    out = np.empty_like(flat)
    _fill_lab(flat, out)
    return out.reshape(colours.shape)


def daylight(mired: float) -> tuple[float, float]:
    """What colour white takes on under daylight of a temperature, as OKLab's a and b over L.

    ``mired`` is a million over the temperature in kelvin, 40 (deep shade) to 250 (a low sun); 154 leaves white white.
    """
    kilo = mired / 1000.0
    warm = mired > _NOON
    cubic = (-4.6070, 2.9678, 0.09911, 0.244063) if warm else (-2.0064, 1.9018, 0.24748, 0.237040)
    x = float(np.polyval(cubic, kilo))
    y = (-3.0 * x + 2.87) * x - 0.275
    red, green, blue = _RGB_OF_XYZ @ (x / y, 1.0, (1.0 - x - y) / y)
    lightness, a, b = lab_of(float(red), float(green), float(blue))
    return a / lightness, b / lightness
