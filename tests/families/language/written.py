"""What is written to clients, whole."""

from torana.families.base import Body


def whole(body: Body) -> bytes:
    """All of a body that is there at once."""
    assert isinstance(body.chunks, list | tuple)
    return b"".join(body.chunks)
