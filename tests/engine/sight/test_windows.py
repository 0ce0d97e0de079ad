import numpy as np
import pytest
from numpy.typing import NDArray

from torana.engine.sight.windows import PLACES, merits


def best(worth: NDArray[np.float64]) -> tuple[int, int]:
    row, column = np.unravel_index(worth.argmax(), worth.shape)
    return int(row), int(column)


def spot(x: int, y: int, shape: tuple[int, int] = (40, 60)) -> NDArray[np.float64]:
    attention = np.zeros(shape)
    attention[y - 3 : y + 3, x - 3 : x + 3] = 1.0
    return attention


def test_the_whole_keeps_everything():
    worth = merits(spot(30, 20), (1.0, 1.0))
    assert worth.shape == (PLACES, PLACES)
    assert worth == pytest.approx(1.0, abs=0.01)


def test_the_best_window_is_about_the_subject():
    row, column = best(merits(spot(45, 10), (0.4, 0.4)))
    left, top = column / (PLACES - 1) * 0.6 * 60, row / (PLACES - 1) * 0.6 * 40
    assert left + 0.4 * 60 / 2 == pytest.approx(45, abs=3)
    assert top + 0.4 * 40 / 2 == pytest.approx(10, abs=3)


def test_cutting_through_is_worse_than_keeping_clear_and_better_than_losing():
    row = merits(spot(30, 20), (0.4, 1.0))[0]
    starts = np.linspace(0.0, 36.0, PLACES)
    clear, cut, lost = (row[np.abs(starts - start).argmin()] for start in (18, 31, 0))
    assert clear > cut + 0.2
    assert cut > lost


def test_a_subject_at_the_picture_s_own_edge_is_not_cut_by_it():
    attention = spot(3, 20)
    row = merits(attention, (0.5, 1.0))[0]
    assert row[0] > 0.85


def test_no_attention_at_all_prefers_the_middle():
    assert best(merits(np.zeros((9, 9)), (0.5, 0.5))) == (PLACES // 2, PLACES // 2)
    assert np.isfinite(merits(np.ones((1, 1)), (0.5, 0.1))).all()
