import numpy as np
import pytest
from numpy.typing import NDArray

from torana.engine.texture.lay import lay

SIDE, FINE = 10, 40


def own_places() -> NDArray[np.int32]:
    """Places that each take from themselves."""
    places: NDArray[np.int32] = np.moveaxis(np.mgrid[0:SIDE, 0:SIDE], 0, 2).astype(np.int32)
    return places


def laid(places: np.ndarray, *, lift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A picture before and after."""
    rng = np.random.default_rng(2)
    light = np.full((FINE, FINE, 2), 0.5, np.float32)
    texture = (0.2 * rng.random((FINE, 2 * FINE, 2)) - 0.1).astype(np.float32)
    before = light + texture[:, :FINE]
    after = before.copy()
    lay(after, light, texture, places, np.full((SIDE, SIDE, 2), lift, np.float32))
    return before, after


def test_what_takes_from_itself_stays_to_the_bit():
    before, after = laid(own_places())
    assert (before == after).all()


def test_a_piece_is_moved_as_a_whole_and_blends_only_at_its_rim():
    places = own_places()
    places[3:7, 3:7, 0] -= 3
    before, after = laid(places)
    assert after[14:26, 14:26] == pytest.approx(before[2:14, 14:26], abs=1e-6)
    assert (after[:10] == before[:10]).all()
    assert (after[30:] == before[30:]).all()


def test_a_blend_keeps_its_contrast():
    places = own_places()
    places[:, :, 0] = np.random.default_rng(3).integers(0, SIDE, (SIDE, SIDE))
    before, after = laid(places)
    assert after.std() == pytest.approx(before.std(), rel=0.15)


def test_a_lift_is_added():
    places = own_places()
    places[3:7, 3:7, 0] -= 3
    flat, lifted = laid(places)[1], laid(places, lift=0.1)[1]
    assert (lifted - flat)[14:26, 14:26] == pytest.approx(0.1, abs=1e-6)
