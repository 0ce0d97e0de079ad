"""Server-sent events out of bytes as they come in: the stream's own grammar, and no more of it held than one event.

Source: the HTML standard, "Server-sent events".
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, field

from torana.core.errors import UpstreamError
from torana.core.exchange import Event

_UNNAMED = "message"
_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\r|\n")


async def read_events(chunks: AsyncIterator[bytes], *, max_event: int) -> AsyncGenerator[Event]:
    """The events of a stream, in their order and each as soon as it is whole; one that is cut off never comes.

    ``max_event`` bounds the bytes of an event's data, and of any line: what is longer is an UpstreamError.
    """
    lines = _Lines(max_event)
    gathered = _Gathered(max_event)
    async for chunk in chunks:
        for line in lines.of(chunk):
            event = gathered.take(line)
            if event is not None:
                yield event


@dataclass(slots=True)
class _Lines:
    """Cuts bytes into lines; what follows the last line's end waits for more."""

    longest: int
    rest: bytearray = field(default_factory=bytearray)
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


@dataclass(slots=True)
class _Gathered:
    """An event, line by line."""

    longest: int
    name: str = ""
    data: list[bytes] = field(default_factory=list)
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


def _too_long(longest: int) -> UpstreamError:
    return UpstreamError(f"The upstream's stream has an event of more than {longest:,} bytes.")
