import base64
import struct

import pytest

from tests.media.samples import encoded, picture, swapped_profile
from torana.core.content import Size
from torana.media.marks import SourceType, mark
from torana.media.marks.straight import look, put

SIZE = Size(61, 47)
PLAIN = encoded(picture("RGB", SIZE), "WEBP")
EXTENDED = encoded(picture("RGB", SIZE), "WEBP", icc_profile=swapped_profile())


def text(data: bytes) -> memoryview:
    return memoryview(base64.b64encode(data))


def chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def with_length(data: bytes) -> bytes:
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


def with_chunk(data: bytes, kind: bytes, body: bytes) -> bytes:
    return with_length(data + chunk(kind, body))


@pytest.mark.parametrize("more", range(6))
def test_the_mark_stands_at_the_end(more):
    data = with_chunk(EXTENDED, b"ALPH", bytes(more))
    seen = look(text(data), 10**6)
    assert seen is not None
    assert (seen.size, seen.place) == (SIZE, len(data))
    pieces = put(text(data), seen, SourceType.MADE)
    assert base64.b64decode(b"".join(pieces), validate=True) == mark(data, SourceType.MADE)
    assert pieces[1] == text(data)[40 : len(data) // 3 * 4]


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("lossless", [True, False])
def test_an_extended_header_is_made_where_there_is_none(mode, lossless):
    data = encoded(picture(mode, SIZE), "WEBP", lossless=lossless)
    seen = look(text(data), 10**6)
    assert seen is not None
    marked = base64.b64decode(b"".join(put(text(data), seen, SourceType.MADE)), validate=True)
    assert marked[12:16] == b"VP8X"
    assert marked == mark(data, SourceType.MADE)


def test_a_manifest_is_seen():
    seen = look(text(with_chunk(EXTENDED, b"C2PA", b"{}")), 10**6)
    assert seen is not None
    assert seen.signed


@pytest.mark.parametrize(
    "data",
    [
        PLAIN + b"more",
        PLAIN[:4] + struct.pack("<I", len(PLAIN) - 10) + PLAIN[8:],
        with_length(PLAIN + b"more"),
        with_length(PLAIN + b"JUNK" + struct.pack("<I", 3) + b"odd"),
        with_chunk(PLAIN, b"C2PA", b"{}"),
        with_chunk(EXTENDED, b"XMP ", b"<rdf:RDF></rdf:RDF>"),
        with_chunk(EXTENDED, b"EXIF", b"MM\0*\0\0\0\x08\0\0"),
        with_chunk(EXTENDED, b"JUNK", b"any"),
        with_length(b"RIFF....WEBP" + chunk(b"VP8X", EXTENDED[20:30])),
        with_length(b"RIFF....WEBP" + chunk(b"VP8X", EXTENDED[20:30] + bytes(2)) + EXTENDED[30:]),
        with_length(b"RIFF....WEBP" + chunk(b"VP8 ", PLAIN[20:28])),
        with_length(PLAIN + chunk(b"ALPH", b"") * 100),
        PLAIN[:8] + b"WAVE" + PLAIN[12:],
        PLAIN[:3] + b"X" + PLAIN[4:],
        PLAIN[:23] + b"\0" + PLAIN[24:],
    ],
)
def test_what_has_to_be_looked_into_is_left_to_those_who_do(data):
    assert look(text(data), 10**6) is None
