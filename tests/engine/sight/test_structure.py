import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.engine.conftest import load
from torana.engine.sight.structure import Kind, examine


def test_photographs_are_photographs(cat, coffee, rocket):
    for photo in (cat, coffee, rocket):
        found = examine(photo)
        assert found.kind is Kind.PHOTO
        assert not found.lettered
        assert not found.border
        assert not found.grey


def test_badges_and_flags_count_as_marked_and_a_cat_does_not(cat):
    assert examine(load("astronaut")).marked
    assert not examine(cat).marked


def test_a_sign_in_a_photograph_is_found_and_placed(coffee):
    picture = Image.fromarray(coffee)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((20, 20, 280, 90), fill=(40, 90, 60))
    draw.text((40, 30), "TEA HOUSE", fill=(240, 235, 220), font=ImageFont.load_default(40))
    found = examine(np.asarray(picture))
    assert found.kind is Kind.PHOTO
    assert found.lettered
    assert found.written[4:6, 4:14].mean() > 0.8
    assert found.written[12:].max() < 1.0


def test_writing_seen_from_the_side_is_writing():
    picture = Image.new("L", (600, 400), 205)
    rng = np.random.default_rng(4)
    for x, y in np.ndindex(12, 5):
        points = np.add(rng.uniform(0, 34, (6, 2)), (30 + 45 * x, 20 + 75 * y))
        ImageDraw.Draw(picture).line([(float(a), float(b)) for a, b in points], fill=40, width=4, joint="curve")
    quad = (0, 0, -150, 400, 750, 400, 600, 0)
    picture = picture.rotate(20, Image.Resampling.BICUBIC, fillcolor=205)
    picture = picture.transform((600, 400), Image.Transform.QUAD, quad, Image.Resampling.BICUBIC, fillcolor=205)
    noise = rng.normal(0, 4, (400, 600))
    sheet = np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8)[..., None]
    found = examine(sheet)
    assert found.kind is Kind.WRITING
    assert found.lettered


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


def test_too_few_letters_for_a_word_leave_no_place_written(coffee):
    picture = Image.fromarray(coffee)
    ImageDraw.Draw(picture).text((30, 30), "gate", fill=(240, 235, 220), font=ImageFont.load_default(40))
    found = examine(np.asarray(picture))
    assert not found.lettered
    assert found.written.max() < 1.0
