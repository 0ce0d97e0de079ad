"""Takes forms apart: piece by piece as they arrive, or at once where all of one is there."""

from collections.abc import Sequence
from functools import lru_cache

# It carries no types of its own.
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
)

MAX_HEADER_LINES = 8
"""Of a part's header, and of what may continue one of its lines."""
_BLANK = b"\r\n\r\n"
_REMEMBERED = 256
_MAX_REMEMBERED = 1024
"""Bytes of the longest header that is remembered."""


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


def split(body: bytes, boundary: str, *, max_header: int, max_parts: int) -> Sequence[tuple[MultipartSegment, bytes]]:
    """The headers and contents of a whole form's parts.

    Nothing for a form that is empty, broken, or out of the ordinary: the parser knows what to make of that.
    """
    dashes = b"--" + boundary.encode()
    if not body.startswith(dashes):
        return ()
    delimiter = b"\r\n" + dashes
    parts: list[tuple[MultipartSegment, bytes]] = []
    at = len(dashes)
    while body.startswith(b"\r\n", at):
        head = body.find(_BLANK, at + 2)
        start = head + len(_BLANK)
        end = body.find(delimiter, start)
        # Looked for from where the header begins, an empty one is never found.
        if head < 0 or end < 0 or head - at > _MAX_REMEMBERED or len(parts) == max_parts:
            return ()
        segment = _segment(body[at + 2 : head], max_header)
        if segment is None:
            return ()
        parts.append((segment, body[start:end]))
        at = end + len(delimiter)
    return parts if body.startswith(b"--", at) else ()


@lru_cache(_REMEMBERED)
def _segment(header: bytes, max_header: int) -> MultipartSegment | None:
    """A part's header, by its bytes: clients send the same again and again. None where only the parser can tell."""
    try:
        found = [*FormParser("-", max_header).parse(b"---\r\n" + header + _BLANK)]
    except MultipartError:
        return None
    # A length would have to be compared with what follows.
    is_plain = len(found) == 1 and found[0].header("Content-Length") is None
    return found[0] if is_plain else None
