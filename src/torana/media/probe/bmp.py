"""BMP: two fixed headers, then rows of pixels."""

import struct

from torana.media.probe.reader import Header, Reader

_FILE_HEADER = struct.Struct("<2s8xII")  # magic, pixels' offset, length of the header that follows
_CORE = struct.Struct("<HHHH")
_INFO = struct.Struct("<iiHHII")
_CORE_LENGTH = 12
_INFO_LENGTHS = (40, 52, 56, 64, 108, 124)
_DEPTHS = (1, 2, 4, 8, 16, 24, 32)
_RUN_LENGTH = (1, 2)


def read(reader: Reader) -> Header:
    """The header of a BMP whose rows lie inside the file.

    The rows are counted: the file size that a BMP's header tells is wrong in too many good files.
    """
    _, pixels, header = _FILE_HEADER.unpack(reader.take(0, _FILE_HEADER.size))
    compression = image_length = 0
    if header == _CORE_LENGTH:
        width, height, _, depth = _CORE.unpack(reader.take(_FILE_HEADER.size, _CORE.size))
    elif header in _INFO_LENGTHS:
        info = _INFO.unpack(reader.take(_FILE_HEADER.size, _INFO.size))
        width, height, _, depth, compression, image_length = info
    else:
        raise reader.malformed(f"no version of the format has a header of {header:,} bytes")
    stored = reader.claim(width, abs(height))  # a negative height means rows from the top
    if depth not in _DEPTHS:
        raise reader.malformed(f"{depth} bits per pixel do not exist")
    if compression not in _RUN_LENGTH:
        image_length = (stored.width * depth + 31) // 32 * 4 * stored.height
    reader.need(pixels + image_length)
    return Header("bmp", stored)
