import io

import pytest
from PIL import Image, ImageChops

from tests.media.samples import encoded, exif, picture
from torana.core.content import Size
from torana.media import webp
from torana.media.webp import shrunk

LARGE, SMALL = Size(370, 230), Size(74, 46)
FACTOR = 5


def difference(one: Image.Image, other: Image.Image) -> int:
    """By how much the two differ where they differ most."""
    return max(ImageChops.difference(one, other).tobytes())


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 90}, {"quality": 90, "exif": exif(6)}])
def test_it_is_as_if_it_had_been_made_smaller_afterwards(mode, options):
    data = encoded(picture(mode, LARGE), "WEBP", **options)
    with Image.open(io.BytesIO(data)) as image:
        expected = image.reduce(FACTOR)

    made = shrunk(data, SMALL, alpha=mode == "RGBA")

    assert made is not None
    assert (made.mode, made.size) == (mode, expected.size)
    assert difference(made, expected) <= 3


def test_what_is_clear_does_not_colour_its_neighbours():
    half = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    half.paste((0, 0, 255, 255), (0, 0, 4, 8))

    made = shrunk(encoded(half, "WEBP", lossless=True, exact=True), Size(1, 1), alpha=True)

    assert made is not None
    assert difference(made, Image.new("RGBA", (1, 1), (0, 0, 255, 128))) <= 2


def test_large_files_are_taken_in_steps(monkeypatch):
    data = encoded(picture(size=LARGE), "WEBP", lossless=True)
    at_once = shrunk(data, SMALL, alpha=False)
    monkeypatch.setattr(webp, "_STEP", 100)

    in_steps = shrunk(data, SMALL, alpha=False)

    assert len(data) > 300
    assert at_once is not None
    assert in_steps is not None
    assert in_steps.tobytes() == at_once.tobytes()


def test_what_libwebp_does_not_make_smaller_is_left_to_pillow():
    moving = encoded(picture(size=LARGE), "WEBP", save_all=True, append_images=[Image.new("RGB", (370, 230))])
    still = encoded(picture(size=LARGE), "WEBP", lossless=True)
    noise = still[: len(still) // 2] + b"\x55" * (len(still) - len(still) // 2)

    assert shrunk(moving, SMALL, alpha=False) is None
    assert shrunk(still[:-40], SMALL, alpha=False) is None
    assert shrunk(noise, SMALL, alpha=False) is None


def test_an_unknown_libwebp_is_left_alone(monkeypatch):
    data = encoded(picture(size=LARGE), "WEBP")
    monkeypatch.setattr(webp, "_VERSION", 0x0300)
    assert shrunk(data, SMALL, alpha=False) is None
    monkeypatch.undo()
    monkeypatch.setattr(webp, "_AT_HAND", False)
    assert shrunk(data, SMALL, alpha=False) is None
