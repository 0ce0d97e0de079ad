import numpy as np
import pytest
from PIL import Image

from torana.engine.ready.enlarge import enlarged


def test_sides_are_doubled_until_they_suffice():
    assert enlarged(np.zeros((10, 24, 3), np.uint8), 96).shape == (40, 96, 3)
    assert enlarged(np.zeros((10, 100, 3), np.uint8), 96).shape == (10, 100, 3)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_what_is_flat_stays_flat(channels):
    out = enlarged(np.full((5, 7, channels), 77, np.uint8), 50)
    assert np.abs(out.astype(int) - 77).max() <= 1


def test_an_edge_comes_out_narrower_than_plain_enlarging_leaves_it():
    disc = np.add.outer((np.arange(24) - 11.5) ** 2, (np.arange(24) - 11.5) ** 2) < 60
    small = np.where(disc, 220, 30).astype(np.uint8)
    plain = np.asarray(Image.fromarray(small).resize((192, 192), Image.Resampling.BICUBIC))
    out = enlarged(small[..., None], 192)[..., 0]

    soft_before, soft_after = ((picture > 60) & (picture < 190) for picture in (plain, out))
    assert soft_after.sum() < 0.7 * soft_before.sum()
    assert abs(int((out > 125).sum()) - int((plain > 125).sum())) < 0.1 * disc.sum() * 64
