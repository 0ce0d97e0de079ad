import io
import struct

import pytest

from tests.media.samples import SIZE, exif, jpegs, turned
from torana.core.errors import InvalidImage
from torana.media.probe import inspect, probe

START, END = b"\xff\xd8", b"\xff\xd9"
SCAN = b"\xff\xda\0\x08\1\1\0\0\x3f\0" + b"entropy\xff\0coded"


def segment(marker: int, body: bytes = b"") -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def frame(width: int, height: int, marker: int = 0xC0) -> bytes:
    return segment(marker, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")


def refused(data: bytes) -> str | None:
    with pytest.raises(InvalidImage) as caught:
        inspect(io.BytesIO(data), max_pixels=100_000_000)
    return caught.value.code


def test_a_header_is_enough_to_refuse_a_bomb():
    assert refused(START + frame(60_000, 60_000)) == "image_too_large"


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCF])
def test_every_kind_of_frame_tells_the_size(marker):
    data = START + frame(7, 5, marker) + SCAN + END

    assert str(inspect(io.BytesIO(data), max_pixels=35).stored) == "7x5"


def test_a_thumbnail_s_end_is_not_the_picture_s():
    data = turned("JPEG", 1)
    with_thumbnail = data[:2] + segment(0xE1, b"Exif\0\0II*\0" + START + END) + data[2:]

    assert inspect(io.BytesIO(with_thumbnail), max_pixels=SIZE.pixels).stored == SIZE
    assert refused(with_thumbnail[:-2]) == "image_parse_error"


@pytest.mark.parametrize("tail", [65_534, 65_535, 65_536, 131_071, 300_000])
def test_the_end_is_found_before_any_tail(tail):
    data = START + frame(7, 5) + SCAN + END + bytes(tail)

    assert str(inspect(io.BytesIO(data), max_pixels=35).stored) == "7x5"


def test_no_end_anywhere():
    assert refused(START + frame(7, 5) + SCAN + bytes(200_000)) == "image_parse_error"


@pytest.mark.parametrize(
    "data",
    [
        START + SCAN + END,
        START + segment(0xE0) + END,
        START + frame(0, 5) + SCAN + END,
        START + frame(5, 0) + SCAN + END,
        START + b"\xff\xe0\0\1" + frame(7, 5) + SCAN + END,
    ],
    ids=["scan without a frame", "no scan", "no width", "no height", "segment too short"],
)
def test_malformed(data):
    assert refused(data) == "invalid_image"


@pytest.mark.parametrize("stuff", [segment(0xE2), b"\xff", b"\0", b"\xff\1"], ids=["segments", "fill", "strays", "TEM"])
def test_endless_stuff_before_the_picture_ends_soon(stuff):
    assert refused(START + b"\xff\xe0\0\2" + stuff * 1_000_000 + frame(7, 5) + SCAN + END) == "invalid_image"


def test_an_app1_that_is_no_exif_is_passed_over():
    tags = exif(8).tobytes()
    others = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>") + segment(0xE1, b"Exif")
    data = START + others + segment(0xE1, tags) + segment(0xE1, exif(3).tobytes()) + frame(7, 5) + SCAN + END

    assert inspect(io.BytesIO(data), max_pixels=35).orientation == 8


def test_big_exif_is_stepped_over():
    assert inspect(io.BytesIO(jpegs()["jpeg big exif"]), max_pixels=SIZE.pixels).stored == SIZE


JFIF = segment(0xE0, b"JFIF\0" + bytes(9))
ADOBE = segment(0xEE, b"Adobe" + bytes(7))


def bare(*segments: bytes, tail: bytes = b"") -> bool:
    data = START + b"".join(segments) + frame(7, 5) + SCAN + END + tail
    info = probe(io.BytesIO(data), max_pixels=35)
    assert info.opaque
    return info.bare


@pytest.mark.parametrize(
    "segments", [(), (JFIF,), (ADOBE,), (JFIF, ADOBE, segment(0xDB, bytes(65)), segment(0xDD, b"12"))]
)
def test_tables_leave_it_bare(segments):
    assert bare(*segments)


@pytest.mark.parametrize("marker", [0x02, 0xBF, *range(0xE0, 0xFF)])
def test_every_other_segment_may_tell_more(marker):
    assert not bare(JFIF, segment(marker, b"anything"))


@pytest.mark.parametrize(
    "odd",
    [segment(0xE0, b"JFIF\0" + bytes(12)), segment(0xE0, b"JFXX\0" + bytes(9)), segment(0xEE, b"Adobe" + bytes(8))],
    ids=["thumbnail", "other thumbnail", "longer"],
)
def test_harmless_segments_must_be_just_that(odd):
    assert not bare(odd)


@pytest.mark.parametrize("segments", [(JFIF, b"home"), (b"\xff\0home", JFIF), (b"\xff\0home",)])
def test_strays_may_tell_more(segments):
    assert not bare(*segments)


@pytest.mark.parametrize("tail", [b"\0", b"\xff\xd9\n", b"ftypmp42"])
def test_what_follows_its_end_may_tell_more(tail):
    assert not bare(tail=tail)
