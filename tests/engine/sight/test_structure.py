import numpy as np
import pytest
from PIL import Image

from tests.engine.conftest import load
from torana.engine.sight.structure import Kind, examine


def test_photographs_are_photographs(cat, coffee, rocket):
    for photo in (cat, coffee, rocket):
        found = examine(photo)
        assert found.kind is Kind.PHOTO
        assert not found.lettered
        assert not found.border
        assert not found.grey


def test_badges_and_flags_count_as_lettered():
    assert examine(load("astronaut")).marked


def test_a_page_is_writing(page):
    found = examine(page)
    assert found.kind is Kind.WRITING
    assert found.lettered
    assert found.grey


def test_a_logo_is_a_drawing_in_a_border(logo):
    found = examine(logo)
    assert found.kind is Kind.DRAWING
    assert found.border
    assert found.lettered


def test_a_sprite_is_pixels(sprite):
    assert examine(sprite).kind is Kind.PIXELS


def test_a_small_photograph_is_not_pixel_art(cat):
    thumb = np.asarray(Image.fromarray(cat).resize((36, 24), Image.Resampling.LANCZOS))
    assert examine(thumb).kind is Kind.PHOTO


def test_grey_is_told_from_colour(cat):
    grey = np.repeat(cat.mean(2).astype(np.uint8)[..., None], 3, axis=2)
    assert examine(grey).grey
    assert not examine(cat).grey


def test_walls_are_upright_and_leaning_ones_are_not():
    stripes = np.zeros((200, 200, 1), np.uint8)
    stripes[:, ::20] = stripes[:, 1::20] = 200
    leaning = np.asarray(Image.fromarray(stripes[..., 0]).rotate(30, Image.Resampling.BICUBIC))[..., None]
    assert examine(stripes).upright > 0.9
    assert examine(np.ascontiguousarray(leaning[40:160, 40:160])).upright < 0.2


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 300, 3), (300, 1, 4), (2, 2, 2), (9, 9, 3)])
def test_any_shape_can_be_examined(shape):
    examine(np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8))
