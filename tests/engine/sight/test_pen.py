import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from torana.engine.sight.ink import Contrast, contrast
from torana.engine.sight.pen import is_penned


def scribbles(*, paper: int = 200, ink: int = 40, lean: float = 0.0, across: float = 0.0) -> Contrast:
    """Five lines of curls under uneven light, leaning, and seen from the side."""
    rng = np.random.default_rng(4)
    picture = Image.new("L", (600, 400), paper)
    draw = ImageDraw.Draw(picture)
    along = np.linspace(0.0, 1.0, 14)
    for line in range(5):
        for start in range(30, 540, 50):
            turns = rng.uniform(0.0, 6.3, 2)
            x = start + 30 * along + 8 * np.sin(6 * along + turns[0])
            y = 60 + 68 * line + 20 * np.sin(5 * along + turns[1])
            draw.line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=ink, width=4, joint="curve")
    picture = picture.rotate(lean, Image.Resampling.BICUBIC, fillcolor=paper)
    quad = (0, 0, -600 * across, 400, 600 * (1 + across), 400, 600, 0)
    picture = picture.transform((600, 400), Image.Transform.QUAD, quad, Image.Resampling.BICUBIC, fillcolor=paper)
    lit = np.asarray(picture) * np.linspace(0.75, 1.0, 600) + rng.normal(0, 4, (400, 600))
    return contrast((lit / 255.0).clip(0, 1).astype(np.float32))


@pytest.mark.parametrize("lean", [0.0, 17.0, 90.0])
@pytest.mark.parametrize("across", [0.0, 0.3])
@pytest.mark.parametrize(("paper", "ink"), [(200, 40), (50, 210)])
def test_handwriting_is_known_in_any_direction(lean, across, paper, ink):
    assert is_penned(scribbles(lean=lean, across=across, paper=paper, ink=ink))


@pytest.mark.parametrize("lean", [30, 90])
def test_print_is_known_in_any_direction(lean):
    picture = Image.new("L", (500, 500), 230)
    for line in range(14):
        ImageDraw.Draw(picture).text(
            (20, 20 + 33 * line), "a theme and its variations " * 2, 30, ImageFont.load_default(20)
        )
    turned = picture.rotate(lean, Image.Resampling.BICUBIC, fillcolor=230)
    assert is_penned(contrast(np.asarray(turned, np.float32) / 255.0))


def test_photographs_are_not_penned(cat, coffee, rocket):
    for photo in (cat, coffee, rocket):
        assert not is_penned(contrast(photo.mean(2).astype(np.float32) / 255.0))


def test_a_wall_hangs_together():
    wall = np.full((300, 300), 0.45, np.float32)
    wall[::25] = wall[1::25] = wall[2::25] = 0.75
    wall[:, ::50] = wall[:, 1::50] = wall[:, 2::50] = 0.75
    assert not is_penned(contrast(wall))


def test_stars_are_not_strokes():
    sky = np.full((300, 300), 0.05, np.float32)
    y, x = np.random.default_rng(1).integers(5, 295, (2, 150))
    for dy, dx in np.ndindex(5, 5):
        sky[y + dy - 2, x + dx - 2] = 0.9
    assert not is_penned(contrast(sky))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (60, 60)])
def test_a_flat_picture_is_not_penned(shape):
    assert not is_penned(contrast(np.full(shape, 0.5, np.float32)))
