"""A reply as a strict parser tells of it: where its head ends, where its body, and whether more may follow."""

import asyncio
from collections.abc import Callable
from typing import Final

from httptools import HttpResponseParser

_FIELDS = 128
"""Header fields of a reply at most, trailers included."""

_FIRST, _SWITCHING, _FINAL = 100, 101, 200
_CODING, _LENGTH = b"transfer-encoding", b"content-length"
_VERSIONS: Final = frozenset({"1.0", "1.1"})


class _Refused(Exception):
    """A reply that the parser would take and we do not."""


class Parsing(asyncio.BufferedProtocol):
    """One reply at a time, of which the parser tells; what it refuses is an error of the parser's."""

    __slots__ = (
        "_fields", "_framed", "_fresh", "_keeps", "_parser", "_sound", "_wants_body", "complete", "has_head", "heads",
        "on_body", "status",
    )  # fmt: skip

    def __init__(self) -> None:
        self._fresh: list[bytes] = []
        # What the parser tells most often, piece by piece of a body: it goes straight to where they are gathered.
        self.on_body: Callable[[bytes], None] = self._fresh.append
        self._parser = HttpResponseParser(self)
        self._sound = True
        self._framed = self._keeps = self._wants_body = False
        # Between exchanges everything is as after a complete reply: whatever comes then is nobody's.
        self.complete = self.has_head = True
        self.status = self._fields = 0
        self.heads: dict[bytes, bytes] = {}

    def expect(self, *, wants_body: bool) -> None:
        """A reply is to come, which has no body unless it ``wants_body``."""
        self.complete = self.has_head = False
        self.heads = {}
        self._fields = 0
        self._wants_body = wants_body
        self._fresh.clear()

    def on_message_begin(self) -> None:
        """A reply begins, or one that informs of it; a second one is nobody's."""
        if self.complete:
            raise _Refused

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or a trailer, of which nobody wants to know."""
        name = name.lower()
        heads = self.heads
        if self.has_head or name in heads:
            self._further(name, value)
        else:
            heads[name] = value

    def _further(self, name: bytes, value: bytes) -> None:
        """A trailer, or a field that is there already."""
        self._fields += 1
        if self._fields > _FIELDS:
            raise _Refused
        if not self.has_head:
            self.heads[name] += b", " + value

    def on_headers_complete(self) -> None:
        """A head is whole."""
        parser, heads = self._parser, self.heads
        fields = self._fields = self._fields + len(heads)
        if fields > _FIELDS:
            raise _Refused
        status = parser.get_status_code()
        if status < _FINAL and status != _SWITCHING:
            if status < _FIRST:
                raise _Refused
            self.heads = {}
            return
        # The parser knows that a length and a coding exclude each other, and that there is one length.
        if _CODING in heads:
            is_known = parser.get_http_version() == "1.1" and heads[_CODING].lower() == b"chunked"
            self._framed = True
        else:
            is_known = parser.get_http_version() in _VERSIONS
            self._framed = _LENGTH in heads
        if not is_known:
            raise _Refused
        self.status = status
        self.has_head = True
        if not self._wants_body:
            self.complete = True
            self._sound = False

    def on_message_complete(self) -> None:
        """The reply is whole, unless it only informs."""
        if self.has_head and not self.complete:
            self.complete = True
            self._keeps = self._parser.should_keep_alive()
