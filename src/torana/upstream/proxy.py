"""A forward proxy between us and an upstream."""

import base64

from msgspec import Struct


class Proxy(Struct, frozen=True):
    """Where it is, and what opens it; the latter is a secret and never shown.

    ``url`` is ``http`` or ``https``, a host and perhaps a port. ``authorization`` is the value of the header
    ``Proxy-Authorization``, None where it wants none.
    """

    url: str
    authorization: str | None = None

    def __repr__(self) -> str:
        return f"Proxy(url={self.url!r})"


def proxy_at(url: str, credentials: bytes | None) -> Proxy:
    """The proxy at ``url``, which is told ``credentials``, ``USER:PASSWORD``; ValueError where they are none such."""
    if credentials is None:
        return Proxy(url)
    if b":" not in credentials:
        raise ValueError("proxy.credentials must be USER:PASSWORD")
    return Proxy(url, f"Basic {base64.b64encode(credentials).decode()}")
