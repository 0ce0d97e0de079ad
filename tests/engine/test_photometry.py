import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from torana.engine.colour import to_lab
from torana.engine.photometry import Grade, Light, develop

STRONG = Grade(
    brightness=1.0,
    contrast=0.4,
    tint=(0.02, 0.05),
    vibrance=0.5,
    hue=0.1,
    light=Light(angle=1.0, slope=0.9, pool=1.0, warmth=0.03),
)


def ramp(channels: int) -> NDArray[np.float32]:
    """Every grey, across."""
    return np.repeat(np.tile(np.arange(256, dtype=np.float32) / 255.0, (4, 1))[..., None], channels, axis=2)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_plain_grade_changes_no_grey(channels):
    out = develop(ramp(channels), Grade(grain=False), seed=1)
    assert np.abs(out.astype(int) - np.arange(256)[None, :, None]).max() <= 1


def test_the_plain_grade_changes_no_photograph(coffee):
    out = develop(coffee.astype(np.float32) / 255.0, Grade(grain=False), seed=1)
    assert np.abs(out.astype(int) - coffee).max() <= 2


def test_grey_channels_stay_equal_without_a_tint():
    grade = Grade(brightness=0.8, vibrance=0.5, hue=0.2, light=Light(slope=0.8, pool=0.8))
    out = develop(ramp(3), grade, seed=4).astype(int)
    assert np.ptp(out, axis=2).max() == 0


def test_one_channel_is_graded_as_three_are():
    grade = Grade(brightness=0.8, contrast=0.3, light=Light(slope=0.8, pool=0.8))
    one, three = develop(ramp(1), grade, seed=4), develop(ramp(3), grade, seed=4)
    assert np.abs(one[..., 0].astype(int) - three[..., 0]).max() <= 1


@given(brightness=st.floats(-2.5, 2.5), contrast=st.floats(-1, 1), low=st.integers(0, 200), span=st.integers(1, 255))
def test_tones_rise_and_keep_black_and_white_whatever_the_picture(brightness, contrast, low, span):
    picture = ramp(1)
    # Most of the picture, and so its own tones, may lie anywhere.
    grade = Grade(brightness=brightness, contrast=contrast, grain=False)
    mostly = np.linspace(low, min(low + span, 255), 256, dtype=np.float32) / 255.0
    out = develop(np.concatenate([picture, *[np.tile(mostly[None, :, None], (4, 1, 1))] * 4]), grade, seed=1)[0, :, 0]
    assert (np.diff(out.astype(int)) >= 0).all()
    assert (out[0], out[-1]) == (0, 255)


@pytest.mark.parametrize("name", ["coffee", "cat", "rocket"])
@pytest.mark.parametrize("brightness", [-1.0, -0.5, 0.5, 1.0])
def test_a_lighter_or_darker_picture_keeps_its_range_of_tones(name, brightness, request):
    photo = request.getfixturevalue(name)
    out = develop(photo.astype(np.float32) / 255.0, Grade(brightness=brightness), seed=1)
    before, after = (np.percentile(to_lab(p.astype(np.float32) / 255.0)[..., 0], [4, 50, 98]) for p in (photo, out))
    assert after[0] < before[0] + 0.01
    assert (after[1] - before[1]) * brightness > 0.01
    # A dim light dims what is bright as well, though less.
    assert after[2] > before[2] - 0.03 - 0.1 * max(-brightness, 0.0)
    assert after[2] - after[0] > (0.93 if brightness > 0.0 else 0.8) * (before[2] - before[0])


def test_night_stays_night(rocket):
    out = develop(rocket.astype(np.float32) / 255.0, Grade(brightness=1.0), seed=1)
    assert np.median(to_lab(out.astype(np.float32) / 255.0)[..., 0]) < 0.42


def test_brighter_colours_are_no_paler(coffee):
    out = develop(coffee.astype(np.float32) / 255.0, Grade(brightness=0.8), seed=1)
    before, after = (to_lab(p.astype(np.float32) / 255.0) for p in (coffee, out))
    assert np.hypot(after[..., 1], after[..., 2]).mean() > 0.97 * np.hypot(before[..., 1], before[..., 2]).mean()


def chroma_of(*colour: float, grade: Grade) -> float:
    picture = np.array([[colour]], np.float32)
    _, a, b = to_lab(develop(picture, grade, seed=1).astype(np.float32) / 255.0)[0, 0]
    return float(np.hypot(a, b))


def test_vibrance_enriches_what_is_pale_more_than_what_is_rich_or_skin():
    def gain(*colour: float) -> float:
        plain, vivid = (chroma_of(*colour, grade=Grade(vibrance=v, grain=False)) for v in (0.0, 0.6))
        return vivid / plain

    pale, rich, skin = gain(0.5, 0.58, 0.6), gain(0.75, 0.15, 0.1), gain(0.85, 0.66, 0.55)
    assert pale > 1.4
    assert 1.0 <= rich < 1.2
    assert 1.0 <= skin < 0.5 + 0.5 * pale


def test_a_cast_shows_on_grey_and_hardly_on_a_night_sky():
    picture = np.array([[[0.3, 0.3, 0.3], [0.12, 0.2, 0.42]]], np.float32)
    plain, warm = (
        to_lab(develop(picture, Grade(tint=tint, grain=False), seed=1).astype(np.float32) / 255.0)[0]
        for tint in ((0.0, 0.0), (0.03, 0.08))
    )
    moved = warm[:, 2] - plain[:, 2]
    assert moved[0] > 0.015
    assert moved[1] < 0.6 * moved[0]


def test_tones_may_have_casts_of_their_own():
    picture = np.array([[[0.2] * 3, [0.85] * 3]], np.float32)
    grade = Grade(toning=((0.3, (0.0, -0.08)), (0.85, (0.0, 0.08))), grain=False)
    dark, bright = develop(picture, grade, seed=1)[0].astype(int)
    assert dark[2] > dark[0] + 5
    assert bright[0] > bright[2] + 5


def test_alpha_passes_untouched_and_nothing_is_black():
    picture = np.zeros((2, 256, 4), np.float32)
    picture[..., 3] = np.arange(256) / 255.0
    picture[..., 0] = picture[..., 3]
    out = develop(picture, STRONG, seed=1)
    assert (out[..., 3] == np.arange(256)).all()
    assert (out[:, 0] == 0).all()


def test_what_is_all_but_clear_is_written_as_nothing():
    picture = np.full((1, 2, 4), 1.96e-3, np.float32)
    assert (develop(picture, STRONG, seed=1) == 0).all()


def test_a_colour_does_not_depend_on_how_much_it_covers():
    picture = np.ones((1, 2, 4), np.float32) * np.array([0.6, 0.3, 0.2, 1.0], np.float32)
    picture[0, 1] *= 0.5
    out = develop(picture, Grade(brightness=0.8, tint=(0.01, 0.03), grain=False), seed=1).astype(int)
    assert np.abs(out[0, 0, :3] - out[0, 1, :3]).max() <= 1


def test_light_falls_from_its_side():
    out = develop(np.full((32, 32, 1), 0.5, np.float32), Grade(light=Light(angle=0.0, slope=0.8)), seed=1)
    assert out[:, -4:].mean() > out[:, :4].mean() + 20


def test_a_warm_tint_is_warm_and_leaves_black_black():
    picture = np.zeros((1, 2, 3), np.float32)
    picture[0, 1] = 0.6
    out = develop(picture, Grade(tint=(0.01, 0.04), grain=False), seed=1).astype(int)
    assert out[0, 0].max() == 0
    assert out[0, 1, 0] > out[0, 1, 2] + 20


def test_strong_colours_under_strong_light_keep_their_drawing():
    picture = np.zeros((4, 256, 3), np.float32)
    picture[..., 1] = np.linspace(0.4, 1.0, 256)
    out = develop(picture, Grade(light=Light(pool=1.2), grain=False), seed=1).astype(int)
    assert len(np.unique(out[0, :, 1])) > 60
    assert np.abs(np.diff(out[0], axis=0)).max() <= 12


def test_grain_is_the_seed_s_and_at_most_one_level():
    flat = np.full((32, 32, 3), 0.503, np.float32)
    first, again, other = (develop(flat, Grade(), seed=seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert np.ptp(first.astype(int)) <= 1


def test_deep_colours_pass_into_one_another_without_a_seam():
    across, down = np.meshgrid(np.linspace(0, 1, 256), np.linspace(0, 1, 256))
    blues = np.stack([across * (1 - down), 0.3 * (1 - across) * (1 - down), 1 - 0.3 * across], axis=2)
    grade = Grade(brightness=-1.0, vibrance=0.6, hue=-0.12, grain=False)
    out = develop(blues.astype(np.float32), grade, seed=0).astype(int)
    assert max(np.abs(np.diff(out, axis=axis)).max() for axis in (0, 1)) <= 12
