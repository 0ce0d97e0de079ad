import numpy as np
import pytest

from torana.engine.ready.beyond import beyond


def stripes(height: int, width: int) -> np.ndarray:
    """Upright stripes that cross the first row and the last."""
    levels = np.where(np.arange(width) // 12 % 2 > 0, 220, 40)
    return np.broadcast_to(levels[None, :, None], (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_what_is_flat_goes_on_flat(channels):
    rows = np.full((40, 60, channels), 77, np.uint8)
    assert np.allclose(beyond(rows, 50, np.full((60, channels), 77.0)), 77.0)


def test_it_begins_where_the_picture_ends():
    rows = np.random.default_rng(1).integers(0, 256, (60, 15, 3)).astype(np.uint8).repeat(6, axis=1)
    rows[:6] = rows[0]
    first = beyond(rows, 30, np.full((90, 3), 128.0))[0]
    assert np.abs(first - rows[0]).mean() < 16


def test_it_grows_ever_softer():
    out = beyond(stripes(120, 240), 80, np.full((240, 3), 130.0))[..., 0]
    contrast = out.std(1)
    assert contrast[0] > 70
    assert contrast[25] < 0.5 * contrast[0]
    assert contrast[-1] < 0.1 * contrast[0]


def test_a_light_at_the_edge_is_not_drawn_out():
    rows = np.full((120, 240, 3), 30, np.uint8)
    rows[:8, 115:125] = 255
    out = beyond(rows, 90, np.full((240, 3), 30.0))[..., 0]
    assert out[:3, 115:125].max() > 150
    assert out[40:].max() < 60


def test_far_out_it_is_the_ground():
    assert np.abs(beyond(stripes(30, 90), 120, np.full((90, 3), 200.0))[-1] - 200.0).max() < 3


def test_a_picture_of_one_row_goes_on_too():
    assert beyond(stripes(1, 30), 10, np.full((30, 3), 130.0)).shape == (10, 30, 3)
