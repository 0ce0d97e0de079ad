"""Heads that are known at sight: those who stay on a connection say nearly the same again and again."""

from torana.edge.wire.heard import Heard, by_name
from torana.edge.wire.turn import Scope

_LENGTH, _LENGTH_BY_NAME = b"content-length", "content-length"
_MOST_DIGITS = 15
_HARD = frozenset({b"transfer-encoding", b"upgrade"})
"""Headers after which more than a length says what follows the head."""


class Known:
    """A head that the parser took, byte for byte but for the number that is the body's length."""

    __slots__ = ("_after", "_at", "_before", "_by_name", "_end", "_headers", "_scope", "_start", "asks")

    def __init__(self, head: bytes, scope: Scope, *, number: tuple[int, int] | None, at: int, asks: bool) -> None:
        start, end = number or (len(head), len(head))
        self.asks = asks
        self._before = head[:start]
        self._after = head[end:]
        # Where the number begins, and ends at the latest.
        self._start, self._end = start, start + _MOST_DIGITS + 1
        self._at = at
        self._scope = scope
        self._headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        self._by_name = by_name(self._headers)

    def found_in(self, data: bytes) -> tuple[bytes, int] | None:
        """The digits of the number, and the head's size, in bytes that begin with such a head; else None."""
        if not data.startswith(self._before):
            return None
        start, after = self._start, self._after
        if not after:
            return b"", start
        end = data.find(b"\r", start, self._end)
        digits = data[start:end]
        return (digits, end + len(after)) if digits.isdigit() and data.startswith(after, end) else None

    def scope(self, digits: bytes) -> Scope:
        """What is asked for with that length of the body."""
        headers = Heard(self._headers)
        headers.by_name = named = self._by_name.copy()
        if digits:
            headers[self._at] = (_LENGTH, digits)
            named[_LENGTH_BY_NAME] = digits.decode("ascii")
        return {**self._scope, "headers": headers, "state": self._scope["state"].copy()}


def known(head: bytes, scope: Scope, *, asks: bool) -> Known | None:
    """A head as the parser took it; None where it is not plain enough to be known again."""
    headers = scope["headers"]
    names = [name for name, _ in headers]
    if head[0] <= ord(" ") or head.count(b"\r\n") != len(headers) + 2 or not _HARD.isdisjoint(names):
        return None
    if _LENGTH not in names:
        return Known(head, scope, number=None, at=0, asks=asks)
    at = names.index(_LENGTH)
    lines = head.split(b"\r\n", at + 2)
    line, value = lines[at + 1], headers[at][1]
    if not line.endswith(value) or not value.isdigit():
        return None
    end = sum(len(each) + 2 for each in lines[: at + 1]) + len(line)
    return Known(head, scope, number=(end - len(value), end), at=at, asks=asks)
