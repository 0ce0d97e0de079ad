import zlib

import pytest

from tests.media.samples import chunk, encoded, picture
from torana.media.marks import SourceType, is_signed, mark
from torana.media.marks.png import find

PLAIN = encoded(picture(), "PNG")


def with_chunk(kind: bytes, body: bytes) -> bytes:
    return PLAIN[:-12] + chunk(kind, body) + PLAIN[-12:]


def test_stands_behind_the_header_with_its_checksum():
    marked = mark(PLAIN, SourceType.MADE)
    length = int.from_bytes(marked[33:37])

    assert marked[:33] == PLAIN[:33]
    assert marked[37:].startswith(b"iTXtXML:com.adobe.xmp\0\0\0\0\0<?xpacket")
    assert int.from_bytes(marked[41 + length : 45 + length]) == zlib.crc32(marked[37 : 41 + length])
    assert marked[45 + length :] == PLAIN[33:]


def test_other_texts_are_no_xmp():
    assert find(with_chunk(b"iTXt", b"Comment\0\0\0\0\0hello")).packets == ()


@pytest.mark.parametrize(
    "data",
    [
        with_chunk(b"caBX", b"anything"),
        with_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<rdf:RDF></rdf:RDF>")),
        with_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0a:DigitalSourceType"),
    ],
    ids=["signed", "compressed", "says it already behind its pixels"],
)
def test_left_alone(data):
    assert mark(data, SourceType.MADE) == data


def test_signed_by_its_manifest():
    assert not is_signed(PLAIN)
    assert is_signed(with_chunk(b"caBX", b"anything"))
