from dataclasses import replace

import numpy as np
import pytest

from torana.engine.recipe import Draw, Recipe, plan
from torana.engine.sight.structure import Kind, Structure

PHOTO = Structure(kind=Kind.PHOTO, lettered=False, upright=0.0, border=False, grey=False)


def plans(
    n: int, strength: float = 0.5, structure: Structure = PHOTO, *, seed: int = 7, sources: int = 1
) -> list[Recipe]:
    return [plan(Draw(seed, i, n), strength, structure=structure, sources=sources) for i in range(n)]


def test_what_may_hold_a_badge_is_never_mirrored():
    for structure in (replace(PHOTO, lettered=True), replace(PHOTO, marked=True)):
        assert not any(p.framing.mirror for p in plans(10, 1.0, structure))


def test_a_draw_is_repeatable_and_differs_by_seed_and_index():
    assert plans(3) == plans(3)
    assert plans(3) != plans(3, seed=8)
    assert len({repr(p) for p in plans(6)}) == 6


@pytest.mark.parametrize("n", [2, 4, 10])
def test_mirrors_are_shared_out_evenly(n):
    assert sum(p.framing.mirror for p in plans(n)) == n // 2


@pytest.mark.parametrize("n", [4, 10])
def test_zooms_and_turns_visit_every_stratum(n):
    zooms = sorted(p.framing.zoom for p in plans(n, 1.0))
    low, span = 1.04, 1.05
    shares = [((zoom - low) / span) ** (1 / 1.3) for zoom in zooms]
    assert [int(share * n) for share in shares] == list(range(n))
    angles = sorted(
        np.arctan2(p.framing.keystone[1] / 0.32, p.framing.keystone[0] / 0.42) % (2 * np.pi) for p in plans(n, 1.0)
    )
    assert [int(angle / (2 * np.pi) * n) for angle in angles] == list(range(n))


def test_no_strength_asks_for_nothing_of_the_geometry():
    for made in plans(5, 0.0):
        framing = made.framing
        assert (framing.zoom, framing.tilt, framing.shear, framing.stretch, framing.fit) == (1.0, 0, 0, 0, 0)
        assert framing.keystone == (0.0, 0.0)
        assert framing.swing == (0.0, 0.0)
        assert not framing.mirror
        assert abs(made.grade.brightness) < 0.03
        assert max(map(abs, made.grade.tint)) < 0.002


def test_more_strength_asks_for_more_of_the_same():
    for weak, strong in zip(plans(4, 0.3), plans(4, 0.9), strict=True):
        assert strong.framing.zoom > weak.framing.zoom
        assert abs(strong.framing.tilt) > abs(weak.framing.tilt)
        assert strong.framing.tilt * weak.framing.tilt > 0
        assert abs(strong.grade.brightness) > abs(weak.grade.brightness)
        assert strong.grade.brightness * weak.grade.brightness > 0


def test_writing_is_never_mirrored():
    lettered = replace(PHOTO, lettered=True)
    assert not any(p.framing.mirror for p in plans(10, 1.0, lettered))


def test_drawings_keep_their_flat_colours_and_pixels_their_grid():
    for made in plans(5, 1.0, replace(PHOTO, kind=Kind.DRAWING, lettered=True)):
        assert made.grade.light.slope == made.grade.light.pool == 0.0
        assert not made.grade.grain
        assert made.framing.swing == (0.0, 0.0)
    for made in plans(5, 1.0, replace(PHOTO, kind=Kind.PIXELS, lettered=True)):
        assert (made.framing.tilt, made.framing.shear, made.framing.keystone) == (0.0, 0.0, (0.0, 0.0))


def test_grey_gets_no_tint():
    for made in plans(5, 1.0, replace(PHOTO, grey=True)):
        assert made.grade.tint == (0.0, 0.0)
        assert made.grade.light.warmth == 0.0


@pytest.mark.parametrize("n", [4, 10])
def test_moods_are_shared_out(n):
    grades = [made.grade for made in plans(n)]
    warmths, brightnesses = [grade.tint[1] for grade in grades], [grade.brightness for grade in grades]
    for values in (warmths, brightnesses):
        assert min(values) < -0.25 * max(values) < 0.0
    assert sum(grade.brightness > 0.0 for grade in grades) in range(n // 4, n - n // 4 + 1)


def test_light_comes_from_above_or_the_side():
    assert all(np.sin(made.grade.light.angle) <= 0.0 for made in plans(10))


def test_casts_stay_between_deep_shade_and_a_low_sun():
    for seed in range(20):
        for made in plans(4, 1.0, seed=seed):
            assert -0.1 < made.grade.tint[1] < 0.09
            assert made.grade.tint[0] * made.grade.tint[1] >= 0.0


def test_upright_pictures_tilt_less():
    tilts = [abs(p.framing.tilt) for p in plans(6)]
    held = [abs(p.framing.tilt) for p in plans(6, structure=replace(PHOTO, upright=1.0))]
    assert max(held) < 0.3 * max(tilts)


def test_every_further_source_has_its_share():
    for made in plans(4, sources=4):
        assert len(made.borrowed) == 3
        assert min(made.borrowed) > 0.05
        assert sum(made.borrowed) == pytest.approx(0.425)
    assert plans(1)[0].borrowed == ()


def test_texture_is_made_up_anew_from_a_third_of_the_strength_on():
    shares = [plans(1, strength)[0].anew for strength in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert shares[:2] == [0.0, 0.0]
    assert shares == sorted(shares)
    assert 0.2 < shares[2] < 0.5
    assert shares[4] == 1.0
