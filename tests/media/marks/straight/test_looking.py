import io
import random
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.media.samples import SIZE, everything, turned
from torana.media.marks import SourceType, is_signed, mark
from torana.media.marks.straight import Seen, look, put
from torana.media.probe import probe

SAMPLES = everything() | {f"{name.lower()} turned": turned(name, 6) for name in ("PNG", "JPEG", "WEBP")}
DECODED_FIRST = {
    *("png animated", "png with a tail", "png turned", "jpeg with a tail"),
    *("webp animated", "webp with a tail", "webp turned"),
}
"""Pictures of the three formats that have to be looked into."""
STRAIGHT = sorted(name for name in SAMPLES.keys() - DECODED_FIRST if name.split()[0] in {"png", "jpeg", "webp"})


def text(data: bytes) -> memoryview:
    return memoryview(b64encode(data))


def seen(data: bytes) -> Seen | None:
    return look(text(data), 10**6)


def pixels(data: bytes) -> tuple[str | None, bytes]:
    with Image.open(io.BytesIO(data)) as image:
        return image.format, image.convert("RGBA").tobytes()


@pytest.mark.parametrize("name", STRAIGHT)
def test_a_whole_picture_is_understood(name):
    found, info = seen(SAMPLES[name]), probe(io.BytesIO(SAMPLES[name]), max_pixels=10**6)
    assert found is not None
    assert (found.header.format, found.size, found.signed) == (info.format, info.size, False)


@pytest.mark.parametrize("name", STRAIGHT)
@pytest.mark.parametrize("kind", list(SourceType))
def test_the_mark_is_the_one_that_the_picture_would_get(name, kind):
    data = SAMPLES[name]
    found = seen(data)
    assert found is not None
    marked = b64decode(b"".join(put(text(data), found, kind)), validate=True)
    assert marked == mark(data, kind)
    assert pixels(marked) == pixels(data)
    assert probe(io.BytesIO(marked), max_pixels=10**6).size == found.size


@pytest.mark.parametrize("name", STRAIGHT)
def test_all_but_a_few_characters_of_the_text_stay_where_they_lie(name):
    original = text(SAMPLES[name])
    found = seen(SAMPLES[name])
    assert found is not None
    pieces = put(original, found, SourceType.MADE)
    kept = [each for each in pieces if isinstance(each, memoryview)]
    assert all(each.obj is original.obj for each in kept)
    assert sum(map(len, kept)) >= len(original) - 48
    assert not any(len(each) % 4 for each in pieces[:-1])


@pytest.mark.parametrize("name", sorted(SAMPLES.keys() - STRAIGHT))
def test_what_has_to_be_looked_into_is_left_to_those_who_do(name):
    assert seen(SAMPLES[name]) is None


@pytest.mark.parametrize("name", ["png", "jpeg", "webp", "webp alpha"])
def test_what_is_marked_already_is_decoded(name):
    assert seen(mark(SAMPLES[name], SourceType.MADE)) is None


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
def test_a_picture_of_too_many_pixels_is_none(name):
    assert look(text(SAMPLES[name]), SIZE.pixels) is not None
    assert look(text(SAMPLES[name]), SIZE.pixels - 1) is None


@pytest.mark.parametrize("name", ["png", "jpeg", "webp", "webp alpha"])
@pytest.mark.parametrize("left", [0, 1, 2, 3, 20, 29, 30, 33, 40, 100, -12, -2, -1])
def test_part_of_a_picture_is_none(name, left):
    assert seen(SAMPLES[name][:left]) is None


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("at", [1, 5, 17, 26, -1])
def test_a_text_that_is_no_base64_where_it_is_read_is_none(name, at):
    broken = bytearray(text(SAMPLES[name]))
    broken[at] = ord("*")
    assert look(memoryview(bytes(broken)), 10**6) is None
    assert look(text(SAMPLES[name])[:-1], 10**6) is None


@given(st.sampled_from(STRAIGHT), st.integers(0, 2**32))
def test_damage_is_seen_or_does_no_harm(name, seed):
    chance = random.Random(seed)
    data = bytearray(SAMPLES[name])
    for _ in range(chance.randint(1, 6)):
        reach = chance.choice([16, 64, 512, len(data)])
        data[chance.randrange(min(reach, len(data)))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
    whole = bytes(data)
    found = seen(whole)
    if found is None:
        return
    assert probe(io.BytesIO(whole), max_pixels=10**6).size == found.size
    assert is_signed(whole) == found.signed
    if not found.signed:
        assert b64decode(b"".join(put(text(whole), found, SourceType.MADE))) == mark(whole, SourceType.MADE)
