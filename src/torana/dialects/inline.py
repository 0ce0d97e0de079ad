"""Pictures inside JSON: in base64, bare or in a ``data:`` URI."""

import base64
from collections.abc import Mapping
from itertools import repeat
from typing import Final

from torana.dialects.steps import Inline, Link, unreadable

_NAME: Final = b'"b64_json"'
_BETWEEN: Final = (b':"', b': "')
"""What writers of JSON put between a name and a text."""
_BEGINNINGS: Final = (b"iVBORw0KGgo", b"/9j/", b"UklGR")
"""How a PNG, a JPEG and a WebP begin in base64."""
_FOREIGN: Final = (b"\\", b"\n", b"\r", b" ", b"-", b"_")
"""What stands in texts that are JSON, or nearly base64, and yet not base64 as it is."""


def lifted(body: bytes) -> tuple[bytes, Mapping[str, Inline]]:
    """A reply in JSON without its pictures, and those, by what stands in their places.

    Those are PNGs, JPEGs and WebPs as ``b64_json``, found without reading what is in them. Any that is not plain base64
    as far as can be told at a glance stays where it is, as all else does.
    """
    rest, inlines, done, at = list[bytes](), dict[str, Inline](), 0, body.find(_NAME)
    while at >= 0:
        behind = at + len(_NAME)
        if body.startswith(_BETWEEN, behind):
            start = body.find(b'"', behind) + 1
            end = body.find(b'"', start)
            if end >= 0 and _is_plain(body, start, end):
                place = f"#{len(inlines)}"
                rest += (body[done:start], place.encode())
                inlines[place] = Inline(memoryview(body)[start:end])
                done = behind = end
        at = body.find(_NAME, behind)
    if not inlines:
        return body, inlines
    return b"".join((*rest, body[done:])), inlines


def _is_plain(body: bytes, start: int, end: int) -> bool:
    if not body.startswith(_BEGINNINGS, start) or (end - start) % 4:
        return False
    # Many short searches go over it faster than any one that knows all characters.
    if max(map(body.find, _FOREIGN, repeat(start), repeat(end))) >= 0:
        return False
    return body.isascii() or bytes(memoryview(body)[start:end]).isascii()


def from_base64(text: str) -> bytes:
    """A picture's bytes from base64, bare or in a ``data:`` URI; UpstreamError when it is broken."""
    bare = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(bare, validate=True)
    except ValueError as error:
        raise unreadable() from error


def from_url(url: str) -> bytes | Link:
    """The picture that a URL holds itself, or the link to it; UpstreamError when it is broken."""
    return from_base64(url) if url.startswith("data:") else Link(url)
