"""Takes forms apart as they come: what is ordinary at a stretch and uncopied, what is not by a parser's rules."""

import re
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

# It carries no types of its own.
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
)

from torana.core.errors import InvalidRequest, TooLarge

MAX_HEADER_LINES = 8
"""Of a part's header, and of what may continue one of its lines."""
_BLANK = b"\r\n\r\n"
_CLOSED = b"--\r\n"
"""What ends the boundary behind the last part, and the line, as clients write it."""
_BRACKETS = re.compile(r"\[[0-9]*\]\Z")
_LINE_OVERHEAD = len(": \r\n")
_REMEMBERED = 256
_MAX_REMEMBERED = 1024
"""Bytes of the longest header that is remembered."""


class Label(Struct, frozen=True, gc=False):
    """What a part's header says of it."""

    name: str
    field: str
    """The name without brackets at its end: ``image`` for ``image[0]``."""
    filename: str | None
    """The client's name of a file; None where it is called none."""


Event = tuple[Label, bytes] | Label | bytes | None
"""What comes of a form: a part of which all is there; else a part's label, then its bytes, then None at its end."""


class FormSplitter:
    """Takes one form apart: its pieces go into ``parse``, which gives what they bring.

    Clients write their forms alike, and send the same headers again and again: these are remembered, and the rest is to
    look for the boundary. From where a form is out of the ordinary it is the parser's, who knows what to make of that.
    InvalidRequest for what is no form, TooLarge for headers beyond ``max_header`` bytes; for incomplete ones ``close``.
    """

    __slots__ = (
        "_closing",
        "_dashes",
        "_delimiter",
        "_is_complete",
        "_is_inside",
        "_max_header",
        "_opening",
        "_parser",
        "_tail",
        "boundary",
        "boundary",
    )  # fmt: skip

    def __init__(self, boundary: str, max_header: int) -> None:
        self.boundary = boundary
        self._max_header = max_header
        self._dashes = b"--" + boundary.encode()
        self._opening, self._closing = self._dashes + b"\r\n", self._dashes + b"--"
        self._delimiter = b"\r\n" + self._dashes
        # What came and cannot be told before more has come; it begins with a boundary where it is not inside a part.
        self._tail = b""
        self._is_inside = False
        self._is_complete = False
        self._parser: FormParser | None = None

    def parse(self, piece: bytes) -> Iterator[Event]:
        """What the next piece brings, to be taken before the one after it is given."""
        data = self._tail + piece
        if self._parser is not None:
            yield from self._left_to(self._parser, data)
            return
        at, start = 0, 0
        while not self._is_complete:
            label = None
            if not self._is_inside:
                label, start = self._begun(data, at)
                if label is None:
                    break
                at = start
            end = data.find(self._delimiter, at)
            is_told = self._is_told(data, end)
            if label is not None and is_told:
                yield label, data[at:end]
            else:
                if label is not None:
                    yield label
                    self._is_inside = True
                upto = self._surely_inside(data, at) if end < 0 else end
                if upto > at:
                    yield data[at:upto]
                if not is_told:
                    self._tail = data[upto:]
                    return
                yield None
                self._is_inside = False
            at = end + 2
        if start >= 0:
            self._tail = data[at:]
            return
        self._tail = b""
        self._parser = FormParser(self.boundary, self._max_header)
        yield from self._left_to(self._parser, data[at:])

    def rest_of_part(self, left: int) -> int | None:
        """How many more bytes the part has that has begun, if nothing follows it in the ``left`` bytes of the body.

        None where that cannot be told.
        """
        rest = len(self._tail) + left - len(self._delimiter) - len(_CLOSED)
        return rest if self._is_inside and rest >= 0 else None

    def close(self) -> None:
        """The form is over; InvalidRequest where it breaks off."""
        cause: MultipartError | None = None
        if self._parser is not None:
            try:
                self._parser.close()
            except MultipartError as error:
                cause = error
        if cause is not None or (self._parser is None and not self._is_complete):
            raise malformed(f"it breaks off before the boundary that closes it, '--{self.boundary}--'") from cause

    def _surely_inside(self, data: bytes, at: int) -> int:
        """Up to where bytes are a part's, in which no whole boundary is."""
        last = data.rfind(b"\r", max(at, len(data) - len(self._delimiter) - 1))
        return last if last >= 0 and self._delimiter.startswith(data[last:]) else len(data)

    def _is_told(self, data: bytes, end: int) -> bool:
        """Whether it can be told what follows the boundary that ends a part."""
        after = end + len(self._delimiter)
        if end < 0 or len(data) < after + 2:
            return False
        if not data.startswith((b"\r\n", b"--"), after):
            raise malformed("Unexpected bytes after boundary")
        return True

    def _begun(self, data: bytes, at: int) -> tuple[Label | None, int]:
        """What begins at a boundary, and where its bytes do; no label where more must come, or nothing follows.

        Where is less than 0 for what is out of the ordinary.
        """
        start = at + len(self._dashes) + 2
        end = data.find(_BLANK, start)
        if start <= end <= start + _MAX_REMEMBERED and data.startswith(self._opening, at):
            label = _label(data[start:end], self._max_header)
            if label is not None:
                return label, end + len(_BLANK)
        elif data.startswith(self._closing, at):
            self._is_complete = True
            return None, at
        elif len(data) <= at + _MAX_REMEMBERED and end < 0 and _agree(data[at:], self._opening, self._closing):
            return None, at
        return None, -1

    def _left_to(self, parser: "FormParser", data: bytes) -> Iterator[Event]:
        try:
            for event in parser.parse(data):
                yield _told(event, self._max_header) if isinstance(event, MultipartSegment) else event
        except ParserLimitReached as error:
            raise _header_too_large(self._max_header) from error
        except MultipartError as error:
            raise malformed(f"{error}") from error


class FormParser(PushMultipartParser):  # type: ignore[misc]  # it carries no types of its own
    """A parser for header lines that do not go on for ever: it joins each to all that came before."""

    _continued = 0

    def __init__(self, boundary: str, max_header: int) -> None:
        # Not strict: that would refuse what may lawfully follow the closing boundary, depending on how TCP cut it.
        # Lines that end in a bare LF are refused either way. Header lines are taken as Latin-1, in which nothing is
        # invalid, and decoded once it is known what they are.
        super().__init__(
            boundary,
            max_header_size=max_header,
            max_header_count=MAX_HEADER_LINES,
            header_charset="latin-1",
            strict=False,
        )

    def _on_segment_start(self) -> None:
        self._continued = 0
        super()._on_segment_start()

    def _on_segment_headerline(self, line: bytes) -> None:
        if line[0] in b" \t":
            self._continued += 1
            if self._continued > MAX_HEADER_LINES:
                raise ParserLimitReached("too many lines that continue a header")
        super()._on_segment_headerline(line)


@lru_cache(_REMEMBERED)
def _label(header: bytes, max_header: int) -> Label | None:
    """What a part's header says, by its bytes. None where only the parser can tell."""
    try:
        found = [*FormParser("-", max_header).parse(b"---\r\n" + header + _BLANK)]
    except MultipartError:
        return None
    # A length would have to be compared with what follows.
    is_plain = len(found) == 1 and found[0].header("Content-Length") is None
    return _told(found[0], max_header) if is_plain else None


def _agree(data: bytes, *beginnings: bytes) -> bool:
    """Whether bytes begin as one of these do, as far as both go."""
    return any(data[: len(beginning)] == beginning[: len(data)] for beginning in beginnings)


def _told(segment: MultipartSegment, max_header: int) -> Label:
    header: list[tuple[str, str]] = segment.headerlist
    size = 0
    for name, value in header:
        size += len(name) + len(value) + _LINE_OVERHEAD
        if "\n" in value:
            raise malformed("its lines must end in CR LF")
    if size > max_header:
        raise _header_too_large(max_header)
    called = _unicode(segment.name)
    if not called or not called.isprintable():
        raise malformed("each part needs a name, of printable characters")
    return Label(called, _BRACKETS.sub("", called), None if segment.filename is None else _unicode(segment.filename))


def malformed(why: str) -> InvalidRequest:
    """The error for a body that is no form."""
    return InvalidRequest(f"The multipart body is malformed: {why}.", code="invalid_multipart")


def _header_too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The header of a part is too large: at most {MAX_HEADER_LINES} lines and {limit:,} bytes are allowed."
    )


def _unicode(text: str) -> str:
    """What a header meant, which was read as Latin-1; a file name in an old encoding must not fail the request."""
    return text if text.isascii() else text.encode("latin-1").decode(errors="replace")
