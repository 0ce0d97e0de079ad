import numpy as np
import pytest

from torana.engine.ready.opening import opened
from torana.engine.sight.structure import Kind


def test_a_page_is_given_a_ground_and_kept_whole(page):
    framed, scene = opened(page, (256, 256))
    left, top, right, bottom = scene.content
    height, width = framed.shape[:2]
    assert scene.structure.kind is Kind.WRITING
    assert scene.structure.border
    assert (right - left) * width == pytest.approx(page.shape[1], abs=1)
    assert (bottom - top) * height == pytest.approx(page.shape[0], abs=1)
    assert width / height == pytest.approx(1.0, rel=0.25)


def test_a_photograph_of_usual_proportions_is_left_alone(coffee):
    framed, scene = opened(coffee, (256, 256))
    assert framed is coffee
    assert scene.content == (0.0, 0.0, 1.0, 1.0)


def test_a_strip_of_sky_is_widened():
    noise = np.random.default_rng(1).normal(0, 3, (400, 100, 3))
    strip = (np.linspace(60, 200, 400)[:, None, None] + noise).astype(np.uint8)
    framed, scene = opened(strip, (256, 256))
    assert framed.shape[0] == 400
    assert framed.shape[1] > 300
    assert not scene.structure.border


def test_tiny_pictures_are_drawn_larger_but_sprites_are_not(cat, sprite):
    assert max(opened(np.ascontiguousarray(cat[::20, ::20]), (256, 256))[0].shape) >= 256
    assert opened(sprite, (256, 256))[0] is sprite


def cup(height: int, width: int) -> np.ndarray:
    """A bright thing in the middle of a brown table, cut off by both long edges."""
    rng = np.random.default_rng(4)
    table = np.array([120.0, 70.0, 40.0]) + rng.normal(0, 12, (height, width, 1)) + np.linspace(-50, 50, width)[:, None]
    table[:, width // 3 : 2 * width // 3] = (235, 225, 210)
    return np.clip(table, 0, 255).astype(np.uint8)


def test_a_strip_that_is_filled_from_end_to_end_is_given_surroundings():
    strip = cup(120, 480)
    framed, scene = opened(strip, (256, 256))
    left, top, right, bottom = scene.content
    height, width = framed.shape[:2]
    assert width == 480
    assert height > 200
    assert (left, right) == (0.0, 1.0)
    assert (framed[round(top * height) : round(bottom * height)] == strip).all()
    assert scene.attention[: int(top * len(scene.attention))].max() == 0.0
    turned, _ = opened(np.ascontiguousarray(strip.transpose(1, 0, 2)), (256, 256))
    assert turned.shape[:2] == pytest.approx((width, height), abs=30)


def test_a_strip_of_one_stuff_is_cropped():
    gravel = np.random.default_rng(2).normal(128, 40, (100, 400, 3)).clip(0, 255).astype(np.uint8)
    for strip in (gravel, np.ascontiguousarray(gravel.transpose(1, 0, 2))):
        framed, _ = opened(strip, (256, 256))
        assert framed.shape == strip.shape
