from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from torana.engine.palette import borrow, palette_of
from torana.engine.photometry import Grade, develop


def flat(*colour: int) -> NDArray[np.uint8]:
    return np.full((20, 30, len(colour)), colour, np.uint8)


def test_a_flat_palette():
    grey = palette_of(flat(128, 128, 128))
    assert grey.tones == pytest.approx([0.6] * 3, abs=0.01)
    assert np.abs(grey.casts).max() < 1e-4
    assert grey.chroma == pytest.approx(0.0, abs=1e-5)


def test_each_third_has_its_own_cast():
    sky_over_sand = np.concatenate([flat(20, 30, 90), flat(200, 150, 90)])
    dark, middle, bright = palette_of(sky_over_sand).casts
    assert dark[1] < -0.2 < middle[1] < 0.05 < bright[1]


def test_what_cannot_be_seen_does_not_count():
    source = np.array(flat(255, 0, 0, 0))
    source[:10] = (0, 0, 255, 255)
    assert np.allclose(palette_of(source).casts, palette_of(flat(0, 0, 255)).casts, atol=1e-4)
    assert np.isfinite(palette_of(flat(9, 9, 9, 0)).tones).all()


def test_a_picture_borrows_nothing_from_its_like(coffee):
    own = palette_of(coffee)
    lent = borrow(Grade(), own, [(own, 0.8)])
    assert replace(lent, toning=()) == Grade()
    assert all(cast == (0.0, 0.0) for _, cast in lent.toning)


def test_borrowing_moves_the_colours_over(cat, rocket):
    own, other = palette_of(cat), palette_of(rocket)
    grade = borrow(Grade(grain=False), own, [(other, 0.5)])
    moved = palette_of(develop(cat.astype(np.float32) / 255.0, grade, seed=1))
    assert other.tones[1] < moved.tones[1] < own.tones[1] - 0.02
    assert other.casts[0][1] < moved.casts[0][1] < own.casts[0][1] - 0.01


def test_a_pale_lender_hardly_fades(coffee):
    own, pale = palette_of(coffee), palette_of(flat(150, 150, 150))
    moved = palette_of(develop(coffee.astype(np.float32) / 255.0, borrow(Grade(), own, [(pale, 0.5)]), seed=1))
    assert moved.chroma > 0.75 * own.chroma


def test_the_first_lender_colours_the_dark_and_the_last_the_bright():
    own, blue, yellow = (palette_of(flat(*colour)) for colour in ((128, 128, 128), (40, 60, 160), (200, 160, 40)))
    (_, dark), _, (_, bright) = borrow(Grade(), own, [(blue, 0.2), (yellow, 0.2)]).toning
    assert dark[1] < -0.03
    assert bright[1] > 0.03


def test_no_cast_goes_far():
    own, garish = palette_of(flat(128, 128, 128)), palette_of(flat(0, 0, 255))
    for _, cast in borrow(Grade(), own, [(garish, 1.0)]).toning:
        assert np.hypot(*cast) < 0.1


def test_two_lenders_both_count(coffee, cat, rocket):
    own, first, second = map(palette_of, (coffee, cat, rocket))
    both = borrow(Grade(), own, [(first, 0.2), (second, 0.2)])
    assert both != borrow(Grade(), own, [(first, 0.2)])
    assert both != borrow(Grade(), own, [(second, 0.2)])
