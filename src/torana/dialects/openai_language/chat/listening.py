"""A stream of chat chunks as it happens, in the hub's words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct

from torana.core.exchange import Event
from torana.dialects.openai_language.chat.answers import Block, Logprobs, Message, stop_of
from torana.dialects.openai_language.chat.calling import Calls
from torana.dialects.openai_language.relaying import DONE, failure_in
from torana.dialects.openai_language.usage import tokens_of_usage
from torana.dialects.steps import unreadable
from torana.families.language.saying import Begun, Counted, Delta, Ended, Happening, PartBegun, PartWhole, Sealed
from torana.families.language.words import Media, Reasoning, Refusal, Text


class _Choice(Struct):
    index: int | None = None
    delta: Message | None = None
    message: Message | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class _Chunk(Struct):
    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None
    object: Any = None


@dataclass(slots=True)
class _Answer:
    """One answer while it is coming."""

    index: int
    growing: object = None
    """What the part is that began last: a kind, or a kind and its index."""
    refused: bool = False
    ended: bool = False
    calls: Calls = field(init=False)

    def __post_init__(self) -> None:
        self.calls = Calls(self.index)

    def hear(self, choice: _Choice) -> Iterable[Happening]:
        """What a piece of it says."""
        piece = choice.delta or choice.message or Message()
        logprobs = tuple((choice.logprobs or Logprobs()).content or ())
        yield from self._thoughts(piece)
        yield from self._words(piece, logprobs)
        if piece.refusal:
            self.refused = True
            yield from self._begin("refusal", Refusal(""))
            yield Delta(piece.refusal, self.index)
        for medium in piece.media:
            yield from self._whole(medium)
        for place, call in enumerate(piece.calls):
            self.growing = "calls"
            yield from self.calls.hear(call, place if call.index is None else call.index)
        if choice.finish_reason:
            yield from self.end(choice.finish_reason)

    def end(self, reason: str | None) -> Iterable[Happening]:
        """That it is complete, once."""
        if not self.ended:
            self.ended = True
            yield from self.calls.close()
            yield Ended(stop_of(reason, calls=bool(self.calls.names), refused=self.refused), answer=self.index)

    def _begin(self, kind: object, part: Text | Refusal | Reasoning) -> Iterable[Happening]:
        if self.growing != kind:
            yield from self.calls.close()
            self.growing = kind
            yield PartBegun(part, self.index)

    def _whole(self, part: Media | Reasoning) -> Iterable[Happening]:
        yield from self.calls.close()
        self.growing = None
        yield PartWhole(part, self.index)

    def _words(self, piece: Message, logprobs: Sequence[Any]) -> Iterable[Happening]:
        words = piece.words
        if words or logprobs:
            yield from self._begin("text", Text(""))
            yield Delta(words, self.index, tuple(logprobs))

    def _thoughts(self, piece: Message) -> Iterable[Happening]:
        for block in piece.thinking_blocks or ():
            yield from self._block(block)
        if piece.thinking_blocks:
            return
        thoughts = piece.thoughts
        if thoughts:
            yield from self._begin("thoughts", Reasoning())
            yield Delta(thoughts, self.index)

    def _block(self, block: Block) -> Iterable[Happening]:
        if block.data is not None:
            yield from self._whole(Reasoning(block.thinking or "", block.signature, block.data, block.id))
            return
        yield from self._begin(("thoughts", block.index), Reasoning(id=block.id))
        if block.thinking:
            yield Delta(block.thinking, self.index)
        if block.signature:
            yield Sealed(block.signature, self.index)


@dataclass(slots=True)
class ChatListener:
    """Understands the chunks of one answer, or of several."""

    ended: bool = False
    _begun: bool = False
    _answers: dict[int, _Answer] = field(default_factory=dict)

    def hear(self, event: Event) -> Iterable[Happening]:
        """What an event says; UpstreamError where it makes no sense, or what the error means that it is."""
        if self.ended:
            return
        if event.data.startswith(DONE):
            self.ended = True
            for answer in self._answers.values():
                yield from answer.end(None)
            return
        chunk = _read(event)
        if not self._begun:
            self._begun = True
            yield Begun(chunk.id, chunk.model)
        for choice in chunk.choices or ():
            index = choice.index or 0
            yield from self._answers.setdefault(index, _Answer(index)).hear(choice)
        tokens = tokens_of_usage(chunk.usage)
        if tokens is not None:
            yield Counted(tokens)


def _read(event: Event) -> _Chunk:
    try:
        chunk = msgspec.json.decode(event.data, type=_Chunk)
    except (ValueError, RecursionError) as error:
        raise failure_in(event) or unreadable() from error
    failure = failure_in(event) if chunk.error or chunk.object == "error" or event.name == "error" else None
    if failure is not None:
        raise failure
    return chunk
