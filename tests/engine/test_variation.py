import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from torana.engine import variation
from torana.engine.sight.structure import examine
from torana.engine.texture.weave import woven
from torana.engine.variation import vary, warm

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Request:
    """What is asked of ``vary`` besides its sources."""

    size: tuple[int, int] = (128, 128)
    seed: int = 5
    index: int = 0
    n: int = 1
    strength: float = 0.5


def made(source: Pixels | list[Pixels], **changes: Any) -> Pixels:
    sources = source if isinstance(source, list) else [source]
    return vary(sources, **asdict(Request(**changes)))


def thumb(picture: Pixels) -> NDArray[np.float64]:
    """The picture as 16 x 16 colours, where framing, light and colour show and fine texture does not."""
    colour = picture[..., :3] if picture.shape[2] > 2 else picture[..., :1].repeat(3, axis=2)
    small = Image.fromarray(np.ascontiguousarray(colour)).resize((16, 16), Image.Resampling.BOX)
    return np.asarray(small).astype(float)


def apart(one: Pixels, other: Pixels) -> float:
    """Mean difference in levels of two thumbs."""
    return float(np.abs(thumb(one) - thumb(other)).mean())


def of_channels(channels: int, shape: tuple[int, int] = (60, 80)) -> Pixels:
    return np.random.default_rng(channels).integers(0, 256, (*shape, channels)).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(16, 16), (97, 61), (200, 40)])
def test_size_and_channels_are_exact(channels, size):
    out = made(of_channels(channels), size=size)
    assert out.shape == (size[1], size[0], channels)
    assert out.dtype == np.uint8


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    channels=st.integers(1, 4),
    out=st.tuples(st.integers(16, 90), st.integers(16, 90)),
    seed=st.integers(0, 2**63 - 1),
    strength=st.floats(0, 1),
)
def test_anything_can_be_varied(height, width, channels, out, seed, strength):
    source = np.random.default_rng(seed).integers(0, 256, (height, width, channels)).astype(np.uint8)
    assert made(source, size=out, seed=seed, strength=strength).shape == (out[1], out[0], channels)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (2000, 1), (10, 900), (900, 10)])
@pytest.mark.parametrize("size", [(64, 64), (16, 256)])
def test_extreme_shapes(shape, size):
    assert made(of_channels(3, shape), size=size, strength=1.0).shape == (size[1], size[0], 3)


def test_the_same_request_gives_the_same_bytes_in_any_thread_and_process(cat):
    request: dict[str, Any] = {"size": (96, 80), "seed": 2**63 - 1, "index": 2, "n": 4, "strength": 0.7}
    here = vary([cat], **request)
    with ThreadPoolExecutor(4) as threads:
        for again in threads.map(lambda _: vary([cat], **request), range(4)):
            assert (again == here).all()
    program = (
        "import sys, hashlib, numpy as np; from torana.engine.variation import vary;"
        f"source = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape({cat.shape});"
        f"print(hashlib.sha256(vary([source], **{request}).tobytes()).hexdigest())"
    )
    there = subprocess.run([sys.executable, "-c", program], input=cat.tobytes(), capture_output=True, check=True)
    assert there.stdout.decode().strip() == hashlib.sha256(here.tobytes()).hexdigest()


def test_the_source_is_left_as_it_was(coffee):
    before = coffee.copy()
    made(coffee)
    assert (coffee == before).all()


def test_each_differs_from_the_source_and_from_the_others(cat, coffee, rocket):
    for source in (cat, coffee, rocket):
        plain = made(source, strength=0.0)
        pictures = [made(source, index=i, n=4) for i in range(4)]
        assert min(apart(plain, picture) for picture in pictures) > 8
        assert min(apart(one, other) for one, other in combinations(pictures, 2)) > 8


def test_no_two_of_ten_look_alike(coffee):
    pictures = [made(coffee, index=i, n=10) for i in range(10)]
    assert min(apart(one, other) for one, other in combinations(pictures, 2)) > 12


def test_no_strength_is_next_to_a_plain_crop(coffee):
    plain = np.asarray(Image.fromarray(coffee).resize((300, 200), Image.Resampling.BICUBIC)).astype(int)
    for index in range(3):
        out = made(coffee, size=(300, 200), index=index, n=3, strength=0.0)
        assert np.abs(out - plain).mean() < 4


@pytest.mark.parametrize("name", ["cat", "rocket", "page", "logo"])
def test_more_strength_goes_further(name, request):
    source = request.getfixturevalue(name)
    plain = made(source, size=(64, 64), strength=0.0)
    distances = [
        np.mean([apart(plain, made(source, size=(64, 64), index=i, n=6, strength=s)) for i in range(6)])
        for s in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    assert distances == sorted(distances)
    assert distances[0] < 2.5
    assert distances[-1] > 10


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_grey_stays_grey(cat, strength):
    grey = np.repeat(cat.mean(2).astype(np.uint8)[..., None], 3, axis=2)
    for index in range(3):
        assert np.ptp(made(grey, index=index, n=3, strength=strength).astype(int), axis=2).max() <= 1


def test_alpha_is_kept(logo, coffee):
    out = made(logo, size=(200, 200), strength=0.8)
    share = (out[..., 3] == 255).mean()
    assert 0.15 < share < 0.9
    assert (out[[0, 0, -1, -1], [0, -1, 0, -1], 3] == 0).all()
    assert (out[out[..., 3] == 0][:, :3] == 0).all()
    solid = np.dstack([coffee, np.full(coffee.shape[:2], 255, np.uint8)])
    assert (made(solid, strength=1.0)[..., 3] == 255).all()


def test_edges_of_what_is_cut_out_take_no_colour_from_what_is_hidden(logo):
    hidden = logo.copy()
    hidden[logo[..., 3] == 0, :3] = (0, 255, 0)
    assert (made(hidden) == made(logo)).all()


def test_flat_stays_flat():
    out = made(np.full((50, 70, 3), (120, 140, 90), np.uint8), strength=1.0)
    assert np.ptp(out.reshape(-1, 3).astype(int), axis=0).max() == 0


def test_writing_is_not_mirrored(page):
    ink = (page[..., 0] < 120).mean(0)
    assert ink[: len(ink) // 4].mean() > 1.5 * ink[-len(ink) // 8 :].mean()
    for index in range(6):
        out = made(page, size=(480, 300), index=index, n=6)
        drawn = (out[..., 0] < out.mean() - 60).mean(0)
        assert drawn[: len(drawn) // 4].mean() > drawn[-len(drawn) // 8 :].mean()


def test_a_sprite_keeps_its_few_colours(sprite):
    out = made(sprite, size=(320, 320))
    _, counts = np.unique(out.reshape(-1, 3), axis=0, return_counts=True)
    assert np.sort(counts)[-4:].sum() > 0.85 * counts.sum()


def test_it_is_as_sharp_as_the_resizing_of_its_crop_allows(cat):
    out = made(cat, size=(256, 256), strength=0.5)
    plain = np.asarray(Image.fromarray(cat[:, 75:375]).resize((256, 256), Image.Resampling.BICUBIC))

    def detail(picture: Pixels) -> float:
        grey = picture.mean(2)
        return float(np.abs(np.diff(grey, axis=1)).mean() / grey.std())

    assert detail(out) > 0.55 * detail(plain)


def test_every_source_leaves_its_mark(cat, coffee, rocket):
    everything = made([cat, coffee, rocket])
    for fewer in ([cat], [cat, coffee], [cat, rocket]):
        assert apart(everything, made(fewer)) > 1.5


def of_grain(seed: int) -> Pixels:
    """A picture of nothing but soft grain, grey."""
    noise = np.random.default_rng(seed).normal(128, 60, (300, 300))
    soft = Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.5))
    grain = np.asarray(soft, np.float64)
    levels: Pixels = np.clip(120 + 35 * (grain - grain.mean()) / grain.std(), 0, 255).astype(np.uint8)
    return levels[..., None]


def test_a_further_source_lends_its_texture():
    lawn, gravel = of_grain(1), of_grain(2)
    alone, both = (made(sources, size=(200, 200), strength=1.0) for sources in ([lawn], [lawn, gravel]))
    # Light and colours differ far less than this, so the rest is texture.
    assert np.abs(alone.astype(int) - both).mean() > 3 * apart(alone, both)


def test_a_cats_fur_is_made_up_anew(cat, monkeypatch):
    out = made(cat, size=(256, 256), strength=0.75).astype(int)
    monkeypatch.setattr(variation, "woven", lambda tiles, *_, **__: tiles[0])
    assert (np.abs(out - made(cat, size=(256, 256), strength=0.75)).max(2) > 10).mean() > 0.1


def test_a_sign_on_a_lawn_stays_while_the_lawn_is_made_up_anew(monkeypatch):
    picture = Image.fromarray(of_grain(3)[..., 0])
    draw = ImageDraw.Draw(picture)
    draw.rectangle((60, 110, 240, 170), fill=235)
    draw.text((70, 124), "KEEP OFF THE", fill=10, font=ImageFont.load_default(24))
    source = np.asarray(picture)[..., None]
    assert examine(source).lettered
    out = made(source, size=(256, 256), strength=0.75)[..., 0].astype(int)
    monkeypatch.setattr(variation, "woven", lambda tiles, *_, **__: tiles[0])
    plain = made(source, size=(256, 256), strength=0.75)[..., 0].astype(int)
    new = np.abs(out - plain) > 10
    bright = Image.fromarray((plain > plain.max() - 25).astype(np.uint8) * 255)
    sign = np.asarray(bright.filter(ImageFilter.MinFilter(9)).filter(ImageFilter.MaxFilter(13)))
    assert new.mean() > 0.1
    assert new[sign > 0].mean() < 0.02


def test_a_page_is_shown_whole_whatever_the_proportions(page):
    for size in ((256, 256), (128, 384)):
        out = made(page, size=size, strength=0.75)[..., 0].astype(int)
        rim = np.concatenate([out[:6].ravel(), out[-6:].ravel(), out[:, :3].ravel(), out[:, -3:].ravel()])
        assert rim.min() > out.min() + 0.35 * np.ptp(out)


def test_sources_of_other_channels_may_lend(cat, page, logo):
    assert made([cat, page, logo]).shape == (128, 128, 3)
    assert made([page, cat]).shape == (128, 128, 1)


def test_cancelling_stops_between_stages(cat):
    calls: list[None] = []

    def cancelled():
        calls.append(None)
        if len(calls) == 2:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        vary([cat], size=(64, 64), seed=1, index=0, n=1, strength=0.5, cancelled=cancelled)
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sources": []}, "sources"),
        ({"sources": [np.zeros((4, 4), np.uint8)]}, "sources"),
        ({"sources": [np.zeros((4, 4, 3), np.float32)]}, "sources"),
        ({"sources": [np.zeros((0, 4, 3), np.uint8)]}, "sources"),
        ({"size": (15, 64)}, "size"),
        ({"size": (64, 4097)}, "size"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"index": 3, "n": 3}, "index"),
        ({"strength": 1.01}, "strength"),
        ({"strength": float("nan")}, "strength"),
    ],
)
def test_what_is_out_of_range_is_named(change, message):
    request = {"sources": [of_channels(3)], "size": (64, 64), "seed": 1, "index": 0, "n": 1, "strength": 0.5} | change
    with pytest.raises(ValueError, match=f"^{message}: "):
        vary(request.pop("sources"), **request)


def test_warming_reaches_the_last_kernel(monkeypatch):
    changed = []

    def watched(tiles, *args, **asked):
        changed.append(woven(tiles, *args, **asked) is not tiles[0])
        return tiles[0]

    monkeypatch.setattr(variation, "woven", watched)
    warm()
    assert any(changed)
