"""Whichever of the formats a picture in base64 is in."""

from collections.abc import Callable
from typing import Final

from torana.core.errors import InvalidImage
from torana.media.marks.straight import jpeg, png, webp
from torana.media.marks.straight.text import Pieces, Seen
from torana.media.marks.xmp import SourceType

_LOOKS: Final[dict[bytes, Callable[[memoryview, int], Seen | None]]] = {
    b"iVBO": png.look,
    b"/9j/": jpeg.look,
    b"UklG": webp.look,
}
"""By how they begin."""
_PUTS: Final[dict[str, Callable[[memoryview, Seen, SourceType], Pieces]]] = {
    "png": png.put,
    "jpeg": jpeg.put,
    "webp": webp.put,
}


def look(text: memoryview, max_pixels: int) -> Seen | None:
    """What a picture in base64 says, by its head and the chain of its parts; None where it has to be decoded for that.

    That is where it is no PNG, JPEG or WebP, is broken, goes on behind its end, is larger than ``max_pixels``, or has
    parts that must be looked into. The pixels, and checksums, are not looked at.
    """
    reads = _LOOKS.get(bytes(text[:4]))
    try:
        return reads and reads(text, max_pixels)
    except (ValueError, InvalidImage):
        return None


def put(text: memoryview, seen: Seen, kind: SourceType) -> Pieces:
    """What ``mark`` makes of the picture decoded, where that is not signed; its pixels stay, character by character."""
    return _PUTS[seen.header.format](text, seen, kind)
