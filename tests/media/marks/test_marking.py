import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.media.samples import chunk, encoded, everything, gifs, picture, turned
from torana.media.marks import SourceType, mark
from torana.media.probe import probe

SAMPLES = {name: data for name, data in everything().items() if name.split()[0] in {"png", "jpeg", "webp"}} | {
    f"{name.lower()} turned": turned(name, 6) for name in ("PNG", "JPEG", "WEBP")
}
MADE = b"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
XMP_KEYS = {"xmp", "XML:com.adobe.xmp"}
OTHER = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/x"/></rdf:RDF>'
    b"</x:xmpmeta>"
)


def frames(data: bytes) -> list[bytes]:
    with Image.open(io.BytesIO(data)) as image:
        made = []
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            made.append(image.convert("RGBA").tobytes())
        return made


def packet(data: bytes) -> bytes:
    """The XMP that Pillow finds."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        found = image.info.get("xmp", b"")
        return found if isinstance(found, bytes) else found.encode()


def saying(file_format: str, xmp: bytes) -> bytes:
    """A picture with that XMP."""
    if file_format != "PNG":
        return encoded(picture(), file_format, xmp=xmp)
    data = encoded(picture(), "PNG")
    return data[:33] + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp) + data[33:]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_marked_picture_is_the_same_and_says_so(name):
    data = SAMPLES[name]
    marked = mark(data, SourceType.MADE)

    assert MADE in packet(marked)
    assert frames(marked) == frames(data)
    assert 0 < len(marked) - len(data) < 1_024
    before, after = (probe(io.BytesIO(each), max_pixels=1_000) for each in (data, marked))
    assert (after.size, after.opaque, after.bare) == (before.size, before.opaque, False)


@pytest.mark.parametrize("name", SAMPLES)
def test_marking_twice_is_marking_once(name):
    marked = mark(SAMPLES[name], SourceType.MADE)

    assert mark(marked, SourceType.MADE) == marked
    assert mark(marked, SourceType.ALTERED) == marked


@pytest.mark.parametrize("name", SAMPLES)
def test_everything_else_that_it_said_is_kept(name):
    data = SAMPLES[name]
    with Image.open(io.BytesIO(data)) as image, Image.open(io.BytesIO(mark(data, SourceType.MADE))) as marked:
        image.load()
        marked.load()

        assert {key: value for key, value in marked.info.items() if key not in XMP_KEYS} == image.info
        assert marked.getexif() == image.getexif()


@pytest.mark.parametrize("kind", SourceType)
def test_every_kind_in_the_vocabulary_s_terms(kind):
    marked = mark(SAMPLES["png"], kind)

    assert f'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/{kind}"'.encode() in marked


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_other_xmp_is_added_to(file_format):
    data = saying(file_format, OTHER)
    assert packet(data) == OTHER

    marked = mark(data, SourceType.MADE)

    assert packet(marked).count(b"</rdf:RDF>") == 1
    assert MADE in packet(marked)
    assert b'dc:format="image/x"' in packet(marked)
    assert frames(marked) == frames(data)
    assert mark(marked, SourceType.MADE) == marked


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    "said",
    [
        OTHER.replace(b"dc:format", b"a:DigitalSourceType"),
        OTHER.decode().encode("utf-16"),
        OTHER + OTHER,
        b"nothing known",
    ],
    ids=["says it already", "not in UTF-8", "two of them", "no XMP at all"],
)
def test_what_is_better_left_alone(file_format, said):
    data = saying(file_format, said)

    assert mark(data, SourceType.MADE) == data


@pytest.mark.parametrize("data", [b"", b"hello", gifs()["gif"], SAMPLES["png"][:-1], SAMPLES["webp"][:-1]])
def test_what_is_no_whole_picture_of_ours_is_refused(data):
    with pytest.raises(ValueError, match="marked"):
        mark(data, SourceType.MADE)


@given(st.sampled_from(sorted(SAMPLES)), st.integers(0, 2**32))
def test_damage_raises_nothing_but_value_error(name, seed):
    chance = random.Random(seed)
    data = bytearray(SAMPLES[name])
    for _ in range(chance.randint(1, 12)):
        reach = chance.choice([16, 64, 512, len(data)])
        data[chance.randrange(min(reach, len(data)))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
    try:
        marked = mark(bytes(data), SourceType.MADE)
    except ValueError:
        return
    assert mark(marked, SourceType.MADE) == marked
