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


@pytest.mark.parametrize("more", [0, 1, 2])
def test_the_mark_stands_behind_the_header(more):
    data = with_chunk(b"tEXt", b"Title\0" + b"x" * more)
    seen = look(text(data), 10**6)
    assert seen is not None
    pieces = put(text(data), seen, SourceType.MADE)
    assert base64.b64decode(b"".join(pieces), validate=True) == mark(data, SourceType.MADE)
    assert (pieces[0], pieces[-1]) == (text(data)[:44], text(data)[44:])


@pytest.mark.parametrize(
    ("data", "signed"), [(PLAIN, False), (with_chunk(b"caBX", b"any"), True), (with_chunk(b"pHYs", bytes(9)), False)]
)
def test_a_whole_picture_is_understood(data, signed):
    seen = look(text(data), 10**6)
    assert seen is not None
    assert (seen.header.format, seen.size, seen.signed) == ("png", Size(61, 47), signed)


@pytest.mark.parametrize(
    "data",
    [
        PLAIN[:-12] + b"IEND",
        PLAIN + b"more",
        PLAIN.replace(b"IDAT", b"IDAX"),
        PLAIN[:33] + PLAIN[-12:],
        PLAIN[:16] + bytes(4) + PLAIN[20:],
        PLAIN[:24] + b"\x07" + PLAIN[25:],
        with_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<rdf:RDF></rdf:RDF>")),
        with_chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\0"),
    ],
)
def test_what_has_to_be_looked_into_is_left_to_those_who_do(data):
    assert look(text(data), 10**6) is None
