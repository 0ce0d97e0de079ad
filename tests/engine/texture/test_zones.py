import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from torana.engine.colour import to_lab
from torana.engine.texture.zones import CELLS, rims, zones

SIDE = 252
NOTHING = np.zeros((CELLS, CELLS))


def freedom(plane: NDArray[np.floating], attention: NDArray[np.floating] = NOTHING) -> NDArray[np.floating]:
    """How free each cell of a grey picture is."""
    return zones(to_lab(np.clip(np.repeat(plane[..., None], 3, axis=2), 0, 1).astype(np.float32)), attention)[0]


@pytest.fixture(scope="module")
def gravel():
    return 0.5 + 0.15 * np.random.default_rng(2).standard_normal((SIDE, SIDE))


def test_gravel_is_free(gravel):
    assert (freedom(gravel) > 0.5).mean() > 0.9


def test_smooth_skies_and_lone_edges_are_not():
    slope = np.broadcast_to(np.linspace(0.2, 0.8, SIDE)[:, None], (SIDE, SIDE))
    bars = np.broadcast_to(np.where(np.arange(SIDE) % 28 < 14, 0.6, 0.4)[:, None], (SIDE, SIDE))
    for plane in (slope, bars):
        assert (freedom(plane) > 0.5).mean() == 0


def test_a_patch_is_free_where_it_is_large_enough_to_hold_its_own_substitutes():
    for side, free in ((25, False), (90, True)):
        plane = np.full((SIDE, SIDE), 0.3)
        plane[70 : 70 + side, 70 : 70 + side] += 0.2 * np.random.default_rng(1).standard_normal((side, side))
        assert (freedom(plane)[13:20, 13:20] > 0.5).any() == free


def test_letters_on_a_plate_among_gravel_are_left_alone(gravel):
    picture = Image.fromarray((np.clip(gravel, 0, 1) * 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((70, 100, 190, 140), fill=220)
    draw.text((80, 108), "TORANA", fill=20, font=ImageFont.load_default(24))
    free = freedom(np.asarray(picture) / 255.0)
    assert free[15:20, 11:27].max() < 0.5
    assert (free[:10] > 0.5).mean() > 0.9


def test_what_is_noticed_is_left_alone_where_little_is_like_it(gravel):
    part = gravel.copy()
    part[:, 70:] = 0.5
    attention = NOTHING.copy()
    attention[:, :4] = 1.0
    free = freedom(part, attention)
    assert free[:, :4].max() < 0.5
    assert free[:, 6:9].mean() > 0.5


def test_strokes_that_run_across_each_other_are_of_two_sorts():
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    waves = 0.5 + 0.1 * np.where(x < SIDE // 2, np.sin(x * 0.8), np.sin(y * 0.8))
    sorts = zones(to_lab(np.repeat(waves[..., None], 3, axis=2).astype(np.float32)), NOTHING)[1]
    assert np.linalg.norm(sorts[18, 8] - sorts[8, 10]) < 0.5
    assert np.linalg.norm(sorts[18, 8] - sorts[18, 28]) > 1.5


def test_rims_and_poles_are_told_from_the_texture_about_them():
    y, x = np.mgrid[0:128, 0:128]
    plane = 0.4 + 0.05 * np.random.default_rng(3).standard_normal((128, 128))
    plane[np.hypot(y - 50, x - 50) < 25] += 0.3
    plane[:, 100:103] += 0.4
    found = rims(plane.astype(np.float32))
    rim = np.abs(np.hypot(y - 50, x - 50) - 25) < 1.0
    assert found[rim].mean() > 0.8
    assert found[5:-5, 99:104].max(1).min() > 0.9
    assert found[90:, :90].mean() < 0.05
