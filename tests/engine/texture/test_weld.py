import numpy as np
import pytest

from torana.engine.texture.weld import lifts

SIDE = 40


def halves(step: float) -> tuple[np.ndarray, np.ndarray]:
    """A texture whose right part lies higher, and places that bring it next to the left one."""
    texture = np.zeros((SIDE, 2 * SIDE, 1), np.float32)
    texture[:, SIDE:] = step
    places = np.moveaxis(np.mgrid[0:SIDE, 0:SIDE], 0, 2).astype(np.int32)
    places[10:30, 10:30, 1] += SIDE
    return texture, places


def test_what_stays_is_not_lifted():
    texture, places = halves(0.2)
    lift = lifts(texture, places)
    own = np.ones((SIDE, SIDE), bool)
    own[10:30, 10:30] = False
    assert (lift[own] == 0).all()


def test_a_step_is_evened_out_at_the_seam():
    texture, places = halves(0.2)
    laid = texture[places[..., 0], places[..., 1], 0] + lifts(texture, places)[..., 0]
    assert np.abs(np.diff(laid[15:25], axis=1)).max() < 0.25 * 0.2


def test_lifts_are_smooth_within_a_piece():
    texture, places = halves(0.2)
    within = lifts(texture, places)[10:30, 10:30, 0]
    assert max(np.abs(np.diff(within, axis=axis)).max() for axis in (0, 1)) < 0.2 * 0.2


def test_what_agrees_is_left_as_it_is():
    texture, places = halves(0.0)
    texture += np.tile(np.random.default_rng(1).random((SIDE, SIDE, 1), np.float32), (1, 2, 1))
    assert lifts(texture, places) == pytest.approx(0.0, abs=1e-6)
