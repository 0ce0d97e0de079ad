import io
import struct

import pytest

from tests.media.samples import SIZE, exif, webps
from torana.core.errors import InvalidImage
from torana.media.probe import inspect, probe


def chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def lossy(width: int, height: int) -> bytes:
    return chunk(b"VP8 ", b"\x10\0\0\x9d\1\x2a" + struct.pack("<HH", width, height) + bytes(9))


def lossless(width: int, height: int) -> bytes:
    return chunk(b"VP8L", b"\x2f" + struct.pack("<I", width - 1 | height - 1 << 14) + bytes(8))


def extended(width: int, height: int, flags: int = 0) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return chunk(b"VP8X", struct.pack("<I", flags) + sides)


def refused(data: bytes) -> str | None:
    with pytest.raises(InvalidImage) as caught:
        inspect(io.BytesIO(data), max_pixels=100_000_000)
    return caught.value.code


def test_a_header_is_enough_to_refuse_a_bomb():
    assert refused(riff(extended(60_000, 60_000))) == "image_too_large"
    assert refused(riff(lossless(16_384, 16_384))) == "image_too_large"
    assert refused(riff(lossy(16_383, 16_383))) == "image_too_large"


@pytest.mark.parametrize("made", [lossy, lossless])
def test_tells_the_size(made):
    assert str(inspect(io.BytesIO(riff(made(300, 200))), max_pixels=60_000).stored) == "300x200"


def test_scaling_bits_do_not_belong_to_the_size():
    assert str(inspect(io.BytesIO(riff(lossy(300 | 0x4000, 200))), max_pixels=60_000).stored) == "300x200"


@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_exif_with_and_without_its_prefix(prefix):
    tags = prefix + exif(6).tobytes().removeprefix(b"Exif\0\0")
    data = riff(extended(300, 200), lossy(300, 200), chunk(b"EXIF", tags))

    assert str(inspect(io.BytesIO(data), max_pixels=60_000).shown) == "200x300"


@pytest.mark.parametrize(
    "data",
    [
        riff(chunk(b"JUNK", bytes(20)), lossy(9, 9)),
        riff(chunk(b"VP8 ", b"\x11\0\0\x9d\1\x2a" + bytes(20))),
        riff(chunk(b"VP8 ", bytes(20))),
        riff(chunk(b"VP8L", bytes(20))),
        riff(lossy(0, 9)),
        riff(extended(9, 9), chunk(b"EXIF", b"")),
        riff(extended(9, 9), *[chunk(b"JUNK", b"")] * 20_000, lossy(9, 9)),
    ],
    ids=["unknown", "no key frame", "no code", "no signature", "no width", "no pixels", "endless"],
)
def test_malformed(data):
    assert refused(data) == "invalid_image"


def test_a_chunk_longer_than_the_file():
    data = webps()["webp alpha"]
    stretched = data[:4] + struct.pack("<I", len(data) + 1000) + data[8:]

    assert refused(stretched) == "image_parse_error"
    assert inspect(io.BytesIO(data), max_pixels=SIZE.pixels).stored == SIZE


ALPHA = 0x10
TRANSPARENT = chunk(b"VP8L", b"\x2f" + struct.pack("<I", 8 | 8 << 14 | 1 << 28) + bytes(8))


@pytest.mark.parametrize("kind", [b"EXIF", b"XMP ", b"ICCP", b"ANIM", b"ANMF", b"C2PA", b"JUNK"])
def test_chunks_that_may_tell_more(kind):
    assert probe(io.BytesIO(riff(extended(9, 9), lossy(9, 9))), max_pixels=81).bare
    assert not probe(io.BytesIO(riff(extended(9, 9), chunk(kind, b""), lossy(9, 9))), max_pixels=81).bare


def test_what_follows_its_end_may_tell_more():
    assert probe(io.BytesIO(riff(lossy(9, 9))), max_pixels=81).bare
    assert not probe(io.BytesIO(riff(lossy(9, 9)) + b"\0"), max_pixels=81).bare


@pytest.mark.parametrize(
    ("chunks", "opaque"),
    [
        ((lossy(9, 9),), True),
        ((lossless(9, 9),), True),
        ((TRANSPARENT,), False),
        ((extended(9, 9), lossy(9, 9)), True),
        ((extended(9, 9), chunk(b"EXIF", b""), lossy(9, 9)), True),
        ((extended(9, 9, ALPHA), lossy(9, 9)), False),
        ((extended(9, 9), chunk(b"ALPH", b""), lossy(9, 9)), False),
        ((extended(9, 9), TRANSPARENT), False),
        ((extended(9, 9), chunk(b"ANMF", bytes(40))), False),
    ],
)
def test_opaque_only_when_every_part_says_so(chunks, opaque):
    assert probe(io.BytesIO(riff(*chunks)), max_pixels=81).opaque == opaque
