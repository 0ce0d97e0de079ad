import io

import msgspec
import numpy as np
import pytest
from PIL import Image

from tests.providers.kit import photo
from torana.core.errors import InvalidImage
from torana.engine import variation
from torana.providers.local import work
from torana.providers.local.job import Parameters

ASKED = Parameters(width=64, height=48, seed=7, index=0, n=2, strength=0.5, output_format="png", max_pixels=10_000_000)


def vary(*sources: bytes, **changes: object) -> Image.Image:
    """The one picture made, decoded."""
    asked = msgspec.structs.replace(ASKED, **changes)
    (blob,) = work.vary(msgspec.json.encode(asked), list(sources)).blobs
    image = Image.open(io.BytesIO(blob))
    image.load()
    return image


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_size_and_format_are_as_asked(output_format):
    made = vary(photo(200, 150).data, output_format=output_format)
    assert made.size == (64, 48)
    assert (made.format or "").lower() == output_format


def test_the_same_seed_gives_the_same_bytes():
    first, again, other, sibling = [
        vary(photo(200, 150).data, **changes).tobytes() for changes in ({}, {}, {"seed": 8}, {"index": 1})
    ]
    assert first == again
    assert len({first, other, sibling}) == 3


def test_without_strength_it_is_the_source():
    made = vary(photo(64, 48).data, strength=0.0)
    with Image.open(io.BytesIO(photo(64, 48).data)) as source:
        assert np.abs(np.asarray(made, int) - np.asarray(source, int)).mean() < 3


@pytest.mark.parametrize(("mode", "made"), [("L", "L"), ("RGB", "RGB"), ("RGBA", "RGBA"), ("LA", "LA")])
def test_grey_stays_grey_and_glass_stays_glass(mode, made):
    assert vary(photo(100, 80, mode=mode).data).mode == made


def test_several_sources_lend_their_light():
    one, other = photo(100, 80).data, photo(80, 80, mode="L").data
    assert vary(one, other).tobytes() != vary(one).tobytes()


def test_a_huge_source_is_made_smaller_first(monkeypatch):
    met: list[tuple[int, ...]] = []
    real = variation.vary

    def watched(pictures, **rest):
        met.extend(picture.shape for picture in pictures)
        return real(pictures, **rest)

    monkeypatch.setattr(variation, "vary", watched)
    vary(photo(1000, 500).data, photo(70, 50).data, width=64, height=64)
    assert met == [(128, 256, 3), (50, 70, 3)]


@pytest.mark.parametrize(
    "source", [photo().data[:60], b"", photo(4000, 3000, "GIF").data], ids=["broken", "nothing", "too many pixels"]
)
def test_what_is_no_picture_is_refused(source):
    with pytest.raises(InvalidImage):
        vary(source)


def test_warming_up_makes_the_engine_ready():
    work.warm()
    assert vary(photo(100, 80).data).size == (64, 48)
