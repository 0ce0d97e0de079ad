"""Marking a picture, whichever of the formats we write it is in."""

import io
import sys
from collections.abc import Callable
from typing import NamedTuple

from torana.core.errors import InvalidImage
from torana.media.marks import jpeg, png, webp
from torana.media.marks.xmp import Found, SourceType, stated
from torana.media.probe import inspect
from torana.media.probe.reader import Header


class _Format(NamedTuple):
    find: Callable[[bytes], Found]
    put: Callable[[bytes, Found, bytes, Header], bytes]
    prefix: bytes
    overhead: int
    longest: int


_FORMATS = {
    "png": _Format(png.find, png.put, png.PREFIX, png.OVERHEAD, png.LONGEST),
    "jpeg": _Format(jpeg.find, jpeg.put, jpeg.PREFIX, jpeg.OVERHEAD, jpeg.LONGEST),
    "webp": _Format(webp.find, webp.put, webp.PREFIX, webp.OVERHEAD, webp.LONGEST),
}


def mark(data: bytes, kind: SourceType) -> bytes:
    """The same picture, saying how it came to be: its pixels are untouched and it grows by less than 1 KB.

    A picture that says it already, or that is signed (C2PA), comes back as it is: what its maker says counts more, and
    a signature would break. XMP that says something else is kept and added to; where it cannot be added to, it counts
    more than the mark. ValueError when the data is no whole PNG, JPEG or WebP.
    """
    header, taken = _understood(data)
    found = taken.find(data)
    body = stated(found, kind, prefix=taken.prefix, overhead=taken.overhead)
    if body is None or len(body) > taken.longest:
        return data
    return taken.put(data, found, body, header)


def is_signed(data: bytes) -> bool:
    """Whether a picture holds a C2PA manifest; ValueError as ``mark``."""
    _, taken = _understood(data)
    return taken.find(data).signed


def _understood(data: bytes) -> tuple[Header, _Format]:
    try:
        header = inspect(io.BytesIO(data), max_pixels=sys.maxsize)
    except InvalidImage as error:
        raise ValueError(f"a picture that cannot be read cannot be marked: {error.message}") from error
    if (taken := _FORMATS.get(header.format)) is None:
        raise ValueError(f"only {', '.join(_FORMATS)} can be marked, not {header.format}")
    return header, taken
