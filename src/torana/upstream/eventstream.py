"""Events in AWS's binary framing out of bytes as they come in, and no more of them held than one event.

Source: "Event stream encoding" of Amazon Transcribe's guide, and botocore 1.44.5. A message is a prelude (its length,
that of its headers, a CRC), headers, a payload and a CRC of all of it.
"""

import struct
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

import msgspec

from torana.core.errors import UpstreamCut, UpstreamError
from torana.core.exchange import Event

AMAZON_EVENT_STREAM: Final = "application/vnd.amazon.eventstream"
"""The media type under which such events travel."""
ERROR: Final = "error"
"""Name of an event for an error that AWS has no exception for: JSON with ``code`` and ``message``."""

_PRELUDE = struct.Struct("!III")
_CRC = struct.Struct("!I")
_AROUND = _PRELUDE.size + _CRC.size
_MOST_HEADERS = 128 * 1024
_TEXT = 7
_COUNTED = frozenset({6, _TEXT})
"""Kinds of values that tell their own length: bytes and texts."""
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Of all others: two truths, four whole numbers, a time and a UUID."""


async def read_event_stream(chunks: AsyncIterator[bytes], *, max_event: int) -> AsyncGenerator[Event]:
    """The events of a stream, in their order and each as soon as it is whole, exceptions by their name among them.

    ``max_event`` bounds the bytes of an event's data. UpstreamError for one that is longer or damaged, UpstreamCut
    where the stream ends within one.
    """
    cutter = MessageCutter(max_event)
    async for chunk in chunks:
        for event in cutter.take(chunk):
            yield event
    cutter.close()


@dataclass(slots=True)
class MessageCutter:
    """Cuts bytes into messages; what follows the last whole one waits for more. Bounds and errors as above."""

    longest: int
    """Bytes of an event's data, at most."""
    rest: bytearray = field(default_factory=bytearray)
    length: int = 0
    """Of the message that is coming; 0 until its prelude is there."""
    headers: int = 0

    def take(self, chunk: bytes) -> Iterator[Event]:
        """The events that this chunk ends."""
        self.rest += chunk
        while self._is_whole():
            message = bytes(self.rest[: self.length])
            del self.rest[: self.length]
            self.length = 0
            (sum_of_all,) = _CRC.unpack_from(message, len(message) - _CRC.size)
            if crc32(memoryview(message)[: -_CRC.size]) != sum_of_all:
                raise _damaged()
            ends = _PRELUDE.size + self.headers
            yield _event(_headers(message[_PRELUDE.size : ends]), message[ends : -_CRC.size])

    def close(self) -> None:
        """The stream is at its end; UpstreamCut where that is within a message."""
        if self.rest:
            raise UpstreamCut("The upstream broke off its answer.")

    def _is_whole(self) -> bool:
        if not self.length:
            if len(self.rest) < _PRELUDE.size:
                return False
            self._read_prelude()
        return len(self.rest) >= self.length

    def _read_prelude(self) -> None:
        length, headers, sum_of_both = _PRELUDE.unpack_from(self.rest)
        if crc32(self.rest[: _PRELUDE.size - _CRC.size]) != sum_of_both or length < _AROUND + headers:
            raise _damaged()
        if headers > _MOST_HEADERS or length - headers - _AROUND > self.longest:
            raise UpstreamError(f"The upstream's stream has an event of more than {self.longest:,} bytes.")
        self.length, self.headers = length, headers


def _event(headers: dict[str, str], payload: bytes) -> Event:
    match headers.get(":message-type"):
        case "exception":
            return Event(headers.get(":exception-type", ERROR), payload)
        case "error":
            told = {"code": headers.get(":error-code", ""), "message": headers.get(":error-message", "")}
            return Event(ERROR, msgspec.json.encode(told))
        case _:
            return Event(headers.get(":event-type", ""), payload)


def _headers(data: bytes) -> dict[str, str]:
    """Those that are texts, by their names."""
    found: dict[str, str] = {}
    place = 0
    try:
        while place < len(data):
            name, place = _cut(data, place + 1, data[place])
            kind = data[place]
            place += 1
            size = _SIZES[kind] if kind not in _COUNTED else int.from_bytes(_cut(data, place, 2)[0])
            value, place = _cut(data, place + (2 if kind in _COUNTED else 0), size)
            if kind == _TEXT:
                found[name.decode()] = value.decode()
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise _damaged() from error
    return found


def _cut(data: bytes, start: int, size: int) -> tuple[bytes, int]:
    end = start + size
    if end > len(data):
        raise IndexError
    return data[start:end], end


def _damaged() -> UpstreamError:
    return UpstreamError("The upstream's stream is damaged.", code="upstream_invalid_reply")
