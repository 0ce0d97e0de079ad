import io
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tests.media.samples import SIZE, everything, turned
from torana.core.errors import InvalidImage
from torana.media.probe import inspect, probe

SAMPLES = everything()
LIMIT = SIZE.pixels
BARE = {
    *("jpeg", "jpeg progressive", "jpeg grey", "jpeg restarts"),
    *("png", "png alpha", "png grey alpha", "png palette", "png bits", "png 16 bits", "png interlaced"),
    *("webp", "webp lossless", "webp alpha"),
}
UNKNOWN = {"gif", "bmp", "tiff"}
"""The formats that are not looked through."""


def refusal(data: bytes, max_pixels: int = LIMIT) -> InvalidImage:
    with pytest.raises(InvalidImage) as caught:
        probe(io.BytesIO(data), max_pixels=max_pixels)
    return caught.value


@pytest.mark.parametrize("name", SAMPLES)
def test_tells_format_and_size(name):
    found = probe(io.BytesIO(SAMPLES[name]), max_pixels=LIMIT)

    assert (found.format, found.size) == (name.split()[0], SIZE)


@pytest.mark.parametrize("name", SAMPLES)
def test_calls_bare_just_what_has_nothing_but_a_picture(name):
    assert probe(io.BytesIO(SAMPLES[name]), max_pixels=LIMIT).bare == (name in BARE)


@pytest.mark.parametrize("name", SAMPLES)
def test_what_it_calls_opaque_is_opaque(name):
    with Image.open(io.BytesIO(SAMPLES[name])) as image:
        transparent = image.has_transparency_data

    opaque = probe(io.BytesIO(SAMPLES[name]), max_pixels=LIMIT).opaque

    assert not (opaque and transparent)
    assert opaque or transparent or name.split()[0] in UNKNOWN or "animated" in name


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_nothing_with_metadata_is_bare(file_format):
    assert not probe(io.BytesIO(turned(file_format, 1)), max_pixels=LIMIT).bare


@pytest.mark.parametrize("name", SAMPLES)
def test_one_pixel_more_than_the_limit_is_too_large(name):
    error = refusal(SAMPLES[name], LIMIT - 1)

    assert error.code == "image_too_large"
    assert "37x23" in error.message
    assert "850" in error.message


@pytest.mark.parametrize("name", SAMPLES)
def test_every_beginning_of_a_file_is_refused_or_told_rightly(name):
    data = SAMPLES[name]
    step = 1 + len(data) // 4_000
    for length in range(0, len(data), step):
        try:
            assert probe(io.BytesIO(data[:length]), max_pixels=LIMIT).size == SIZE
        except InvalidImage as error:
            assert error.param == "image"  # noqa: PT017  not raising is right too
            assert error.code in {"empty_image_file", "invalid_image_format", "image_parse_error"}  # noqa: PT017  the same


@pytest.mark.parametrize("name", ["jpeg", "jpeg progressive", "png", "webp", "bmp", "tiff", "tiff strips"])
def test_a_file_cut_anywhere_behind_its_magic_is_incomplete(name):
    data = SAMPLES[name]
    for length in range(12, len(data)):
        assert refusal(data[:length]).code == "image_parse_error"


@given(st.sampled_from(sorted(SAMPLES)), st.integers(0, 2**32))
def test_damage_raises_nothing_but_invalid_image(name, seed):
    chance = random.Random(seed)
    data = bytearray(SAMPLES[name])
    for _ in range(chance.randint(1, 12)):
        # The head is where the structure is.
        reach = chance.choice([16, 64, 512, len(data)])
        data[chance.randrange(min(reach, len(data)))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
    try:
        probe(io.BytesIO(bytes(data)), max_pixels=LIMIT)
    except InvalidImage as error:
        assert error.code != "empty_image_file"  # noqa: PT017  not raising is right too


@given(
    st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b""]),
    st.binary(max_size=400),
)
def test_noise_raises_nothing_but_invalid_image(magic, noise):
    try:
        probe(io.BytesIO(magic + noise), max_pixels=LIMIT)
    except InvalidImage as error:
        assert error.message  # noqa: PT017  not raising is right too


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_as_shown(file_format, orientation):
    data = turned(file_format, orientation)
    with Image.open(io.BytesIO(data)) as image:
        shown = ImageOps.exif_transpose(image).size

    found = inspect(io.BytesIO(data), max_pixels=LIMIT)

    assert (found.shown.width, found.shown.height) == shown
    assert found.stored == SIZE
    assert found.orientation == orientation


def test_no_bytes():
    assert refusal(b"").code == "empty_image_file"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "AVIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0avifmif1", "AVIF"),
        (b"%PDF-1.7\n%", "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- drawn -->\n<svg/>", "SVG"),
        (b"II+\0\x08\0\0\0", "BigTIFF"),
    ],
)
def test_names_what_it_does_not_take(head, name):
    error = refusal(head)

    assert error.code == "invalid_image_format"
    assert error.message == f"{name} files are not supported. Send PNG, JPEG, WebP, GIF, BMP or TIFF."


@pytest.mark.parametrize("data", [b"hello", b"\x89PN", b"GIF88a", b"RIFF\0\0\0\0WAVE", b"<html>", bytes(600)])
def test_what_is_no_picture(data):
    assert refusal(data).code == "invalid_image_format"


def test_begins_at_the_file_s_start_wherever_it_stands():
    file = io.BytesIO(SAMPLES["png"])
    file.seek(0, io.SEEK_END)

    assert probe(file, max_pixels=LIMIT).size == SIZE


def test_loads_neither_pillow_nor_numpy():
    program = (
        "import sys, torana.media.probe;"
        "sys.exit(any(name.partition('.')[0] in {'PIL', 'numpy'} for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
