"""Pictures inside JSON: in base64, bare or in a ``data:`` URI."""

import base64

from torana.dialects.steps import Link, unreadable


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
