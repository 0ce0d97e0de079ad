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
_ALPHA_FLAGS = {b"VP8X": 0, b"VP8L": 4}
"""Which byte of a chunk says in its bit ``_ALPHA_FLAG`` whether there may be transparency."""
_ALPHA_FLAG = 0x10
_BARE = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH"}


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
    end = _RIFF_HEADER + length
    orientation, opaque, kinds = _walk(reader, end)
    return Header("webp", stored, orientation, kinds <= _BARE and end == reader.size, opaque)


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


def _walk(reader: Reader, end: int) -> tuple[int, bool, set[bytes]]:
    """Go along the chunks and see that there are pixels; the orientation, whether it is opaque, the kinds of chunks."""
    orientation, opaque, kinds = 1, True, set[bytes]()
    offset = _FIRST_CHUNK
    while offset + _CHUNK.size <= end:
        kind, length = _CHUNK.unpack(reader.take(offset, _CHUNK.size))
        body = offset + _CHUNK.size
        reader.need(body + length)
        if kind == b"EXIF":
            orientation = _orientation(reader, body, length)
        opaque &= not _may_be_clear(reader, kind, body)
        kinds.add(kind)
        offset = body + length + length % 2
    if kinds.isdisjoint({b"VP8 ", b"VP8L", b"ANMF"}):
        raise reader.malformed("it holds no pixels")
    return orientation, opaque, kinds


def _may_be_clear(reader: Reader, kind: bytes, body: int) -> bool:
    """Whether a chunk allows for transparency; the frames of an animation may leave gaps."""
    if kind in _ALPHA_FLAGS:
        return any(flags & _ALPHA_FLAG for flags in reader.peek(body + _ALPHA_FLAGS[kind], 1))
    return kind in {b"ALPH", b"ANMF"}


def _orientation(reader: Reader, offset: int, length: int) -> int:
    """EXIF stands bare in a WebP, but some writers keep the prefix that it has in a JPEG."""
    prefix = len(EXIF_PREFIX) if reader.peek(offset, len(EXIF_PREFIX)) == EXIF_PREFIX else 0
    return orientation_of(reader.within(offset + prefix, max(0, length - prefix)))
