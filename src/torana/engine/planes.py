"""What the channels of a picture mean: grey, grey and alpha, RGB, or RGB and alpha."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Pixels = NDArray[np.uint8]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""How much red, green and blue count towards the grey that stands for them."""

CLEAR = 1.0 / 512.0
"""Alpha below which a pixel is as good as not there."""


def has_alpha(picture: Floats | Pixels) -> bool:
    """Whether the last channel of a picture (H, W, C) is alpha."""
    return picture.shape[2] in {2, 4}


def has_colour(picture: Floats | Pixels) -> bool:
    """Whether a picture (H, W, C) has three channels of colour."""
    return picture.shape[2] in {3, 4}


def opaque(picture: Floats) -> Floats:
    """Three straight colour channels (H, W, 3) of premultiplied floats (H, W, C); black where nothing is to be seen."""
    colour = picture[..., :3] if has_colour(picture) else np.repeat(picture[..., :1], 3, axis=2)
    if has_alpha(picture):
        colour = np.divide(colour, np.maximum(picture[..., -1:], CLEAR), dtype=np.float32)
    straight: Floats = np.clip(colour, 0.0, 1.0, dtype=np.float32)
    return straight


def luminance(picture: Floats) -> Floats:
    """The grey (H, W) of premultiplied floats (H, W, C), put over white."""
    grey: Floats = picture[..., :3] @ LUMA if has_colour(picture) else picture[..., 0]
    return grey + (np.float32(1.0) - picture[..., -1]) if has_alpha(picture) else grey
