"""A stream of OpenAI's dialect on its way to a client who speaks it too: nothing in it is changed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw, Struct

from torana.core.errors import ToranaError, UpstreamCut
from torana.core.exchange import Event
from torana.dialects.openai_language.errors import empty, fault_inside
from torana.dialects.openai_language.manner import Manner
from torana.dialects.openai_language.usage import tokens_of_usage
from torana.dialects.steps import unreadable
from torana.dialects.ways import Consumption
from torana.families.language.asked import frame
from torana.families.language.saying import Tokens

DONE = b"[DONE]"
_BYTES_OF_A_TOKEN = 4
_MOST_HELD = 16
"""Events that say nothing yet, at most: until something is said, another upstream may still be asked."""
_NOTHING = frozenset({b"null", b'""', b"[]", b"{}"})
_QUOTES = 2


class _Function(Struct):
    name: Raw = Raw(b"null")
    arguments: Raw = Raw(b"null")


class _Call(Struct):
    function: _Function | None = None


class _Choice(Struct):
    index: int | None = None
    finish_reason: Raw = Raw(b"null")
    delta: dict[str, Raw] | None = None
    text: Raw = Raw(b"null")

    @property
    def ended(self) -> bool:
        """Whether this is its last piece."""
        return bytes(self.finish_reason) not in _NOTHING

    @property
    def size(self) -> int:
        """Bytes of words in it, about."""
        words = _length(self.text)
        for name, value in (self.delta or {}).items():
            if name == "tool_calls":
                words += _calls(value)
            elif name != "role":
                words += _length(value)
        return words


class Chunk(Struct):
    """What a relay has to know of an event."""

    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None
    object: Any = None


@dataclass(slots=True)
class ChatRelay:
    """Passes events on, and keeps count."""

    asked: int
    """Bytes of the request."""
    shows_usage: bool
    """Whether the client asked to be told what was used."""
    manner: Manner
    ended: bool = False
    _tokens: Tokens | None = None
    _charged: Decimal | None = None
    _said: int = 0
    _open: set[int] = field(default_factory=set)
    """Answers that are still coming."""
    _whole: bool = False
    _held: list[bytes] | None = field(default_factory=list)
    """What came before the first words; None since these came."""

    def take(self, event: Event) -> Iterable[bytes]:
        """The event as it is, if it is the client's; what the error means that it is."""
        if self.ended:
            return
        if event.data.startswith(DONE):
            if not self._whole and not self._said:
                raise empty()
            self.ended = True
            yield from self._released(frame(DONE))
            return
        chunk = read_chunk(event)
        choices = chunk.choices or ()
        said = sum(choice.size for choice in choices)
        self._note(chunk, said)
        if chunk.usage is not None and not choices and not self.shows_usage:
            return
        piece = frame(event.data.replace(b"\n", b" "))
        if said or any(choice.ended for choice in choices):
            yield from self._released(piece)
        else:
            yield from self._kept(piece)

    def close(self) -> Iterable[bytes]:
        """The end, which some leave out; UpstreamCut where an answer was not."""
        if self.ended:
            return
        if not self._whole or self._open:
            raise UpstreamCut("The upstream broke off its answer.")
        self.ended = True
        yield from self._released(frame(DONE))

    @property
    def used(self) -> Consumption:
        """The upstream's word, or an estimate while it has not given it."""
        known = self._tokens or Tokens()
        if self._tokens is not None and self._whole:
            return Consumption(known.charged, self._charged)
        seen = Tokens(
            text_in=known.input or self.asked // _BYTES_OF_A_TOKEN,
            text_out=max(known.output, self._said // _BYTES_OF_A_TOKEN),
        )
        return Consumption(seen.charged, self._charged)

    def _note(self, chunk: Chunk, said: int) -> None:
        self._said += said
        for choice in chunk.choices or ():
            index = choice.index or 0
            if choice.ended:
                self._open.discard(index)
                self._whole = True
            elif not self._whole or said:
                self._open.add(index)
        tokens = tokens_of_usage(chunk.usage)
        if tokens is not None:
            self._tokens = tokens
            self._charged = self.manner.charged(chunk.usage)

    def _kept(self, piece: bytes) -> Iterable[bytes]:
        if self._held is None or len(self._held) >= _MOST_HELD:
            return self._released(piece)
        self._held.append(piece)
        return ()

    def _released(self, piece: bytes) -> Iterable[bytes]:
        held, self._held = self._held or [], None
        return (*held, piece)


def read_chunk(event: Event) -> Chunk:
    """What an event says; UpstreamError where it makes no sense, or what the error means that it is."""
    try:
        chunk = msgspec.json.decode(event.data, type=Chunk)
    except (ValueError, RecursionError) as error:
        raise failure_in(event) or unreadable() from error
    failure = failure_in(event) if chunk.error or chunk.object == "error" or event.name == "error" else None
    if failure is not None:
        raise failure
    return chunk


def failure_in(event: Event) -> ToranaError | None:
    """What the error means that an event is; None where it is none."""
    try:
        data = msgspec.json.decode(event.data)
    except (ValueError, RecursionError):
        return None
    if isinstance(data, dict):
        error = data.get("error")
        if error or event.name == "error" or data.get("object") == "error":
            return fault_inside(error or data)
    return None


def _calls(value: Raw) -> int:
    try:
        calls = msgspec.json.decode(value, type=list[_Call] | None) or ()
    except ValueError:
        return _length(value)
    return sum(_length(call.function.name) + _length(call.function.arguments) for call in calls if call.function)


def _length(value: Raw) -> int:
    written = bytes(value)
    if written in _NOTHING:
        return 0
    return len(written) - _QUOTES if written.startswith(b'"') else len(written)
