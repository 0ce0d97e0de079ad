import numpy as np
import pytest

from torana.engine.texture.weave import woven

NOTHING = np.zeros((36, 36))


def go_on() -> None:
    """Nobody cancels."""


def lawn(seed: int = 1, channels: int = 3) -> np.ndarray:
    """Noise with strokes, all over the picture, darker to the right."""
    grain = np.random.default_rng(seed).random((200, 240, 1))
    grain = (grain + np.roll(grain, 1, 0) + np.roll(grain, 1, 1) + np.roll(grain, 2, 0)) / 4.0
    light = np.linspace(0.75, 0.25, 240)[None, :, None]
    return np.repeat(np.clip(light + 1.2 * (grain - 0.5), 0, 1), channels, axis=2).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3])
def test_more_share_changes_more(channels):
    picture = lawn(channels=channels)
    changed = [
        float((woven([picture], NOTHING, share=share, seed=5, cancelled=go_on) != picture).any(2).mean())
        for share in (0.0, 0.4, 1.0)
    ]
    assert changed[0] == 0.0
    assert 0.1 < changed[1] < 0.7
    assert changed[2] > 0.7


def test_light_and_contrast_stay():
    picture = lawn()
    out = woven([picture], NOTHING, share=1.0, seed=5, cancelled=go_on)
    before, after = (p.reshape(10, 20, 12, 20, 3).mean((1, 3)) for p in (picture, out))
    assert np.abs(before - after).max() < 0.06
    assert out.std() == pytest.approx(picture.std(), rel=0.1)


def test_photographs_of_things_are_left_alone(coffee, rocket, cat):
    for photo in (coffee, rocket, cat):
        picture = photo.astype(np.float32) / 255.0
        assert woven([picture], NOTHING, share=1.0, seed=5, cancelled=go_on) is picture


def test_another_lawn_lends_its_texture_and_a_cup_does_not(coffee):
    picture, other = lawn(1), lawn(2)[::-1].copy()
    alone = woven([picture], NOTHING, share=1.0, seed=5, cancelled=go_on)
    assert (woven([picture, other], NOTHING, share=1.0, seed=5, cancelled=go_on) != alone).any(2).mean() > 0.2
    cup = coffee[:200, :240].astype(np.float32) / 255.0
    assert np.array_equal(woven([picture, cup], NOTHING, share=1.0, seed=5, cancelled=go_on), alone)


def test_it_can_be_cancelled():
    def stop():
        raise TimeoutError

    with pytest.raises(TimeoutError):
        woven([lawn()], NOTHING, share=1.0, seed=5, cancelled=stop)
