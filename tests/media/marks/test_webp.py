import struct

import pytest

from tests.media.samples import SIZE, encoded, exif, picture
from torana.media.marks import SourceType, mark

CLEAR = picture("RGBA")
ALPHA, EXIF, XMP = 0x10, 0x08, 0x04


def chunks(data: bytes) -> dict[bytes, bytes]:
    """The chunks by their kinds, after seeing that they fill the file."""
    assert struct.unpack_from("<I", data, 4) == (len(data) - 8,)
    found, offset = {}, 12
    while offset < len(data):
        kind, length = struct.unpack_from("<4sI", data, offset)
        found[kind] = data[offset + 8 : offset + 8 + length]
        offset += 8 + length + length % 2
    assert offset == len(data)
    return found


@pytest.mark.parametrize(
    ("options", "image", "flags"),
    [
        ({}, picture(), XMP),
        ({"lossless": True}, picture(), XMP),
        ({"lossless": True}, CLEAR, XMP | ALPHA),
        ({}, CLEAR, XMP | ALPHA),
        ({"exif": exif(6)}, picture(), XMP | EXIF),
    ],
)
def test_is_announced_by_the_extended_header(options, image, flags):
    plain = encoded(image, "WEBP", **options)
    marked = chunks(mark(plain, SourceType.MADE))

    assert next(iter(marked)) == b"VP8X"
    assert list(marked)[-1] == b"XMP "
    assert struct.unpack("<I", marked[b"VP8X"][:4]) == (flags,)
    width, height = (int.from_bytes(marked[b"VP8X"][at : at + 3], "little") + 1 for at in (4, 7))
    assert (width, height) == (SIZE.width, SIZE.height)
    kept = {kind: body for kind, body in chunks(plain).items() if kind != b"VP8X"}
    assert {kind: marked[kind] for kind in kept} == kept


def test_a_last_chunk_without_its_padding_gets_it():
    plain = encoded(picture(), "WEBP")
    body = b"odd"
    unpadded = plain[:12] + plain[12:] + b"JUNK" + struct.pack("<I", len(body)) + body
    unpadded = unpadded[:4] + struct.pack("<I", len(unpadded) - 8) + unpadded[8:]

    assert chunks(mark(unpadded, SourceType.MADE))[b"JUNK"] == body


def test_a_signed_one_is_left_alone():
    plain = encoded(picture(), "WEBP")
    signed = plain + b"C2PA" + struct.pack("<I", 2) + b"{}"
    signed = signed[:4] + struct.pack("<I", len(signed) - 8) + signed[8:]

    assert mark(signed, SourceType.MADE) == signed


def test_an_extended_header_that_is_none_is_refused():
    plain = encoded(picture(), "WEBP")
    short = b"WEBPVP8X" + bytes(4) + b"JUNK" + struct.pack("<I", 8) + bytes(8) + plain[12:]
    short = b"RIFF" + struct.pack("<I", len(short)) + short

    with pytest.raises(ValueError, match="extended header"):
        mark(short, SourceType.MADE)


@pytest.mark.parametrize("change", [-3, -40])
def test_chunks_that_do_not_fill_the_file_are_refused(change):
    plain = encoded(picture(), "WEBP")

    with pytest.raises(ValueError, match="do not fill"):
        mark(plain[:4] + struct.pack("<I", len(plain) - 8 + change) + plain[8:], SourceType.MADE)
