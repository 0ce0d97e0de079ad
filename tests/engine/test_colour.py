import numpy as np
import pytest

from torana.engine.colour import daylight, encoded, lab_of, light_of, linear, to_lab


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((1, 1, 1), (1.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((1, 0, 0), (0.6280, 0.2249, 0.1258)),
        ((0, 0, 1), (0.4520, -0.0325, -0.3115)),
    ],
)
def test_known_colours(rgb, lab):
    assert np.allclose(to_lab(np.array([rgb], np.float32)), [lab], atol=2e-4)


def test_srgb_comes_back_from_light():
    for value in (0.0, 0.01, 0.04, 0.05, 0.5, 1.0):
        assert encoded(linear(value)) == pytest.approx(value, abs=1e-6)


def test_light_comes_back_from_lab():
    assert light_of(*lab_of(0.2, 0.5, 0.7)) == pytest.approx((0.2, 0.5, 0.7), abs=1e-6)


def test_shape_is_kept():
    assert to_lab(np.zeros((3, 5, 3), np.float32)).shape == (3, 5, 3)


def test_noon_leaves_white_white():
    assert daylight(153.8) == pytest.approx((0.0, 0.0), abs=5e-4)


def test_daylight_runs_from_blue_to_orange_without_a_break():
    locus = np.array([daylight(mired) for mired in range(40, 251)])
    assert (np.diff(locus[:, 1]) > 0.0).all()
    assert np.abs(np.diff(locus, 2, axis=0)).max() < 2e-4
    assert locus[0, 1] < -0.1
    assert locus[-1] == pytest.approx((0.025, 0.088), abs=0.002)
