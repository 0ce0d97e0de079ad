import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from torana.engine.sight.ink import Contrast, contrast
from torana.engine.sight.lettering import marks, words


def written(text: str, *, height: int, ink: int, paper: int, lean: float = 0.0) -> Contrast:
    picture = Image.new("L", (400, 120), paper)
    ImageDraw.Draw(picture).text((20, 40), text, fill=ink, font=ImageFont.load_default(height))
    picture = picture.rotate(lean, resample=Image.Resampling.BICUBIC, fillcolor=paper)
    return contrast(np.asarray(picture, np.float32) / 255.0)


def grey(photo: NDArray[np.uint8]) -> Contrast:
    return contrast(photo.mean(2).astype(np.float32) / 255.0)


@pytest.mark.parametrize("height", [14, 24, 40])
@pytest.mark.parametrize(("ink", "paper"), [(20, 230), (250, 40), (90, 160)])
def test_a_word_is_found_dark_or_light(height, ink, paper):
    assert words(written("Gateway", height=height, ink=ink, paper=paper))[0] >= 5


def test_a_leaning_line_is_found():
    assert words(written("variations on a theme", height=24, ink=20, paper=230, lean=3.0))[0] >= 10


def test_a_caption_with_an_outline_is_found_on_any_ground(cat):
    picture = Image.fromarray(cat)
    font = ImageFont.load_default(40)
    ImageDraw.Draw(picture).text(
        (60, 230), "monday again", fill="white", stroke_fill="black", stroke_width=2, font=font
    )
    assert words(grey(np.asarray(picture)))[0] >= 5


def test_the_map_shows_where_the_words_are():
    _, places = words(written("Gateway", height=24, ink=20, paper=230))
    assert places.shape == (36, 36)
    assert places[14:18, 3:8].mean() > 0.9
    assert places[:8].max() == places[26:].max() == places[:, 16:].max() == 0.0


def test_noise_is_not_writing():
    noise = np.random.default_rng(5).random((300, 400)).astype(np.float32)
    assert words(contrast(noise))[0] == 0


@pytest.mark.parametrize("shape", [(50, 50), (1, 1), (1, 60)])
def test_a_flat_or_tiny_picture_holds_none(shape):
    count, places = words(contrast(np.full(shape, 0.5, np.float32)))
    assert count == 0
    assert not places.any()


def test_photographs_without_writing_hold_none(cat, coffee, rocket):
    for photo in (cat, coffee, rocket):
        assert words(grey(photo))[0] < 5


@pytest.mark.parametrize("pane", [5, 8, 14])
def test_rows_of_windows_are_not_words(pane):
    facade = np.full((300, 400), 0.5, np.float32)
    for y in range(10, 280, 2 * pane + 6):
        for x in range(10, 380, pane + 4):
            facade[y : y + 2 * pane, x : x + pane] = 0.75
            facade[y + 2 : y + 2 * pane - 2, x + 1 : x + pane - 1] = 0.2
    assert words(contrast(facade))[0] < 5


def test_marks_on_a_calm_ground_are_counted_and_placed():
    count, places = marks(written("x  y  z  w  u  v  k  h  m", height=24, ink=20, paper=230))
    assert count >= 8
    assert places[12:20].any()
    assert not places[26:].any()


def test_fur_and_stones_show_few_marks(cat):
    assert marks(grey(cat))[0] < 10
    blurry = np.random.default_rng(3).random((100, 100)).repeat(4, 0).repeat(4, 1).astype(np.float32)
    assert marks(contrast(blurry))[0] < 10
