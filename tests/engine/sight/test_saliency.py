import numpy as np

from torana.engine.colour import to_lab
from torana.engine.resample import shrink
from torana.engine.sight.saliency import attention, blurred, busyness, is_alike


def test_the_eye_goes_to_what_is_unlike_the_border():
    lab = to_lab(np.full((40, 60, 3), 0.5, np.float32))
    lab[15:25, 35:45] = (0.6, 0.2, 0.1)
    seen = attention(lab, None)
    assert seen[15:25, 35:45].mean() > 0.7
    assert seen[:, :15].mean() < 0.2


def test_the_cup_is_seen_and_the_table_is_not(coffee):
    seen = attention(to_lab(shrink(coffee, 72)), None)
    height, width = seen.shape
    assert seen[height // 8 : height // 2, width // 3 : width * 3 // 5].mean() > 3 * seen[:, -width // 6 :].mean()


def test_what_is_hidden_counts_for_nothing():
    lab = to_lab(np.random.default_rng(1).random((40, 40, 3), np.float32))
    alpha = np.zeros((40, 40), np.float32)
    alpha[10:30, 10:20] = 1.0
    seen = attention(lab, alpha)
    assert seen[:, 30:].max() < 0.05


def test_the_map_is_finite_for_any_shape():
    for shape in ((1, 1), (1, 40), (40, 1), (2, 3)):
        lab = to_lab(np.random.default_rng(1).random((*shape, 3), np.float32))
        seen = attention(lab, None)
        assert seen.shape == shape
        assert np.isfinite(seen).all()
        assert seen.min() >= 0.0
        assert seen.max() <= 1.0
        assert [len(busy) for busy in busyness(lab)] == [shape[1], shape[0]]


def test_a_level_horizon_leaves_columns_free_and_rows_busy():
    lab = np.zeros((40, 60, 3), np.float32)
    lab[20:, :, 0] = 0.8
    columns, rows = busyness(lab)
    assert columns.max() < 0.05
    assert rows[18:22].min() > 0.5
    assert rows[:8].max() < 0.05


def test_blur_keeps_a_flat_plane_and_spreads_a_point():
    assert np.allclose(blurred(np.full((9, 12), 3.0), 2.0), 3.0)
    point = np.zeros((21, 21))
    point[10, 10] = 1.0
    spread = blurred(point, 2.0)
    assert spread[10, 10] == spread.max() < 0.1
    assert abs(spread.sum() - 1.0) < 1e-3


def test_a_face_outdoes_brighter_things():
    colours = np.full((48, 64, 3), (0.25, 0.3, 0.4), np.float32)
    colours[5:15, 26:34] = (0.9, 0.7, 0.58)
    colours[34:44, 10:20] = (1.0, 0.1, 0.1)
    seen = attention(to_lab(colours), None)
    assert seen[7:13, 28:32].mean() > 0.75
    assert seen[7:13, 28:32].mean() > seen[36:42, 12:18].mean() + 0.1


def test_the_same_stuff_is_alike_and_a_thing_upon_it_is_not():
    stuff = np.random.default_rng(1).normal(0.5, 0.1, (20, 70, 3)).astype(np.float32)
    thing = stuff.copy()
    thing[:, 20:40, 0] = 0.9
    assert is_alike(stuff, 1)
    assert is_alike(stuff.transpose(1, 0, 2), 0)
    assert not is_alike(thing, 1)
    assert is_alike(np.zeros((1, 1, 3), np.float32), 1)


def test_a_face_near_the_end_of_a_strip_is_seen():
    colours = np.full((72, 20, 3), (0.25, 0.3, 0.4), np.float32)
    colours[8:20, 5:15] = (0.9, 0.7, 0.58)
    colours[40:50, 5:15] = (1.0, 0.1, 0.1)
    seen = attention(to_lab(colours), None)
    assert seen[10:18, 7:13].mean() > 0.75
    assert seen[10:18, 7:13].mean() > seen[42:48, 7:13].mean()
