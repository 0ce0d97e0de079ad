"""The heads of replies as bytes."""

import re
from collections.abc import Iterable
from http import HTTPStatus

_STATUS = {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROLS = bytes({*range(32), 127} - {*b"\t\r\n"})

_MOST_NAMES = 256


class Heads:
    """Writes heads. The names that it met are remembered, up to a bound: each is checked once."""

    def __init__(self) -> None:
        self._names: dict[bytes, bytes] = {}

    def line(self, status: int) -> bytes:
        """The first line, without its end."""
        return _STATUS.get(status) or b"HTTP/1.1 %d " % status

    def headers(self, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Headers, each with the end of the line before it; ValueError for what would be no header, or two."""
        known = self._names
        parts = []
        for name, value in headers:
            parts.append(known.get(name) or self._named(name))
            parts.append(value)
        written = b"".join(parts)
        lines = len(parts) // 2
        if (
            written.count(b"\n") != lines
            or written.count(b"\r") != lines
            or len(written.translate(None, _CONTROLS)) != len(written)
        ):
            raise ValueError("A reply's header has a character that no header may have.")
        return written

    def _named(self, name: bytes) -> bytes:
        if not _NAME.fullmatch(name):
            raise ValueError("A reply has a header whose name is none.")
        written = b"\r\n" + name.lower() + b": "
        if len(self._names) < _MOST_NAMES:
            self._names[name] = written
        return written


HEADS = Heads()
"""Every connection's."""
