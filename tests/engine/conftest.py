"""Pictures to vary: one of each kind the engine tells apart."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]

PHOTOS = Path(__file__).parents[2] / "examples" / "photos"


def load(name: str) -> Pixels:
    """A photograph of the examples, RGB."""
    with Image.open(PHOTOS / f"{name}.jpg") as picture:
        return np.asarray(picture.convert("RGB"))


@pytest.fixture(scope="session")
def coffee() -> Pixels:
    return load("coffee")


@pytest.fixture(scope="session")
def cat() -> Pixels:
    return load("chelsea")


@pytest.fixture(scope="session")
def rocket() -> Pixels:
    return load("rocket")


@pytest.fixture(scope="session")
def page() -> Pixels:
    """Printed lines on paper with a little noise, grey."""
    picture = Image.new("L", (480, 300), 235)
    draw = ImageDraw.Draw(picture)
    for line in range(8):
        text = "the quick brown fox jumps over the lazy dog"[line:]
        draw.text((20, 20 + 32 * line), text, fill=30, font=ImageFont.load_default(18))
    noise = np.random.default_rng(1).normal(0, 4, (300, 480))
    return np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8)[..., None]


@pytest.fixture(scope="session")
def logo() -> Pixels:
    """A disc with a bar through it on nothing, RGBA."""
    picture = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((60, 60, 240, 240), fill=(220, 60, 40, 255))
    draw.rectangle((100, 135, 200, 165), fill=(255, 255, 255, 255))
    return np.asarray(picture)


@pytest.fixture(scope="session")
def sprite() -> Pixels:
    """Pixel art: sixteen pixels a side, four colours."""
    colours = np.array([[20, 20, 40], [230, 60, 60], [250, 200, 60], [60, 180, 90]], np.uint8)
    cells = np.random.default_rng(3).integers(0, 4, (16, 16))
    cells[:2] = cells[-2:] = 0
    cells[:, :2] = cells[:, -2:] = 0
    return colours[cells]
