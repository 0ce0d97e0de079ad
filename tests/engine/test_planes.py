import numpy as np
import pytest

from torana.engine.planes import has_alpha, has_colour, luminance, opaque


@pytest.mark.parametrize(
    ("channels", "alpha", "colour"), [(1, False, False), (2, True, False), (3, False, True), (4, True, True)]
)
def test_channels_tell_what_they_mean(channels, alpha, colour):
    picture = np.zeros((2, 2, channels), np.uint8)
    assert (has_alpha(picture), has_colour(picture)) == (alpha, colour)


def test_premultiplied_colour_comes_back_straight():
    picture = np.array([[[0.4, 0.2, 0.1, 0.5], [0.0, 0.0, 0.0, 0.0]]], np.float32)
    assert np.allclose(opaque(picture), [[[0.8, 0.4, 0.2], [0.0, 0.0, 0.0]]])


def test_grey_is_repeated_over_three_channels():
    assert np.allclose(opaque(np.full((1, 1, 1), 0.3, np.float32)), 0.3)


def test_what_is_clear_is_white_in_luminance():
    picture = np.array([[[0.0, 0.0], [0.25, 0.5]]], np.float32)
    assert np.allclose(luminance(picture), [[1.0, 0.75]])
