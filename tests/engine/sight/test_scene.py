import numpy as np
import pytest

from torana.engine.sight.scene import extent, survey
from torana.engine.sight.structure import Kind, Structure


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


def test_a_margin_catches_no_eye_and_holds_no_words(coffee):
    written = np.zeros((36, 36))
    written[:, :18] = 1.0
    structure = Structure(Kind.PHOTO, lettered=True, upright=0.0, border=False, grey=False, written=written)
    scene = survey(coffee, structure, content=(0.0, 0.25, 1.0, 0.75))
    height, width = scene.attention.shape
    assert scene.attention[: height // 5].max() == scene.attention[-height // 5 :].max() == 0.0
    assert scene.attention[height // 3 : height // 2, : width // 3].min() >= 0.8
    assert scene.written.shape == scene.attention.shape
    assert scene.written[height // 3, : width // 3].min() == 1.0
    assert scene.written[:, width // 2 + 1 :].max() == scene.written[: height // 5].max() == 0.0


def test_a_thing_has_an_extent_and_the_same_stuff_all_along_has_none():
    plain = Structure(Kind.PHOTO, lettered=False, upright=0.0, border=False, grey=False)
    gravel = np.random.default_rng(2).normal(128, 40, (100, 400, 3)).clip(0, 255).astype(np.uint8)
    assert extent(gravel, plain, 1) < 0.01
    gravel[20:80, 120:240] = (220, 40, 30)
    assert 0.25 < extent(gravel, plain, 1) < 0.6
