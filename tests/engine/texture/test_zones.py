import numpy as np
import pytest
from numpy.typing import NDArray

from torana.engine.texture.zones import zones

H = W = 36


def sketch(plane: NDArray[np.floating]) -> NDArray[np.float32]:
    """Grey noise or pattern (4H, 4W) as a small picture."""
    return np.clip(np.repeat(plane[..., None], 3, axis=2), 0, 1).astype(np.float32)


@pytest.fixture(scope="module")
def gravel():
    return 0.5 + 0.15 * np.random.default_rng(2).standard_normal((4 * H, 4 * W))


def test_gravel_is_free(gravel):
    assert (zones(sketch(gravel), np.zeros((H, W))) > 0.5).mean() > 0.8


def test_smooth_skies_and_stripes_are_not():
    slope = np.broadcast_to(np.linspace(0.2, 0.8, 4 * H)[:, None], (4 * H, 4 * W))
    stripes = np.broadcast_to(np.where(np.arange(4 * H) % 6 < 3, 0.5, 0.0)[:, None], (4 * H, 4 * W))
    for plane in (slope, stripes):
        assert (zones(sketch(plane), np.zeros((H, W))) > 0.5).mean() == 0


def test_what_is_one_of_a_kind_is_not():
    plane = np.full((4 * H, 4 * W), 0.3)
    plane[40:72, 40:72] += 0.2 * np.random.default_rng(1).standard_normal((32, 32))
    assert (zones(sketch(plane), np.zeros((H, W))) > 0.5).mean() == 0


def test_what_is_noticed_is_left_alone_where_little_is_like_it(gravel):
    half = gravel.copy()
    half[:, 56:] = 0.5
    attention = np.zeros((H, W))
    attention[:, :7] = 1.0
    free = zones(sketch(half), attention)
    assert free[:, :6].max() < 0.5
    assert free[:, 9:12].mean() > 0.5
