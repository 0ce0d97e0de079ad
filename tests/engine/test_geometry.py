from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from torana.engine.geometry import Framing, compose
from torana.engine.sight.scene import survey

BOLD = Framing(
    zoom=1.3,
    place=(0.9, 0.2),
    roam=0.3,
    tilt=0.1,
    keystone=(0.3, -0.2),
    shear=0.04,
    stretch=0.1,
    fit=1.0,
    squeeze=0.3,
    swing=(0.4, -0.3),
)


def corners(size: tuple[int, int]) -> NDArray[np.float64]:
    width, height = size
    return np.array([[0.0, 0.0], [width, 0.0], [0.0, height], [width, height]])


def test_the_plain_framing_at_the_same_proportions_is_the_whole(coffee):
    view = compose(survey(coffee), Framing(), size=(300, 200))
    assert np.allclose(view.at(corners((300, 200))), corners((600, 400)), atol=1e-6)


def test_the_plain_framing_crops_without_squeezing(coffee):
    seen = compose(survey(coffee), Framing(), size=(256, 256)).at(corners((256, 256)))
    assert np.allclose(seen[3] - seen[0], (400, 400), atol=1e-6)


@pytest.mark.parametrize("size", [(256, 256), (400, 100), (64, 512)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_photograph_is_never_looked_past(coffee, size, sign):
    bold = replace(BOLD, tilt=BOLD.tilt * sign, keystone=(0.3 * sign, -0.2), mirror=sign < 0)
    seen = compose(survey(coffee), bold, size=size).at(corners(size))
    assert seen.min() >= -1e-6
    assert (seen.max(0) <= (600 + 1e-6, 400 + 1e-6)).all()


def test_a_mirror_swaps_left_and_right(coffee):
    scene = survey(coffee)
    plain, mirrored = (
        compose(scene, Framing(mirror=m), size=(300, 200)).at(corners((300, 200))) for m in (False, True)
    )
    assert np.allclose(plain[[1, 0, 3, 2]], mirrored, atol=1e-6)


def test_places_differ_and_keep_the_subject(coffee):
    scene = survey(coffee)
    centres = []
    for place in (0.0, 0.99):
        view = compose(scene, Framing(zoom=1.2, place=(place, 0.5), roam=0.16), size=(256, 256))
        seen = view.at(corners((256, 256)))
        assert seen[0, 0] < 190
        assert seen[1, 0] > 380
        centres.append(seen[:, 0].mean())
    assert centres[1] - centres[0] > 30


def test_zoom_eases_off_where_it_would_lose_the_subject(cat):
    seen = compose(survey(cat), Framing(zoom=4.0, roam=0.1), size=(256, 256)).at(corners((256, 256)))
    assert seen[1, 0] - seen[0, 0] > 110


def test_only_free_columns_give_way():
    source = np.full((200, 400, 3), 120, np.uint8)
    source[:, 150:250] = np.random.default_rng(1).integers(0, 256, (200, 100, 3))
    view = compose(survey(source), Framing(fit=1.0), size=(200, 200))
    slopes = np.diff(view.columns)
    assert slopes[[5, -5]].mean() > 1.2 * slopes[len(slopes) // 2]
    assert (slopes > 0).all()
    assert (np.diff(view.rows) > 0).all()


def test_a_logo_is_shown_whole_however_it_is_turned(logo):
    scene = survey(logo)
    for size in ((256, 256), (400, 100), (64, 512)):
        around = compose(scene, BOLD, size=size).at(corners(size)[[0, 1, 3, 2]])
        sides = np.roll(around, -1, axis=0) - around
        for corner in ((60, 60), (240, 60), (60, 240), (240, 240)):
            to_corner = corner - around
            inside = (sides[:, 0] * to_corner[:, 1] - sides[:, 1] * to_corner[:, 0]) / np.hypot(*sides.T)
            assert inside.min() > -3


def test_squeezing_brings_more_of_a_wide_picture_in(page):
    scene = survey(page)
    wide = [
        float(np.ptp(compose(scene, Framing(squeeze=squeeze), size=(200, 200)).at(corners((200, 200)))[:, 0]))
        for squeeze in (0.0, 0.5)
    ]
    assert wide[1] > 1.15 * wide[0]


def test_words_stay_in_the_picture_however_it_is_framed(coffee):
    written = np.zeros((36, 36))
    written[2:6, 1:9] = 1.0
    scene = survey(coffee, replace(survey(coffee).structure, written=written))
    for place in (0.0, 0.5, 0.99):
        framing = replace(BOLD, place=(place, place), roam=0.08)
        shown = compose(scene, framing, size=(256, 256)).at(corners((256, 256)))
        assert shown[[0, 2], 0].max() < 600 * 1.8 / 36
        assert shown[[0, 1], 1].max() < 400 * 2.8 / 36
