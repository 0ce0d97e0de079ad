import numpy as np
import pytest
from numpy.typing import NDArray

from torana.engine.photometry import Grade, Light, develop

STRONG = Grade(
    gamma=0.7,
    contrast=0.4,
    tint=(0.02, 0.05),
    saturation=1.4,
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
    grade = Grade(gamma=0.8, saturation=1.4, hue=0.2, light=Light(slope=0.8, pool=0.8))
    out = develop(ramp(3), grade, seed=4).astype(int)
    assert np.ptp(out, axis=2).max() == 0


def test_one_channel_is_graded_as_three_are():
    grade = Grade(gamma=0.8, contrast=0.3, light=Light(slope=0.8, pool=0.8))
    one, three = develop(ramp(1), grade, seed=4), develop(ramp(3), grade, seed=4)
    assert np.abs(one[..., 0].astype(int) - three[..., 0]).max() <= 1


def test_brightness_is_never_turned_over():
    grade = Grade(gamma=0.6, contrast=0.45, lift=0.1, scale=1.3, grain=False)
    assert (np.diff(develop(ramp(1), grade, seed=1)[0, :, 0].astype(int)) >= 0).all()


def test_alpha_passes_untouched_and_nothing_is_black():
    picture = np.zeros((2, 256, 4), np.float32)
    picture[..., 3] = np.arange(256) / 255.0
    picture[..., 0] = picture[..., 3]
    out = develop(picture, STRONG, seed=1)
    assert (out[..., 3] == np.arange(256)).all()
    assert (out[:, 0] == 0).all()


def test_a_colour_does_not_depend_on_how_much_it_covers():
    picture = np.ones((1, 2, 4), np.float32) * np.array([0.6, 0.3, 0.2, 1.0], np.float32)
    picture[0, 1] *= 0.5
    out = develop(picture, Grade(gamma=0.8, tint=(0.01, 0.03), grain=False), seed=1).astype(int)
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
    grade = Grade(gamma=1.4, saturation=1.5, hue=-0.12, grain=False)
    out = develop(blues.astype(np.float32), grade, seed=0).astype(int)
    assert max(np.abs(np.diff(out, axis=axis)).max() for axis in (0, 1)) <= 12
