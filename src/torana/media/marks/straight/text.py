"""Pictures in base64: what is learnt of them, and the few bytes that are decoded for that."""

from binascii import a2b_base64
from typing import NamedTuple

from torana.core.content import Size
from torana.media.probe.reader import Header

Pieces = tuple[bytes | memoryview, ...]
"""A picture in base64; each piece but the last is a multiple of four characters."""


class Seen(NamedTuple):
    """What a whole picture says of itself."""

    header: Header
    """By its beginning alone: its format and its size are sure, the rest may be told elsewhere."""
    signed: bool
    """Whether it holds a C2PA manifest, which a mark would break."""
    place: int
    """Where a mark belongs, in bytes from its beginning."""

    @property
    def size(self) -> Size:
        """As shown."""
        return self.header.shown


def length(text: memoryview) -> int:
    """How many bytes it stands for; ValueError where it is cut off or ends in what is no base64."""
    if len(text) % 4 or not text:
        raise ValueError("base64 comes in fours")
    return len(text) // 4 * 3 - 3 + len(a2b_base64(text[-4:], strict_mode=True))


def peek(text: memoryview, start: int, count: int) -> bytes:
    """At most ``count`` bytes from ``start``, fewer where it stops; ValueError where they are broken."""
    first, over = divmod(start, 3)
    characters = (over + count + 2) // 3 * 4
    return a2b_base64(text[4 * first : 4 * first + characters], strict_mode=True)[over : over + count]
