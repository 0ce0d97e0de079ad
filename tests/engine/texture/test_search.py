import numpy as np

from torana.engine.texture.search import Stuff, searched


def stuff(side: int, *, barred: float) -> Stuff:
    """Noise of which the middle is open and all may be taken."""
    rng = np.random.default_rng(4)
    opened = np.zeros((side, side), np.uint8)
    opened[side // 4 : -side // 4, side // 4 : -side // 4] = 1
    plane = rng.random((side, side, 3)).astype(np.float32)
    return Stuff(plane, opened, np.ones((side, side), np.uint8), barred)


def test_open_places_take_from_afar_and_others_from_themselves():
    levels = [stuff(32, barred=5.0), stuff(64, barred=10.0)]
    places = searched(levels, 9)
    own = np.moveaxis(np.mgrid[0:64, 0:64], 0, 2)
    apart = np.hypot(*(places - own).transpose(2, 0, 1))
    opened = levels[-1].open > 0
    assert (apart[~opened] == 0).all()
    assert apart[opened].min() >= 10.0


def test_the_same_seed_finds_the_same_places():
    levels = [stuff(40, barred=6.0)]
    assert (searched(levels, 3) == searched(levels, 3)).all()
    assert (searched(levels, 3) != searched(levels, 4)).any()


def test_an_exact_repetition_is_found():
    half = np.random.default_rng(6).random((48, 24, 3)).astype(np.float32)
    plane = np.concatenate([half, half], axis=1)
    opened = np.zeros((48, 48), np.uint8)
    opened[16:32, 6:18] = 1
    places = searched([Stuff(plane, opened, np.ones((48, 48), np.uint8), 8.0)], 1)
    y, x = np.nonzero(opened)
    assert (places[y, x] == np.stack([y, x + 24], axis=1)).all(1).mean() > 0.8


def test_where_nothing_may_be_taken_nothing_is():
    barren = stuff(32, barred=5.0)
    places = searched([Stuff(barren.plane, barren.open, np.zeros((32, 32), np.uint8), 5.0)], 1)
    assert (places[barren.open > 0, 0] == -1).all()
