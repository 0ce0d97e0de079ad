"""Eight bits for every pixel, whatever a file holds, and large pictures made smaller on the way there.

It is done in bands: a second copy of a large picture in its full size would take more memory than all other work on it.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import cast

from PIL import Image

_BAND = 1 << 20
"""About how many pixels a band has: little memory, and few calls."""

_GREYS = ("1", "L", "LA", "La")
_DEEP_RANGES = {"I": (0.0, 65_535.0), "F": (0.0, 1.0)}
"""What black and white are by custom in modes that have no bounds of their own; widened where values lie outside."""


def rows_of_a_band(width: int, factor: int) -> int:
    """How many rows to take at a time: a multiple of ``factor``."""
    return factor * max(1, _BAND // (width * factor))


def cut(image: Image.Image, rows: int) -> Iterator[Image.Image]:
    """The picture from top to bottom, in bands of so many rows."""
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def joined(bands: Iterable[Image.Image], *, height: int, factor: int) -> Image.Image:
    """The picture that the bands make, ``factor`` times smaller, rounded up: averages, by alpha where there is some.

    ``height`` is that of all of them together; each but the last has a multiple of ``factor`` rows.
    """
    made, row = None, 0
    for band in bands:
        small = band.reduce(factor)
        made = made or Image.new(small.mode, (small.width, -(-height // factor)))
        made.paste(small, (0, row))
        row += small.height
    assert made is not None  # no picture is without rows
    return made


def conversion(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """How to bring bands of the picture to mode L, LA, RGB, RGBA or CMYK."""
    if image.mode.startswith("I;16"):
        return lambda part: part.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    if image.mode in _DEEP_RANGES:
        return _deep_conversion(image)
    base = "CMYK" if image.mode == "CMYK" else "L" if image.mode in _GREYS else "RGB"
    mode = base + ("A" if image.has_transparency_data else "")
    return lambda part: part.convert(mode)


def _deep_conversion(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """For grey of 32 bits, which is scaled by what all of the picture holds."""
    low, high = cast("tuple[float, float]", image.getextrema())  # of a single band
    black, white = _DEEP_RANGES[image.mode]
    black, white = min(black, low), max(white, high)
    scale = 255 / (white - black)
    return lambda part: part.convert("F").point(lambda value: value * scale + (0.5 - black * scale)).convert("L")
