import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

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


def anew(picture: np.ndarray, *others: np.ndarray, share: float = 1.0, attention: np.ndarray = NOTHING) -> np.ndarray:
    """The picture made up anew."""
    return woven([picture, *others], attention, share=share, seed=5, cancelled=go_on)


def changed(before: np.ndarray, after: np.ndarray) -> NDArray[np.bool_]:
    """Where something else was put."""
    where: NDArray[np.bool_] = (np.abs(after - before) > 0.02).any(2)
    return where


@pytest.mark.parametrize("channels", [1, 3])
def test_more_share_changes_more(channels):
    picture = lawn(channels=channels)
    shares = [float(changed(picture, anew(picture, share=share)).mean()) for share in (0.0, 0.4, 1.0)]
    assert shares[0] == 0.0
    assert 0.1 < shares[1] < 0.7
    assert shares[2] > 0.7


def test_light_and_contrast_stay():
    picture = lawn()
    out = anew(picture)
    before, after = (p.reshape(10, 20, 12, 20, 3).mean((1, 3)) for p in (picture, out))
    assert np.abs(before - after).max() < 0.08
    assert out.std() == pytest.approx(picture.std(), rel=0.1)


def test_a_cats_fur_is_made_up_anew_around_what_is_noticed(cat):
    picture = cat[:, 75:375].astype(np.float32) / 255.0
    attention = NOTHING.copy()
    attention[12:24, 8:30] = 1.0
    new = changed(picture, anew(picture, attention=attention))
    assert new.mean() > 0.1
    assert new[110:190, 80:240].mean() < 0.02


def test_what_comes_anew_comes_from_elsewhere_and_not_from_a_blur():
    picture = lawn()
    out = anew(picture)
    new = changed(picture, out)
    sharp = [np.abs(np.diff(p, axis=1))[new[:, 1:] & new[:, :-1]].mean() for p in (picture, out)]
    assert sharp[1] > 0.85 * sharp[0]


def test_a_small_lawn_is_enough(cat):
    sky = np.full((256, 256, 3), 0.6, np.float32)
    sky[180:] = lawn()[:76, :].repeat(2, axis=1)[:, :256]
    new = changed(sky, anew(sky))
    assert new[190:].mean() > 0.3
    assert new[:170].mean() == 0


@pytest.mark.parametrize("name", ["coffee", "rocket"])
def test_things_are_left_alone(name, request):
    photo = request.getfixturevalue(name).astype(np.float32) / 255.0
    height, width = photo.shape[:2]
    middle = slice(height // 4, 3 * height // 4), slice(width // 4, 3 * width // 4)
    assert not changed(photo, anew(photo))[middle].any()


def field(seed: int = 3) -> NDArray[np.float64]:
    """Soft grain, grey, 256 pixels a side."""
    noise = np.random.default_rng(seed).normal(128, 60, (256, 256))
    soft = np.asarray(Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.2)))
    level: NDArray[np.float64] = 0.4 + 0.08 * (soft - soft.mean()) / soft.std()
    return level


def test_a_rim_and_a_pole_stay_within_a_pixel():
    y, x = np.mgrid[0:256, 0:256]
    disc, pole = np.hypot(y - 120, x - 90) < 50, (x >= 200) & (x < 206)
    plane = field()
    plane[disc] = 0.75 + 0.3 * (plane[disc] - 0.4)
    plane[pole] = 0.85
    picture = np.repeat(np.clip(plane, 0, 1)[..., None], 3, axis=2).astype(np.float32)
    out = anew(picture)
    assert changed(picture, out).mean() > 0.25
    for before, after in zip(picture[..., 0], out[..., 0], strict=True):
        assert abs(edge(before[180:203]) - edge(after[180:203])) <= 1
    around = np.abs(np.hypot(y - 120, x - 90) - 50) < 2
    assert np.abs(out - picture)[around].mean() < 0.01


def edge(row: np.ndarray) -> int:
    """Where a row rises most."""
    return int(np.argmax(np.diff(row)))


def test_another_lawn_lends_its_texture_and_a_plain_wall_does_not():
    picture, other = lawn(1), lawn(2)[::-1].copy()
    alone = anew(picture)
    assert changed(alone, anew(picture, other)).mean() > 0.2
    wall = np.full((200, 240, 3), 0.7, np.float32)
    assert np.array_equal(anew(picture, wall), alone)


def test_what_is_transparent_neither_takes_nor_gives():
    picture = np.concatenate([lawn(), np.ones((200, 240, 1), np.float32)], axis=2)
    picture[:, 120:] = 0.0
    out = anew(picture)
    assert (out[:, 120:] == 0.0).all()
    assert (out[:, :120, 3] == 1.0).all()
    assert changed(picture, out)[:, :110].mean() > 0.3
    assert out[:, :110, :3].min() > 0.0


def test_it_can_be_cancelled_at_every_step():
    for last in range(1, 4):
        calls: list[None] = []

        def stop(last: int = last, calls: list[None] = calls) -> None:
            calls.append(None)
            if len(calls) == last:
                raise TimeoutError

        with pytest.raises(TimeoutError):
            woven([lawn()], NOTHING, share=1.0, seed=5, cancelled=stop)
