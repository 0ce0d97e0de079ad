import numpy as np
import pytest

from torana.engine.planes import Floats
from torana.engine.texture.grain import grain_of

SHAPE = (12, 12)


def stripes(angle: float) -> Floats:
    """Waves that rise towards an angle."""
    y, x = np.mgrid[0:144, 0:144]
    waves: Floats = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 0.6, dtype=np.float32)
    return waves


def test_noise_is_rough_even_and_without_a_way():
    noise = np.random.default_rng(1).normal(0.5, 0.1, (144, 144)).astype(np.float32)
    grain = grain_of(noise, SHAPE, radius=0.8)
    assert grain.rough.mean() == pytest.approx(0.1, rel=0.1)
    assert grain.even.min() > 0.7
    assert np.hypot(*grain.way.transpose(2, 0, 1)).max() < 0.3


def test_a_single_edge_on_something_plain_is_not_even():
    plane = np.zeros((144, 144), np.float32)
    plane[:, 70:] = 1.0
    assert grain_of(plane, SHAPE, radius=0.8).even[:, 5].max() < 0.3


@pytest.mark.parametrize("angle", [0.0, 0.7, 1.6, 2.5])
def test_strokes_show_which_way_they_run(angle):
    way = grain_of(stripes(angle), SHAPE, radius=0.8).way[6, 6]
    assert way == pytest.approx((np.cos(2 * angle), np.sin(2 * angle)), abs=0.1)


def test_twice_the_contrast_is_twice_as_rough_and_as_even():
    once, twice = (grain_of(stripes(0.3) * np.float32(contrast), SHAPE, radius=0.8) for contrast in (1, 2))
    assert twice.rough == pytest.approx(2.0 * once.rough, rel=1e-4)
    assert twice.even == pytest.approx(once.even, rel=1e-3)


def test_a_flat_plane_has_none():
    grain = grain_of(np.full((40, 60), 0.3, np.float32), (6, 9), radius=0.8)
    assert grain.rough.max() == 0.0
    assert grain.even.max() == 0.0
    assert np.abs(grain.way).max() == 0.0
