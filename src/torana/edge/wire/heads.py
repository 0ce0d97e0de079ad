"""The heads of replies as bytes."""

import re
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus

from msgspec import Struct

_STATUS = {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_NO_CONTROLS = bytes({9, *range(32, 127), *range(128, 256)})

_MOST_NAMES = 256


class Lines(Struct, frozen=True, gc=False):
    """Headers as they stand on the wire, checked. Whoever asks for the pairs, as ASGI's servers do, is given those."""

    written: bytes
    """Each with the end of the line before it."""
    length: int | None
    """How long the body is, if they say so."""
    closes: bool
    """Whether they say that the connection ends."""

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        for line in self.written.split(b"\r\n")[1:]:
            name, _, value = line.partition(b": ")
            yield name, value


class Heads:
    """Writes heads. The names that it met are remembered, up to a bound: each is checked once."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def line(self, status: int) -> bytes:
        """The first line, without its end."""
        return _STATUS.get(status) or b"HTTP/1.1 %d " % status

    def lines(self, headers: Sequence[tuple[str, str]]) -> Lines:
        """Headers with names in lower case; ValueError for what would be no header, or two."""
        by_name = dict(headers)
        if not self._names.issuperset(by_name):
            self._meet(by_name)
        written = "\r\n".join(["", *map(": ".join, headers)]).encode("latin-1")
        # All that may be left of them without what they may hold is the ends of the lines.
        if written.translate(None, _NO_CONTROLS) != b"\r\n" * len(headers):
            raise ValueError("A reply's header has a character that no header may have.")
        length, ends = by_name.get("content-length"), by_name.get("connection")
        return Lines(written, None if length is None else int(length), ends is not None and "close" in ends.lower())

    def told(self, headers: Iterable[tuple[bytes, bytes]]) -> Lines:
        """The same of pairs as ASGI has them; those that were lines before still are."""
        if isinstance(headers, Lines):
            return headers
        return self.lines([(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers])

    def _meet(self, names: Iterable[str]) -> None:
        for name in names:
            if not _NAME.fullmatch(name):
                raise ValueError("A reply has a header whose name is none.")
            if len(self._names) < _MOST_NAMES:
                self._names.add(name)


HEADS = Heads()
"""Every connection's."""
