"""The work itself, in a process of its own: decode, vary, encode. The one place that calls the engine."""

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from torana.core.content import Size
from torana.engine import variation
from torana.media.codec import decode, encode
from torana.media.job import Made
from torana.providers.local.job import Parameters

_ENOUGH = 2.0
"""How many times the target a source may be: more detail than that is lost in the resampling anyway."""


def vary(params: bytes, sources: list[bytes]) -> Made:
    """One variation; ``params`` is ``Parameters`` in JSON, ``sources`` are encoded pictures."""
    asked = msgspec.json.decode(params, type=Parameters)
    size = Size(asked.width, asked.height)
    pictures = [_pixels(decode(source, max_pixels=asked.max_pixels, target=size), size) for source in sources]
    made = variation.vary(
        pictures,
        size=(size.width, size.height),
        seed=asked.seed,
        index=asked.index,
        n=asked.n,
        strength=asked.strength,
    )
    return Made(blobs=(encode(_image(made), asked.output_format),))


def warm() -> None:
    """Loads the engine and compiles what it needs, so that no request waits for it."""
    variation.warm()


def _pixels(image: Image.Image, target: Size) -> NDArray[np.uint8]:
    scale = max(_ENOUGH * target.width / image.width, _ENOUGH * target.height / image.height)
    if scale < 1:
        smaller = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(smaller, Image.Resampling.LANCZOS, reducing_gap=_ENOUGH)
    return np.asarray(image).reshape(image.height, image.width, -1)


def _image(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
