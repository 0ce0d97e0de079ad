import numpy as np
import pytest

from torana.engine.sight.scene import survey


def test_a_scene_knows_its_size_and_where_to_look(coffee):
    scene = survey(coffee)
    assert (scene.width, scene.height) == (600, 400)
    assert scene.attention.shape == (len(scene.busy_rows), len(scene.busy_columns))
    assert max(scene.attention.shape) <= 72
    assert scene.content == (0.0, 0.0, 1.0, 1.0)


def test_the_content_of_a_logo_is_what_can_be_seen(logo):
    assert survey(logo).content == pytest.approx((0.2, 0.2, 0.803, 0.803), abs=0.005)


def test_the_content_on_white_paper_is_what_is_not_white():
    source = np.full((100, 200, 3), 255, np.uint8)
    source[30:60, 50:150] = (200, 30, 30)
    assert survey(source).content == pytest.approx((0.25, 0.3, 0.75, 0.6))


def test_a_flat_picture_is_all_content():
    assert survey(np.full((20, 30, 3), 77, np.uint8)).content == (0.0, 0.0, 1.0, 1.0)
