"""What a model says, whole or as it comes, in words that no API has for itself; folding the one gives the other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import Any, Literal

from msgspec import Struct, structs

from torana.families.language.words import Part, Reasoning, Refusal, Text, ToolCall

Stop = Literal["end", "length", "stop_sequence", "tool", "refusal", "filter", "pause"]
"""Why it stopped: it had said all; no room was left; a text that it was to stop at; a tool is to be run; it will not;
somebody's filter cut in; or the upstream wants to be called again to go on."""


class Tokens(Struct, frozen=True, gc=False):
    """How many tokens went in and out. Each is counted once: ``text_in`` are those that no other field has.

    None is unknown, for all of them together.
    """

    text_in: int = 0
    cached_in: int = 0
    """Read from the upstream's cache."""
    cache_write_in: int = 0
    """Written to it."""
    audio_in: int = 0
    text_out: int = 0
    reasoning_out: int = 0
    audio_out: int = 0

    @property
    def input(self) -> int:
        """All that went in."""
        return self.text_in + self.cached_in + self.cache_write_in + self.audio_in

    @property
    def output(self) -> int:
        """All that came out."""
        return self.text_out + self.reasoning_out + self.audio_out

    @property
    def charged(self) -> Mapping[str, int]:
        """By the name they are charged under; those that are none are left out."""
        counts = structs.astuple(self)
        if min(counts) < 0:
            counts = tuple([max(count, 0) for count in counts])
        return dict(compress(zip(self.__struct_fields__, counts, strict=True), counts))


@dataclass(frozen=True, slots=True)
class Said:
    """One answer; a client may have asked for several."""

    parts: tuple[Part, ...] = ()
    stop: Stop = "end"
    stop_sequence: str | None = None
    logprobs: tuple[Mapping[str, Any], ...] = ()
    """OpenAI's ``logprobs.content``, one for each token."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A model's whole answer."""

    answers: tuple[Said, ...]
    id: str | None = None
    """The upstream's name for it."""
    model: str | None = None
    """What the upstream calls the model."""
    tokens: Tokens | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer begins. Comes first, once."""

    id: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class PartBegun:
    """A part begins: what is known of it, its words still to come. Parts of one answer come one after the other."""

    part: Text | Reasoning | ToolCall | Refusal
    answer: int = 0


@dataclass(frozen=True, slots=True)
class Delta:
    """More of the part that began last: words, thoughts, or arguments of a tool."""

    text: str
    answer: int = 0
    logprobs: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Sealed:
    """The seal on the part that began last."""

    signature: str
    answer: int = 0


@dataclass(frozen=True, slots=True)
class PartWhole:
    """A part that comes in one piece."""

    part: Part
    answer: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """An answer is complete."""

    stop: Stop
    stop_sequence: str | None = None
    answer: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """Tokens so far; the last word on them counts."""

    tokens: Tokens


Happening = Begun | PartBegun | Delta | Sealed | PartWhole | Ended | Counted


@dataclass(slots=True)
class _Answer:
    parts: list[Part] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    """Of the part that is last, while it is growing."""
    stop: Stop = "end"
    stop_sequence: str | None = None
    logprobs: list[Mapping[str, Any]] = field(default_factory=list)

    def take(self, happening: PartBegun | PartWhole | Delta | Sealed | Ended) -> None:
        match happening:
            case PartBegun(part=part) | PartWhole(part=part):
                self._close()
                self.parts.append(part)
            case Delta(text=text, logprobs=logprobs):
                self.words.append(text)
                self.logprobs += logprobs
            case Sealed(signature=signature):
                last = self.parts[-1] if self.parts else None
                if isinstance(last, Reasoning | ToolCall):
                    self.parts[-1] = replace(last, signature=signature)
            case Ended(stop=stop, stop_sequence=stop_sequence):
                self.stop, self.stop_sequence = stop, stop_sequence

    def whole(self) -> Said:
        self._close()
        return Said(tuple(self.parts), self.stop, self.stop_sequence, tuple(self.logprobs))

    def _close(self) -> None:
        more = "".join(self.words)
        self.words.clear()
        if not more:
            return
        last = self.parts[-1] if self.parts else Text("")
        match last:
            case Text() | Reasoning() | Refusal():
                grown: Part = replace(last, text=last.text + more)
            case ToolCall():
                grown = replace(last, arguments=last.arguments + more)
            case _:
                return
        self.parts[max(len(self.parts) - 1, 0) :] = [grown]


def fold(happenings: Iterable[Happening]) -> Utterance:
    """The whole answer that was told piece by piece."""
    begun = Begun()
    tokens: Tokens | None = None
    answers: dict[int, _Answer] = {}
    for happening in happenings:
        match happening:
            case Begun():
                begun = happening
            case Counted():
                tokens = happening.tokens
            case _:
                answers.setdefault(happening.answer, _Answer()).take(happening)
    return Utterance(tuple(answers[index].whole() for index in sorted(answers)), begun.id, begun.model, tokens)


def unfold(utterance: Utterance) -> Iterable[Happening]:
    """A whole answer, told piece by piece."""
    yield Begun(utterance.id, utterance.model)
    for index, said in enumerate(utterance.answers):
        logprobs = said.logprobs
        for part in said.parts:
            match part:
                case Text(text=text) | Refusal(text=text) | Reasoning(text=text) if text:
                    yield PartBegun(replace(part, text=""), index)
                    told, logprobs = (logprobs, ()) if isinstance(part, Text) else ((), logprobs)
                    yield Delta(text, index, told)
                case ToolCall(arguments=arguments):
                    yield PartBegun(replace(part, arguments=""), index)
                    yield Delta(arguments, index)
                case _:
                    yield PartWhole(part, index)
        yield Ended(said.stop, said.stop_sequence, index)
    if utterance.tokens is not None:
        yield Counted(utterance.tokens)
