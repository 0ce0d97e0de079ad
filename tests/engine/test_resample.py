import numpy as np
import pytest
from numpy.typing import NDArray

from torana.engine.resample import View, render, shrink


def plain(source: NDArray[np.uint8], size: tuple[int, int]) -> View:
    """The whole source, fitted to the size."""
    height, width = source.shape[:2]
    return View(np.diag([1 / size[0], 1 / size[1], 1.0]), np.linspace(0, width, 9), np.linspace(0, height, 9))


def test_the_plain_view_at_its_own_size_is_the_source(cat):
    size = cat.shape[1], cat.shape[0]
    seen = render(cat, plain(cat, size), size=size)
    assert np.abs(seen * 255.0 - cat).max() < 1e-3


@pytest.mark.parametrize("size", [(40, 30), (97, 211), (600, 400)])
def test_flat_stays_flat_at_any_scale(size):
    source = np.full((150, 200, 3), (10, 120, 250), np.uint8)
    assert np.allclose(render(source, plain(source, size), size=size) * 255.0, (10, 120, 250), atol=1e-3)


def test_a_step_does_not_ring():
    source = np.full((20, 20, 1), 50, np.uint8)
    source[:, 10:] = 200
    seen = render(source, plain(source, (160, 160)), size=(160, 160)) * 255.0
    assert seen.min() >= 50 - 1e-3
    assert seen.max() <= 200 + 1e-3


def test_shrinking_averages_a_fine_pattern_away():
    source = np.zeros((256, 256, 1), np.uint8)
    source[::2, ::2] = source[1::2, 1::2] = 255
    seen = render(source, plain(source, (32, 32)), size=(32, 32))
    assert np.abs(seen - 0.5).max() < 0.02


def test_shrinking_keeps_the_mean(cat):
    size = (61, 47)
    assert np.allclose(render(cat, plain(cat, size), size=size).mean((0, 1)) * 255.0, cat.mean((0, 1)), atol=1.5)


def test_colour_comes_premultiplied_and_hidden_colour_stays_hidden():
    source = np.zeros((8, 8, 4), np.uint8)
    source[..., :3] = (255, 0, 255)
    source[:, 4:] = (0, 255, 0, 255)
    seen = render(source, plain(source, (64, 64)), size=(64, 64))
    assert np.allclose(seen[..., 0], 0.0, atol=1e-6)
    assert np.allclose(seen[..., 1], seen[..., 3], atol=1e-6)


def test_blocky_keeps_pixels_square():
    source = np.random.default_rng(2).integers(0, 256, (6, 6, 3)).astype(np.uint8)
    seen = render(source, plain(source, (60, 60)), size=(60, 60), blocky=True)
    assert np.allclose(seen * 255.0, source.repeat(10, 0).repeat(10, 1), atol=1e-3)


def test_a_straight_line_stays_straight_in_perspective():
    source = np.zeros((200, 200, 1), np.uint8)
    for x in range(200):
        source[40 + x // 2 - 1 : 40 + x // 2 + 2, x] = 255
    matrix = np.array([[0.8, 0.1, 0.05], [-0.1, 0.9, 0.05], [0.2, 0.1, 1.0]]) @ np.diag([1 / 200, 1 / 200, 1.0])
    seen = render(source, View(matrix, np.linspace(0, 200, 9), np.linspace(0, 200, 9)), size=(200, 200))[..., 0]
    columns = np.arange(20, 180)
    heights = (seen[:, columns] * np.arange(200)[:, None]).sum(0) / seen[:, columns].sum(0)
    bend = heights - np.polyval(np.polyfit(columns, heights, 1), columns)
    assert np.abs(bend).max() < 0.6


def test_beyond_the_edge_the_edge_goes_on():
    source = np.arange(16, dtype=np.uint8).reshape(4, 4, 1) * 10
    view = View(
        np.diag([3 / 32, 3 / 32, 1.0]) @ np.array([[1, 0, -10], [0, 1, -10], [0, 0, 1]]),
        np.linspace(0, 4, 5),
        np.linspace(0, 4, 5),
    )
    seen = render(source, view, size=(32, 32)) * 255.0
    assert seen[0, 0, 0] == pytest.approx(0)
    assert seen[-1, -1, 0] == pytest.approx(150)


def test_at_tells_where_a_pixel_looks():
    view = View(np.diag([0.1, 0.1, 1.0]), np.array([0.0, 10.0, 40.0]), np.array([0.0, 5.0, 10.0]))
    assert np.allclose(view.at(np.array([[5.0, 5.0], [10.0, 10.0]])), [[10.0, 5.0], [40.0, 10.0]])


def test_shrink_averages_whole_blocks():
    source = np.arange(36, dtype=np.uint8).reshape(6, 6, 1)
    assert np.allclose(shrink(source, 3)[0, 0, 0] * 255.0, np.mean([0, 1, 6, 7]))
    assert shrink(source, 100).shape == (6, 6, 1)
