import numpy as np

from torana.engine.texture.search import Stuff, pieces

SPACING = 10


def stuff(side: int = 80, *, tiles: int = 1, barred: float = 12.0) -> Stuff:
    """Noise of which the middle is open and all may be taken."""
    rng = np.random.default_rng(4)
    opened = np.zeros((side, side), np.uint8)
    opened[side // 4 : -side // 4, side // 4 : -side // 4] = 1
    plane = rng.random((side, tiles * side, 3)).astype(np.float32)
    sorts = np.zeros((side, tiles * side, 6), np.float32)
    return Stuff(plane, sorts, opened, np.ones((side, tiles * side), np.uint8), barred)


def test_pieces_cover_what_is_open_and_come_from_afar():
    given = stuff()
    found = pieces(given, SPACING, 9)
    assert np.hypot(found[:, 2], found[:, 3]).min() >= given.barred
    for y, x in np.argwhere(given.open > 0)[::37]:
        assert np.hypot(found[:, 0] - y, found[:, 1] - x).min() < 1.5 * SPACING


def test_the_same_seed_finds_the_same_pieces():
    given = stuff()
    assert np.array_equal(pieces(given, SPACING, 3), pieces(given, SPACING, 3))
    assert not np.array_equal(pieces(given, SPACING, 3), pieces(given, SPACING, 4))


def test_the_likest_place_is_taken():
    given = stuff()
    given.plane[:] = 0.0
    given.plane[:, :20], given.plane[:, 40:60] = 1.0, 1.0
    found = pieces(given, 4, 1)
    same = given.plane[found[:, 0], found[:, 1], 0] == given.plane[*(found[:, :2] + found[:, 2:]).T, 0]
    assert same.mean() > 0.9


def test_no_place_is_taken_over_and_over():
    found = pieces(stuff(120), SPACING, 2)
    sources = found[:, :2] + found[:, 2:]
    apart = np.hypot(*(sources[:, None] - sources).transpose(2, 0, 1)) + 999.0 * np.eye(len(sources))
    assert (apart < SPACING).sum(1).max() <= 4


def test_another_sort_of_texture_is_not_taken():
    given = stuff()
    given.sorts[20:60, 20:60] = 2.0
    found = pieces(given, 6, 1)
    inside = (abs(found[:, :2] - 40) <= 10).all(1)
    assert (abs(found[inside, :2] + found[inside, 2:] - 40) < 26).all()


def test_every_picture_lends_and_of_the_others_only_the_texture_must_suit():
    given = stuff(tiles=3)
    given.sorts[:, 80:160, :3] = 9.0
    given.sorts[:, 160:, 3:] = 9.0
    lenders = {int(u) // 80 for seed in range(6) for u in pieces(given, SPACING, seed)[:, [1, 3]].sum(1)}
    assert lenders == {0, 1}


def test_where_nothing_may_be_taken_nothing_is():
    barren = stuff()
    barren.usable[:] = 0
    assert len(pieces(barren, SPACING, 1)) == 0
