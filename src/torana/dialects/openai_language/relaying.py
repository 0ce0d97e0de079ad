"""A stream of OpenAI's dialect on its way to a client who speaks it too: nothing in it is changed."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from torana.core.errors import ToranaError, UpstreamCut
from torana.core.exchange import Event
from torana.dialects.openai_language.chat.runs import NONE, Run, Shape, shape_of
from torana.dialects.openai_language.errors import empty, fault_inside
from torana.dialects.openai_language.manner import Manner
from torana.dialects.openai_language.usage import tokens_of_usage
from torana.dialects.steps import unreadable
from torana.dialects.ways import BlockRelay, Consumption
from torana.families.language.asked import frame
from torana.families.language.saying import Tokens

DONE = b"[DONE]"
_LAST = frame(DONE)
_HEAD, _BETWEEN = b"data: {", b"}\n\ndata: {"
"""What stands before the first of several objects that are an event each, and between them."""
_END = b"}\n\n"
_AFTER = b"\n\n"
_BYTES_OF_A_TOKEN = 4
_MOST_HELD = 16
"""Events that say nothing yet, at most: until something is said, another upstream may still be asked."""
_NOTHING = frozenset({b"null", b'""', b"[]", b"{}"})
_QUOTES = 2
_NULL = Raw(b"null")
_WORDS_ALONE = {"content"}
_LENGTHS_OF_NOTHING = frozenset(map(len, _NOTHING))
_LOOKED_AT = 3
"""Events of a block among which one is looked for that is nothing but words: the first one rarely is."""
_LOOKS = 4
"""Blocks in which one is looked for, at most: of some streams no two events are alike."""


class _Function(Struct, gc=False):
    name: Raw = _NULL
    arguments: Raw = _NULL


class _Call(Struct, gc=False):
    function: _Function | None = None


class _Choice(Struct, gc=False):
    index: int | None = None
    finish_reason: Any = None
    """Something in its last piece, nothing in all before."""
    delta: dict[str, Raw] | None = None
    text: Raw = _NULL

    def size(self) -> int:
        """Bytes of words in it, about."""
        words = 0 if self.text is _NULL else _length(self.text)
        if self.delta is not None:
            for name, value in self.delta.items():
                if name == "tool_calls":
                    words += _calls(value)
                elif name != "role":
                    words += _length(value)
        return words


class Chunk(Struct, gc=False):
    """What a relay has to know of an event."""

    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None
    object: Any = None

    def size(self) -> int:
        """Bytes of words in it, about."""
        choices = self.choices
        if not choices:
            return 0
        return choices[0].size() if len(choices) == 1 else sum(choice.size() for choice in choices)

    def words(self) -> tuple[bytes, int] | None:
        """The words, as they are written, and the answer they belong to, where it is nothing else; else None."""
        if self.usage is not None or not self.choices or len(self.choices) > 1:
            return None
        choice, delta = self.choices[0], self.choices[0].delta
        if choice.finish_reason or choice.text is not _NULL or not delta or delta.keys() != _WORDS_ALONE:
            return None
        return bytes(delta["content"]), choice.index or 0


class _Usual(Chunk, gc=False):
    """An event as nearly all are: no error, and of a kind that is known."""

    error: None = None
    object: Literal["chat.completion.chunk", "chat.completion", "text_completion"] | None = None


_NO_WORDS = Chunk()
_CHUNKS = msgspec.json.Decoder(Chunk)
_USUAL = msgspec.json.Decoder(_Usual)
_CALLS = msgspec.json.Decoder(list[_Call] | None)


class ChatRelay(BlockRelay):
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
    _open: set[int] = set()  # noqa: RUF012 - each has its own
    """Answers that are still coming."""
    _whole: bool = False
    _held: list[bytes] | None = []  # noqa: RUF012 - each has its own
    """What came before the first words; None since these came."""
    _shape: Shape | None = None
    """Of its events that are nothing but words."""
    _looks: int = 0

    def take(self, event: Event) -> Iterable[bytes]:
        """The event as it is, if it is the client's; what the error means that it is."""
        if self.ended:
            return ()
        if event.data.startswith(DONE):
            if not self._whole and not self._said:
                raise empty()
            self.ended = True
            return self._released(_LAST)
        chunk = read_chunk(event)
        said = chunk.size()
        self._note(chunk, said)
        if self._hides(chunk):
            return ()
        piece = frame(event.data.replace(b"\n", b" "))
        if said or any(choice.finish_reason for choice in chunk.choices or ()):
            return self._released(piece)
        return self._kept(piece)

    def take_block(self, block: bytes) -> bytes | None:
        """What its events come to: the same bytes, but for those that wait, are not the client's, or mean an error."""
        if self.ended:
            return None
        shape = self._shape
        if shape is not None and self._held is None:
            said = shape.words_in(block)
            if said is not None:
                if shape.index in self._open:
                    self._said += said
                else:
                    self._grow(shape.index, said)
                return block
        told = block.removesuffix(_LAST)
        run = self._run_in(told)
        before, after = _chunks_of(told[: run.start]), _chunks_of(told[run.end :])
        if before is None or after is None or not told:
            return None
        ends = len(told) < len(block)
        silent = self._held is not None or (ends and not (self._said or self._whole))
        if silent and not run.said and not any(chunk.size() for chunk in (*before, *after)):
            return None
        counted = self._note_all(before)
        if self._shape is not None and run.end:
            self._grow(self._shape.index, run.said)
        counted = self._note_all(after) or counted
        self.ended = ends
        held, self._held = self._held, None
        shown = block
        if counted and not self.shows_usage:
            first, last = self._shown(told[: run.start], before), self._shown(told[run.end :], after)
            shown = b"".join((first, told[run.start : run.end], last, block[len(told) :]))
        return b"".join((*held, shown)) if held else shown

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

    def _run_in(self, told: bytes) -> Run:
        """The events of a block that are words of one answer and nothing else, as far as they are alike."""
        found = self._shape.run_in(told) if self._shape is not None else None
        if found is None and self._looks < _LOOKS:
            self._looks += 1
            self._shape = _shape_in(told)
            found = None if self._shape is None else self._shape.run_in(told)
        return found or NONE

    def _grow(self, index: int, said: int) -> None:
        """Notes words of an answer."""
        self._said += said
        if said or not self._whole:
            self._open.add(index)

    def _note_all(self, chunks: Sequence[Chunk]) -> bool:
        """Notes them; whether any of them says what was used."""
        opened, counted = self._open, False
        for chunk in chunks:
            choices, words = chunk.choices, _NULL
            # Nearly all are some words of an answer that is under way, which is told from less.
            if choices and len(choices) == 1 and chunk.usage is None:
                (choice,), delta = choices, choices[0].delta
                under_way = choice.index in opened and not choice.finish_reason and choice.text is _NULL
                words = delta.get("content", _NULL) if delta and len(delta) == 1 and under_way else _NULL
            if len(words) not in _LENGTHS_OF_NOTHING:
                self._said += len(words) - _QUOTES
                continue
            counted = counted or chunk.usage is not None
            self._note(chunk, chunk.size())
        return counted

    def _note(self, chunk: Chunk, said: int) -> None:
        self._said += said
        for choice in chunk.choices or ():
            index = choice.index or 0
            if choice.finish_reason:
                self._open.discard(index)
                self._whole = True
            elif not self._whole or said:
                self._open.add(index)
        if chunk.usage is None:
            return
        tokens = tokens_of_usage(chunk.usage)
        if tokens is not None:
            self._tokens = tokens
            self._charged = self.manner.charged(chunk.usage)

    def _hides(self, chunk: Chunk) -> bool:
        """Whether it says what was used, and nothing else, to a client who did not ask."""
        return chunk.usage is not None and not chunk.choices and not self.shows_usage

    def _shown(self, told: bytes, chunks: Sequence[Chunk]) -> bytes:
        """Of events what is the client's."""
        frames = zip(told.split(_AFTER), chunks, strict=False)
        return b"".join([each + _AFTER for each, chunk in frames if not self._hides(chunk)])

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
        chunk = _CHUNKS.decode(event.data)
    except (ValueError, RecursionError) as error:
        raise failure_in(event) or unreadable() from error
    failure = failure_in(event) if chunk.error or chunk.object == "error" or event.name == "error" else None
    if failure is not None:
        raise failure
    return chunk


def _chunks_of(block: bytes) -> Sequence[Chunk] | None:
    """What events say that are as usual, and an object each, on a line of its own; None for any others."""
    if not block:
        return ()
    if not (block.startswith(_HEAD) and block.endswith(_END)):
        return None
    objects = block[len(_HEAD) - 1 : -len(_AFTER)].split(_BETWEEN)
    if block.count(b"\n") != len(objects) * len(_AFTER):
        return None
    try:
        # Where an object ends before a line's end and another begins after it, nothing can hold both of them.
        chunks = _USUAL.decode_lines(b"}\n{".join(objects))
    except (ValueError, RecursionError):
        return None
    return chunks if len(chunks) == len(objects) else None


def _shape_in(block: bytes) -> Shape | None:
    """Of the first of its events that is nothing but words of one answer."""
    for text in block.split(_AFTER, _LOOKED_AT)[:_LOOKED_AT]:
        event = text + _AFTER
        (chunk,) = _chunks_of(event) or (_NO_WORDS,)
        words = chunk.words()
        if words is not None:
            return shape_of(event, *words)
    return None


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
        calls = _CALLS.decode(value) or ()
    except ValueError:
        return _length(value)
    return sum(_length(call.function.name) + _length(call.function.arguments) for call in calls if call.function)


def _length(value: Raw) -> int:
    written = bytes(value)
    if written in _NOTHING:
        return 0
    return len(written) - _QUOTES if written.startswith(b'"') else len(written)
