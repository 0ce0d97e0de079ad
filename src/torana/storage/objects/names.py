"""The names of kept pictures, which say all there is to know: when they expire, how long they are, what they are.

So whatever a store remembers beside can be found again by one listing, and all stores agree on what a link opens.
"""

import math
import re
import secrets
from typing import NamedTuple

from torana.core.content import MEDIA_TYPES

_TYPES = MEDIA_TYPES | {"jpg": MEDIA_TYPES["jpeg"]}
_NAME = re.compile(
    rf"(?P<expires>[0-9]{{1,12}})-(?P<size>[0-9]{{1,12}})-[0-9a-f]{{32}}\.(?P<extension>{'|'.join(_TYPES)})"
)


class Told(NamedTuple):
    """What a name tells: ``expires`` in seconds since the Unix epoch, ``size`` in bytes."""

    expires: int
    size: int
    media_type: str


def new_name(size: int, *, extension: str, expires: float) -> str:
    """A name that nobody can guess; ValueError for an extension of no picture."""
    if extension not in _TYPES:
        raise ValueError(f"no picture has the extension {extension!r}")
    return f"{math.ceil(expires)}-{size}-{secrets.token_hex(16)}.{extension}"


def read_name(name: str) -> Told | None:
    """What a name tells; None when we never gave out such a one."""
    match = _NAME.fullmatch(name)
    return Told(int(match["expires"]), int(match["size"]), _TYPES[match["extension"]]) if match else None
