import numpy as np
import pytest
from numpy.typing import NDArray

from torana.engine.palette import borrow, palette_of
from torana.engine.photometry import Grade, develop


def flat(*colour: int) -> NDArray[np.uint8]:
    return np.full((20, 30, len(colour)), colour, np.uint8)


def test_a_flat_palette():
    grey = palette_of(flat(128))
    assert grey.contrast == pytest.approx(0.0, abs=1e-5)
    assert grey.chroma == pytest.approx(0.0, abs=1e-5)
    assert 0.55 < grey.lightness < 0.65


def test_what_cannot_be_seen_does_not_count():
    source = flat(255, 0, 0, 0)
    source = np.array(source)
    source[:10] = (0, 0, 255, 255)
    assert palette_of(source).cast == pytest.approx(palette_of(flat(0, 0, 255)).cast, abs=1e-4)
    assert np.isfinite(palette_of(flat(9, 9, 9, 0)).lightness)


def test_a_picture_borrows_nothing_from_its_like(coffee):
    own = palette_of(coffee)
    assert borrow(Grade(), own, [(own, 0.8)]) == Grade()


def test_borrowing_moves_the_colours_over(coffee, rocket):
    own, other = palette_of(coffee), palette_of(rocket)
    grade = borrow(Grade(grain=False), own, [(other, 0.5)])
    moved = palette_of(develop(coffee.astype(np.float32) / 255.0, grade, seed=1))
    for before, after, aim in (
        (own.lightness, moved.lightness, other.lightness),
        (own.cast[1], moved.cast[1], other.cast[1]),
    ):
        assert 0.15 < (after - before) / (aim - before) < 0.9


def test_two_lenders_both_count(coffee, cat, rocket):
    own, first, second = map(palette_of, (coffee, cat, rocket))
    both = borrow(Grade(), own, [(first, 0.2), (second, 0.2)])
    assert both != borrow(Grade(), own, [(first, 0.2)])
    assert both != borrow(Grade(), own, [(second, 0.2)])
