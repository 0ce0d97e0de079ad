import numpy as np

from torana.engine.texture.seams import joined
from torana.engine.texture.search import Stuff

SIDE, SPACING = 40, 20


def stuff(plane: np.ndarray) -> Stuff:
    """A plane of which all is usable and the first square open, but for its rim."""
    opened = np.zeros((SIDE, SIDE), np.uint8)
    opened[4:-4, 4:-4] = 1
    sorts = np.zeros((*plane.shape[:2], 6), np.float32)
    return Stuff(plane.astype(np.float32), sorts, opened, np.ones(plane.shape[:2], np.uint8), 5.0)


def ways(places: np.ndarray) -> np.ndarray:
    """How far from each pixel it is taken."""
    return places - np.moveaxis(np.mgrid[0:SIDE, 0:SIDE], 0, 2)


def test_what_is_closed_stays():
    noise = np.random.default_rng(1).random((SIDE, 3 * SIDE, 1))
    given = stuff(noise)
    places = joined(given, np.array([[20, 20, 0, SIDE]], np.int32), SPACING)
    assert (ways(places)[given.open == 0] == 0).all()


def test_a_piece_that_suits_fills_all_it_can():
    once = np.random.default_rng(1).random((SIDE, SIDE, 1))
    given = stuff(np.concatenate([once, once], axis=1))
    places = joined(given, np.array([[20, 20, 0, SIDE]], np.int32), SPACING)
    assert (ways(places)[given.open > 0] == (0, SIDE)).all()


def test_two_pieces_meet_where_they_agree():
    # The further from one column, off the middle between their centres, the less the two pieces are alike.
    plane = np.zeros((SIDE, 3 * SIDE, 1))
    plane[:, SIDE : 2 * SIDE, 0] = 0.1 * np.abs(np.arange(SIDE) - 14)
    plane[:, :14] = plane[:, SIDE : SIDE + 14]
    found = np.array([[20, 10, 0, SIDE], [20, 26, 0, 2 * SIDE]], np.int32)
    places = ways(joined(stuff(plane), found, SPACING))
    inner = places[8:-8, 8:-8, 1]
    assert set(np.unique(inner)) == {SIDE, 2 * SIDE}
    for row in inner:
        steps = np.flatnonzero(np.diff(row)) + 8
        assert ((steps >= 12) & (steps <= 15)).all()


def test_nothing_is_taken_beyond_a_pictures_edge():
    given = stuff(np.random.default_rng(1).random((SIDE, 2 * SIDE, 1)))
    places = joined(given, np.array([[20, 20, 0, 30], [20, 20, 0, SIDE + 10]], np.int32), SPACING)
    taken = places[(ways(places) != 0).any(2)]
    assert taken.min() >= 0
    assert taken[:, 1].max() < 2 * SIDE
