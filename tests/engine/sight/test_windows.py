import numpy as np
import pytest
from numpy.typing import NDArray

from torana.engine.sight.windows import PLACES, merits, span

NOTHING = np.zeros((40, 60))


def best(worth: NDArray[np.float64]) -> tuple[int, int]:
    row, column = np.unravel_index(worth.argmax(), worth.shape)
    return int(row), int(column)


def spot(x: int, y: int, shape: tuple[int, int] = (40, 60)) -> NDArray[np.float64]:
    attention = np.zeros(shape)
    attention[y - 3 : y + 3, x - 3 : x + 3] = 1.0
    return attention


def test_the_whole_keeps_everything():
    worth = merits(spot(30, 20), NOTHING, (1.0, 1.0))
    assert worth.shape == (PLACES, PLACES)
    assert worth == pytest.approx(1.0, abs=0.01)


def test_the_best_window_is_about_the_subject():
    row, column = best(merits(spot(45, 10), NOTHING, (0.4, 0.4)))
    left, top = column / (PLACES - 1) * 0.6 * 60, row / (PLACES - 1) * 0.6 * 40
    assert left + 0.4 * 60 / 2 == pytest.approx(45, abs=3)
    assert top + 0.4 * 40 / 2 == pytest.approx(10, abs=3)


def test_cutting_through_is_worse_than_keeping_clear_and_better_than_losing():
    row = merits(spot(30, 20), NOTHING, (0.4, 1.0))[0]
    starts = np.linspace(0.0, 36.0, PLACES)
    clear, cut, lost = (row[np.abs(starts - start).argmin()] for start in (18, 31, 0))
    assert clear > cut + 0.2
    assert cut > lost


def test_a_subject_at_the_picture_s_own_edge_is_not_cut_by_it():
    attention = spot(3, 20)
    row = merits(attention, NOTHING, (0.5, 1.0))[0]
    assert row[0] > 0.85


def test_no_attention_at_all_prefers_the_middle():
    assert best(merits(np.zeros((9, 9)), np.zeros((9, 9)), (0.5, 0.5))) == (PLACES // 2, PLACES // 2)
    assert np.isfinite(merits(np.ones((1, 1)), np.zeros((1, 1)), (0.5, 0.1))).all()


def test_the_span_is_that_of_the_subject_and_some_air():
    assert span(spot(45, 10), 1, NOTHING) == pytest.approx(6 / 60, abs=0.03)
    assert span(spot(45, 10), 0, NOTHING) == pytest.approx(6 / 40, abs=0.03)
    assert span(np.ones((40, 60)), 1, NOTHING) == pytest.approx(1.0, abs=0.02)
    assert span(np.zeros((1, 1)), 1, np.zeros((1, 1))) == pytest.approx(1.0, abs=0.02)


def test_the_span_reaches_from_the_subject_to_the_words():
    assert span(spot(45, 10), 1, spot(15, 30)) == pytest.approx(36 / 60 * 1.16, abs=0.03)


def test_words_are_not_cut():
    _, column = best(merits(spot(45, 20), spot(20, 20), (0.5, 1.0)))
    left = column / (PLACES - 1) * 0.5 * 60
    assert left <= 15
    assert left + 30 > 25


def test_the_faint_end_of_a_subject_is_not_cut_off():
    attention = spot(30, 20)
    attention[8:20, 29:31] = 0.45
    row, _ = best(merits(attention, NOTHING, (0.6, 0.5)))
    assert row / (PLACES - 1) * 0.5 * 40 <= 8
