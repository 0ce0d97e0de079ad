import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from torana.engine.sight.lettering import letters, marks


def written(text: str, *, height: int, ink: int, paper: int, lean: float = 0.0) -> NDArray[np.float32]:
    picture = Image.new("L", (400, 120), paper)
    ImageDraw.Draw(picture).text((20, 40), text, fill=ink, font=ImageFont.load_default(height))
    picture = picture.rotate(lean, resample=Image.Resampling.BICUBIC, fillcolor=paper)
    return np.asarray(picture, np.float32) / 255.0


@pytest.mark.parametrize("height", [14, 24, 40])
@pytest.mark.parametrize(("ink", "paper"), [(20, 230), (250, 40), (90, 160)])
def test_a_word_is_found_dark_or_light(height, ink, paper):
    assert letters(written("Gateway", height=height, ink=ink, paper=paper)) >= 5


def test_a_leaning_line_is_found():
    assert letters(written("variations on a theme", height=24, ink=20, paper=230, lean=3.0)) >= 10


def test_noise_is_not_writing():
    noise = np.random.default_rng(5).random((300, 400)).astype(np.float32)
    assert letters(noise) == 0


def test_a_flat_or_tiny_picture_holds_none():
    assert letters(np.full((50, 50), 0.5, np.float32)) == 0
    assert letters(np.zeros((1, 1), np.float32)) == 0


def test_photographs_without_writing_hold_none(cat, coffee):
    for photo in (cat, coffee):
        assert letters(photo.mean(2).astype(np.float32) / 255.0) < 5


def test_handwriting_shows_as_dark_marks_alone():
    dark, light = marks(written("x  y  z  w  u  v  k  h  m", height=24, ink=20, paper=230))
    assert dark >= 8
    assert light <= dark // 8


def test_fur_shows_few_marks(cat):
    assert sum(marks(cat.mean(2).astype(np.float32) / 255.0)) < 40
