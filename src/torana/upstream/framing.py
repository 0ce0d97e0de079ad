"""Server-sent events out of bytes as they come in: the stream's own grammar, and no more of it held than one event.

Source: the HTML standard, "Server-sent events".
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from math import inf

from msgspec import Struct

from torana.core.errors import UpstreamError
from torana.core.exchange import Event

_UNNAMED = "message"
_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\r|\n")
_BETWEEN = b"\n\n"
"""What ends an event where lines end with a line feed alone, as most servers' do."""
_LENGTH_BETWEEN = len(_BETWEEN)
_DATA, _NAME = b"data: ", b"event: "
_MOST_COPIED = 64 * 1024
"""Bytes of an unfinished event that are put before the next chunk; a longer one is gathered line by line."""


async def read_events(chunks: AsyncIterator[bytes], *, max_event: int) -> AsyncGenerator[Event]:
    """The events of a stream, in their order and each as soon as it is whole; one that is cut off never comes.

    ``max_event`` bounds the bytes of an event's data, and of any line: what is longer is an UpstreamError.
    """
    cutter = EventCutter(max_event)
    async for chunk in chunks:
        for event in cutter.take(chunk):
            yield event


class EventCutter:
    """Cuts a stream into its events, chunk by chunk; one that is cut off never comes.

    ``max_event`` bounds the bytes of an event's data, and of any line: what is longer is an UpstreamError.
    """

    __slots__ = ("_gathered", "_is_even", "_is_odd", "_lines", "_longest", "_rest")

    def __init__(self, max_event: int) -> None:
        self._longest = max_event
        self._rest = b""
        """What follows the last whole event, where that is not gathered line by line."""
        self._is_odd = False
        """Whether an event may be gathered line by line."""
        self._is_even = False
        """Whether nothing is left of what came before, and that was not the stream's beginning."""
        self._lines = _Lines(max_event)
        self._gathered = _Gathered(max_event)

    def take(self, chunk: bytes) -> Iterable[Event]:
        """The events that this chunk ends."""
        block = self.block(chunk)
        return self._line_by_line(chunk) if block is None else cut(block)

    def block(self, chunk: bytes) -> bytes | None:
        """The events that this chunk ends, uncut, each with its end; None for what only ``take`` can cut."""
        if self._is_even and chunk.endswith(_BETWEEN) and b"\r" not in chunk and len(chunk) <= self._longest:
            return chunk
        self._is_even = False
        return self._block(chunk)

    def _block(self, chunk: bytes) -> bytes | None:
        if b"\r" in chunk or (self._is_odd and not self._is_between):
            return None
        block = self._rest + chunk if self._rest else chunk
        if len(block) > self._longest or (self._lines.first and block.startswith(_BOM)):
            return None
        end = block.rfind(_BETWEEN) + _LENGTH_BETWEEN
        if end < _LENGTH_BETWEEN:
            if len(block) > _MOST_COPIED:
                return None
            self._rest = block
            return b""
        self._is_odd = self._lines.first = False
        if end == len(block):
            self._rest = b""
            self._is_even = True
            return block
        self._rest = block[end:]
        return block[:end]

    def close(self) -> None:
        """The stream is at its end: nothing more comes of what was cut off."""

    @property
    def _is_between(self) -> bool:
        """Whether no event is gathered line by line."""
        lines, gathered = self._lines, self._gathered
        return not (lines.rest or lines.after_return or gathered.data or gathered.name)

    def _line_by_line(self, chunk: bytes) -> Iterator[Event]:
        chunk, self._rest, self._is_odd = self._rest + chunk, b"", True
        for line in self._lines.of(chunk):
            event = self._gathered.take(line)
            if event is not None:
                yield event


def cut(block: bytes) -> list[Event]:
    """The events of a block, of which each is within all bounds."""
    events = []
    for text in block.split(_BETWEEN):
        name, data = b"", text
        if text.startswith(_NAME):
            name, _, data = text.removeprefix(_NAME).partition(b"\n")
        if data.startswith(_DATA) and b"\n" not in data:
            events.append(Event(name.decode(errors="replace") or _UNNAMED, data[len(_DATA) :]))
        elif text:
            events += _events_of(text.split(b"\n"))
    return events


def _events_of(lines: Iterable[bytes]) -> Iterator[Event]:
    gathered = _Gathered()
    for line in (*lines, b""):
        event = gathered.take(line)
        if event is not None:
            yield event


class _Lines(Struct):
    """Cuts bytes into lines; what follows the last line's end waits for more."""

    longest: int
    rest: bytearray = bytearray()
    after_return: bool = False
    """Whether a line feed that comes next belongs to the end of the line before."""
    first: bool = True
    """Whether the next line is the stream's first, before which a byte order mark may stand."""

    def of(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that this chunk ends."""
        if self.after_return and chunk:
            chunk = chunk.removeprefix(b"\n")
            self.after_return = False
        *ended, rest = _LINE_END.split(chunk)
        for piece in ended:
            self._add(piece)
            line = bytes(self.rest)
            self.rest.clear()
            is_first, self.first = self.first, False
            yield line.removeprefix(_BOM) if is_first else line
        self._add(rest)
        self.after_return = self.after_return or chunk.endswith(b"\r")

    def _add(self, piece: bytes) -> None:
        if len(self.rest) + len(piece) > self.longest:
            raise _too_long(self.longest)
        self.rest += piece


class _Gathered(Struct):
    """An event, line by line."""

    longest: float = inf
    name: str = ""
    data: list[bytes] = []
    size: int = 0

    def take(self, line: bytes) -> Event | None:
        """The event that this line ends; None where it ends none."""
        if not line:
            return self._ended()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self.size += len(value) + 1
            if self.size > self.longest + 1:
                raise _too_long(self.longest)
            self.data.append(value)
        elif name == b"event":
            self.name = value.decode(errors="replace")
        return None

    def _ended(self) -> Event | None:
        event = Event(self.name or _UNNAMED, b"\n".join(self.data)) if self.data else None
        self.name, self.data, self.size = "", [], 0
        return event


def _too_long(longest: float) -> UpstreamError:
    return UpstreamError(f"The upstream's stream has an event of more than {longest:,} bytes.")
