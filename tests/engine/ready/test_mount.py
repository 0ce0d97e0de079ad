import numpy as np
import pytest

from torana.engine.ready.mount import Margins, around, beside, completed, mounted, reduced


def sky(height: int, width: int) -> np.ndarray:
    """Light that grows evenly from the top down."""
    return np.broadcast_to(np.linspace(60, 200, height)[:, None, None], (height, width, 3)).astype(np.uint8)


def stripes(height: int, width: int) -> np.ndarray:
    """Upright stripes that cross the first row and the last."""
    levels = np.where(np.arange(width) // 12 % 2 > 0, 220, 40)
    return np.broadcast_to(levels[None, :, None], (height, width, 3)).astype(np.uint8)


def test_the_picture_itself_is_untouched(coffee):
    framed = mounted(coffee, Margins(30, 20, 10, 40))
    height, width = coffee.shape[:2]
    assert framed.shape == (height + 60, width + 40, 3)
    assert (framed[20 : 20 + height, 30 : 30 + width] == coffee).all()


def test_an_even_picture_goes_on_evenly():
    framed = mounted(sky(100, 60), Margins(50, 0, 50, 0)).astype(int)
    assert np.abs(framed - framed[:, 80:81])[25:-25].max() <= 4


def test_ink_at_an_edge_is_not_drawn_out():
    paper = np.full((200, 200, 1), 230, np.uint8)
    paper[:, 90:94] = 20
    framed = mounted(paper, Margins(0, 60, 0, 60))
    assert framed[:60].min() > 220
    assert framed[-60:].min() > 220


@pytest.mark.parametrize("aspect", [0.25, 1.0, 4.0])
def test_margins_all_about_bring_the_proportions(aspect):
    margins = around(sky(100, 200), aspect, room=0.1)
    width, height = 200 + margins.left + margins.right, 100 + margins.top + margins.bottom
    assert min(margins.left, margins.right, margins.top, margins.bottom) >= 10
    assert width / height == pytest.approx(aspect, rel=0.25)


def test_only_calm_edges_get_margins(rocket):
    assert beside(sky(400, 100), 1.0) == Margins(150, 0, 150, 0)
    crossed = sky(400, 100).copy()
    crossed[150:250, 90:] = 0
    assert beside(crossed, 1.0) == Margins(150, 0, 0, 0)
    assert beside(rocket, 0.5).bottom == 0


def test_only_huge_pictures_are_reduced(coffee):
    assert reduced(coffee, 512) is coffee
    huge = reduced(np.full((30, 5000, 4), (10, 200, 30, 128), np.uint8), 1024)
    assert huge.shape == (10, 1667, 4)
    assert (huge == (10, 200, 30, 128)).all()


def test_edges_that_are_crossed_get_margins_up_to_a_depth():
    source = stripes(100, 400)
    nothing = Margins(0, 0, 0, 0)
    assert completed(source, nothing, 4.0) == nothing
    assert completed(source, nothing, 3.2) == Margins(0, 13, 0, 13)
    assert completed(source, nothing, 0.5) == Margins(0, 80, 0, 80)
    assert completed(source, Margins(0, 50, 0, 0), 2.0) == Margins(0, 50, 0, 50)


def test_paper_gets_a_ground_and_the_world_goes_on():
    source = stripes(100, 400)
    paper, world = (mounted(source, Margins(0, 40, 0, 40), seen=seen)[38:40, 100:300, 0] for seen in (False, True))
    assert world.std() > 3 * paper.std()
