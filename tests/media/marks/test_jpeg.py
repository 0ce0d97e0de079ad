import struct

import pytest

from tests.media.samples import encoded, exif, picture
from torana.media.marks import SourceType, mark
from torana.media.marks.jpeg import LONGEST, PREFIX

PLAIN = encoded(picture(), "JPEG")
JFIF_END = 20


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def with_segment(marker: int, body: bytes) -> bytes:
    return PLAIN[:JFIF_END] + segment(marker, body) + PLAIN[JFIF_END:]


def place(data: bytes) -> int:
    """Where the mark was put."""
    marked = mark(data, SourceType.MADE)
    at = marked.index(b"\xff\xe1" + marked[marked.index(PREFIX) - 2 :][:2] + PREFIX)
    length = len(marked) - len(data)
    assert marked[:at] + marked[at + length :] == data
    return at


def test_stands_behind_jfif():
    assert place(PLAIN) == JFIF_END


def test_stands_behind_exif():
    tags = segment(0xE1, exif(6).tobytes())

    assert place(PLAIN[:JFIF_END] + tags + PLAIN[JFIF_END:]) == JFIF_END + len(tags)


def test_stands_first_where_there_is_neither():
    assert place(PLAIN[:2] + PLAIN[JFIF_END:]) == 2


def test_an_app11_that_is_no_manifest_is_no_signature():
    assert place(with_segment(0xEB, b"HDR_RI ver=11")) == JFIF_END


@pytest.mark.parametrize(
    "data",
    [
        with_segment(0xEB, b"JP\0\1\0\0\0\1" + b"\0\0\1\0jumb" + b"\0\0\0\x1ejumdc2pa"),
        with_segment(0xE1, PREFIX + b" " * (LONGEST - len(PREFIX) - 10) + b"</rdf:RDF>"),
    ],
    ids=["signed", "too long for more"],
)
def test_left_alone(data):
    assert mark(data, SourceType.MADE) == data
