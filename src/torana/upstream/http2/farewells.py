"""GOAWAY frames: an upstream takes no further exchange on a connection, and ends those that it has."""

from typing import Final

from h2.exceptions import FrameTooLargeError

_HEAD: Final = 9
_GOAWAY: Final = 7
_LEAST: Final = 8
"""Bytes of such a frame, without its head."""
_MOST: Final = 16384
"""Bytes of any frame, which h2 would first gather and then find too many."""


class Farewells:
    """Takes them out of what comes in.

    They are not for h2 to see: it would take the first for the end of every exchange, where an upstream that lets a
    connection go in good order, as all do now and then, first ends those that it began.
    """

    __slots__ = ("_beyond", "_kept")

    def __init__(self) -> None:
        self._beyond = 0
        """Bytes that are to come of a frame whose beginning went through."""
        self._kept = b""
        """The beginning of a frame of which it is not known what it is, or that is not whole."""

    def split(self, data: bytes) -> tuple[bytes, list[int]]:
        """All other frames, and for each farewell the last exchange that the upstream has begun.

        FrameTooLargeError for a frame that is longer than we allow.
        """
        if self._kept:
            data = self._kept + data
        others: list[bytes] = []
        lasts: list[int] = []
        begin, at, size = 0, self._beyond, len(data)
        while at + _HEAD <= size:
            length = int.from_bytes(data[at : at + 3])
            if length > _MOST:
                raise FrameTooLargeError("a frame that is too long")
            after = at + _HEAD + length
            if data[at + 3] == _GOAWAY and length >= _LEAST:
                if after > size:
                    break
                others.append(data[begin:at])
                lasts.append(int.from_bytes(data[at + _HEAD : at + _HEAD + 4]) & 0x7FFFFFFF)
                begin = after
            at = after
        whole = min(at, size)
        self._beyond, self._kept = at - whole, data[whole:]
        if not lasts and whole == size:
            return data, lasts
        others.append(data[begin:whole])
        return b"".join(others), lasts
