"""Messages to upstreams, read again."""

import json
from typing import Any

from torana.core.exchange import Message


def bytes_of(message: Message) -> bytes:
    """A body that has no upload in it."""
    pieces = [piece for piece in message.body if isinstance(piece, bytes)]
    assert len(pieces) == len(message.body)
    return b"".join(pieces)


def json_of(message: Message) -> Any:
    """A body in JSON."""
    return json.loads(bytes_of(message))
