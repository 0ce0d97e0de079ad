import base64
import struct

import pytest

from tests.media.samples import encoded, exif, picture
from torana.core.content import Size
from torana.media.marks import SourceType, is_signed, mark
from torana.media.marks.jpeg import PREFIX
from torana.media.marks.straight import look, put

PLAIN = encoded(picture("RGB", Size(61, 47)), "JPEG")
JFIF_END = 20
MANIFEST = b"JP\0\1\0\0\0\1" + b"\0\0\1\0jumb" + b"\0\0\0\x1ejumdc2pa"
XMP = PREFIX + b"<rdf:RDF></rdf:RDF>"


def text(data: bytes) -> memoryview:
    return memoryview(base64.b64encode(data))


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def with_segments(*segments: bytes) -> bytes:
    return b"".join((PLAIN[:JFIF_END], *segments, PLAIN[JFIF_END:]))


@pytest.mark.parametrize("longer", [0, 1, 2, 8_000, 60_000])
def test_the_mark_stands_behind_jfif_and_exif(longer):
    tags = segment(0xE1, exif(6, padding=longer).tobytes())
    data = with_segments(tags)
    seen = look(text(data), 10**6)
    assert seen is not None
    assert (seen.size, seen.place) == (Size(47, 61), JFIF_END + len(tags))
    pieces = put(text(data), seen, SourceType.MADE)
    assert base64.b64decode(b"".join(pieces), validate=True) == mark(data, SourceType.MADE)
    first = seen.place // 3 * 4
    assert (pieces[0], pieces[2]) == (text(data)[:first], text(data)[first + 4 :])


@pytest.mark.parametrize(
    "data",
    [
        with_segments(segment(0xEB, MANIFEST)),
        with_segments(segment(0xEB, MANIFEST + bytes(50_000))),
        with_segments(segment(0xE1, XMP), segment(0xEB, MANIFEST)),
    ],
    ids=["short", "long", "with XMP"],
)
def test_a_manifest_is_seen(data):
    seen = look(text(data), 10**6)
    assert seen is not None
    assert seen.signed is is_signed(data) is True


@pytest.mark.parametrize(
    "data",
    [
        with_segments(segment(0xE1, XMP)),
        with_segments(*[segment(0xE2, bytes(60_000))] * 2),
        PLAIN + b"\0",
        PLAIN[: PLAIN.index(b"\xff\xda")] + b"\xff\xd9",
        PLAIN.replace(b"\xff\xc0", b"\xff\xef"),
    ],
    ids=["other XMP", "a scan far behind", "a tail", "no scan", "no frame"],
)
def test_what_has_to_be_looked_into_is_left_to_those_who_do(data):
    assert look(text(data), 10**6) is None


@pytest.mark.parametrize("more", [*range(4_080, 4_101), *range(98_280, 98_305)])
def test_where_its_beginning_is_cut_does_not_matter(more):
    filling = more - PLAIN.index(b"\xff\xda") - 12
    data = with_segments(segment(0xE2, bytes(filling // 2)), segment(0xE2, bytes(filling - filling // 2)))
    seen = look(text(data), 10**6)
    assert seen is not None
    assert (seen.size, seen.place) == (Size(61, 47), JFIF_END)


def test_a_thumbnail_s_scan_is_not_the_picture_s():
    data = with_segments(segment(0xE1, b"Exif\0\0" + PLAIN))
    seen = look(text(data), 10**6)
    assert seen is not None
    assert (seen.size, seen.place) == (Size(61, 47), JFIF_END + 4 + 6 + len(PLAIN))
