"""WebP: a RIFF container of chunks; the first tells the size."""

import struct

from torana.core.content import Size
from torana.media.probe.ifd import EXIF_PREFIX, orientation_of
from torana.media.probe.reader import Header, Reader

_CHUNK = struct.Struct("<4sI")
_RIFF_HEADER = 8
_FIRST_CHUNK = 12
_FIRST_BODY = _FIRST_CHUNK + _CHUNK.size
_START_CODE = b"\x9d\x01\x2a"
_LOSSLESS_SIGNATURE = 0x2F


def read(reader: Reader) -> Header:
    """The header of a WebP whose chunks all lie inside the file."""
    kind, _ = _CHUNK.unpack(reader.take(_FIRST_CHUNK, _CHUNK.size))
    match kind:
        case b"VP8 ":
            stored = _lossy(reader)
        case b"VP8L":
            stored = _lossless(reader)
        case b"VP8X":
            stored = _extended(reader)
        case _:
            raise reader.malformed("its first chunk is none of VP8, VP8L and VP8X")
    _, length = _CHUNK.unpack(reader.take(0, _CHUNK.size))
    reader.need(_RIFF_HEADER + length)
    return Header("webp", stored, _walk(reader, _RIFF_HEADER + length))


def _lossy(reader: Reader) -> Size:
    tag, code, width, height = struct.unpack("<B2x3sHH", reader.take(_FIRST_BODY, 10))
    if tag & 1 or code != _START_CODE:
        raise reader.malformed("it does not begin with a key frame")
    return reader.claim(width & 0x3FFF, height & 0x3FFF)


def _lossless(reader: Reader) -> Size:
    signature, bits = struct.unpack("<BI", reader.take(_FIRST_BODY, 5))
    if signature != _LOSSLESS_SIGNATURE:
        raise reader.malformed("its lossless data does not begin as it should")
    return reader.claim((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)


def _extended(reader: Reader) -> Size:
    body = reader.take(_FIRST_BODY, 10)
    return reader.claim(
        int.from_bytes(body[4:7], "little") + 1,
        int.from_bytes(body[7:10], "little") + 1,
    )


def _walk(reader: Reader, end: int) -> int:
    """Go along the chunks, see that there are pixels, and bring the orientation back."""
    orientation, has_pixels = 1, False
    offset = _FIRST_CHUNK
    while offset + _CHUNK.size <= end:
        kind, length = _CHUNK.unpack(reader.take(offset, _CHUNK.size))
        body = offset + _CHUNK.size
        reader.need(body + length)
        if kind == b"EXIF":
            orientation = _orientation(reader, body, length)
        has_pixels |= kind in {b"VP8 ", b"VP8L", b"ANMF"}
        offset = body + length + length % 2
    if not has_pixels:
        raise reader.malformed("it holds no pixels")
    return orientation


def _orientation(reader: Reader, offset: int, length: int) -> int:
    """EXIF stands bare in a WebP, but some writers keep the prefix that it has in a JPEG."""
    prefix = len(EXIF_PREFIX) if reader.peek(offset, len(EXIF_PREFIX)) == EXIF_PREFIX else 0
    return orientation_of(reader.within(offset + prefix, max(0, length - prefix)))
