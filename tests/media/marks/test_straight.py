import base64
import zlib

import pytest

from tests.media.samples import chunk, encoded, picture
from torana.core.content import Size
from torana.media.marks import SourceType, mark
from torana.media.marks.straight import look, put

PLAIN = encoded(picture("RGB", Size(61, 47)), "PNG")


def text(data: bytes) -> memoryview:
    return memoryview(base64.b64encode(data))


def with_chunk(kind: bytes, body: bytes) -> bytes:
    return PLAIN[:-12] + chunk(kind, body) + PLAIN[-12:]


@pytest.mark.parametrize("kind", list(SourceType))
@pytest.mark.parametrize("more", [0, 1, 2])
def test_the_mark_is_the_one_that_the_picture_would_get(kind, more):
    data = with_chunk(b"tEXt", b"Title\0" + b"x" * more)
    pieces = put(text(data), kind)
    assert base64.b64decode(b"".join(pieces), validate=True) == mark(data, kind)
    assert pieces[-1] == text(data)[44:]


@pytest.mark.parametrize(
    ("data", "signed"), [(PLAIN, False), (with_chunk(b"caBX", b"any"), True), (with_chunk(b"pHYs", bytes(9)), False)]
)
def test_a_whole_picture_is_understood(data, signed):
    assert look(text(data), 10**6) == (Size(61, 47), signed)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        PLAIN[:30],
        PLAIN[:-13],
        PLAIN[:-12] + b"IEND",
        PLAIN + b"more",
        PLAIN.replace(b"IDAT", b"IDAX"),
        PLAIN[:33] + PLAIN[-12:],
        PLAIN[:16] + bytes(4) + PLAIN[20:],
        PLAIN[:24] + b"\x07" + PLAIN[25:],
        with_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<rdf:RDF></rdf:RDF>")),
        with_chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\0"),
        encoded(picture(), "JPEG"),
    ],
)
def test_what_has_to_be_looked_into_is_left_to_those_who_do(data):
    assert look(text(data), 10**6) is None


def test_a_picture_of_too_many_pixels_is_none():
    assert look(text(PLAIN), 61 * 47 - 1) is None


def test_a_text_that_is_no_base64_is_none():
    broken = bytearray(text(PLAIN))
    broken[46] = ord("-")
    assert look(memoryview(bytes(broken)), 10**6) is None
    assert look(text(PLAIN)[:-1], 10**6) is None
