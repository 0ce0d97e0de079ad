"""Image file directories: the tables of tags that TIFF is made of and that EXIF borrows."""

import struct
from typing import Final

from torana.core.errors import InvalidImage
from torana.media.probe.reader import Reader

ORIENTATION: Final = 274
"""The tag that tells how to turn a picture."""

EXIF_PREFIX: Final = b"Exif\0\0"
"""What stands before EXIF in a JPEG."""

_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_NUMBERS = {1: "B", 3: "H", 4: "I"}  # type code -> struct code: byte, short, long
_INLINE = 4  # bytes of value that fit into the entry itself
_ENTRY_LENGTH = 12
_MAX_NUMBERS = 65_536


class Directory:
    """The first directory of a TIFF structure that begins at the reader's start."""

    def __init__(self, reader: Reader) -> None:
        head = reader.take(0, 8)
        if (order := _BYTE_ORDERS.get(head[:4])) is None:
            raise reader.malformed("it does not begin as a TIFF structure does")
        (offset,) = struct.unpack(f"{order}I", head[4:])
        (count,) = struct.unpack(f"{order}H", reader.take(offset, 2))
        table = reader.take(offset + 2, count * _ENTRY_LENGTH)
        self._reader = reader
        self._order = order
        self._entries = {
            tag: (kind, length, value) for tag, kind, length, value in struct.iter_unpack(f"{order}HHI4s", table)
        }

    def numbers(self, tag: int) -> tuple[int, ...]:
        """The tag's whole numbers; none when it is missing or holds something else."""
        kind, count, value = self._entries.get(tag, (0, 0, b""))
        if kind not in _NUMBERS or count == 0:
            return ()
        if count > _MAX_NUMBERS:
            raise self._reader.malformed(f"its tag {tag} lists {count:,} numbers")
        layout = struct.Struct(f"{self._order}{count}{_NUMBERS[kind]}")
        if layout.size > _INLINE:
            (offset,) = struct.unpack(f"{self._order}I", value)
            value = self._reader.take(offset, layout.size)
        return layout.unpack_from(value)

    def number(self, tag: int) -> int:
        """The tag's only number; 0 when there is none."""
        return next(iter(self.numbers(tag)), 0)

    @property
    def orientation(self) -> int:
        """EXIF's code, 1 to 8; 1 when it is missing or makes no sense."""
        code = self.number(ORIENTATION)
        return code if code in range(1, 9) else 1


def orientation_of(reader: Reader) -> int:
    """The orientation in an EXIF structure; a broken structure spoils no picture, so it tells 1."""
    try:
        return Directory(reader).orientation
    except InvalidImage:
        return 1
