"""The way round: a family's request to an upstream of another dialect, by words that both understand."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from torana.core.errors import InvalidRequest, UpstreamCut
from torana.core.exchange import Event, Message
from torana.dialects.steps import Received, unreadable
from torana.dialects.ways import Answered, Asking, At, Consumption, Relay, Way
from torana.families.language.asked import LanguageRequest
from torana.families.language.saying import (
    Counted,
    Delta,
    Ended,
    Happening,
    PartBegun,
    PartWhole,
    Sealed,
    Tokens,
    Utterance,
)
from torana.families.language.voice import Occasion, Teller, Voice
from torana.families.language.words import Conversation, ToolCall

_BYTES_OF_A_TOKEN = 4
ONE_CALL = "parallel_tool_calls"
"""What is emulated where a model cannot be kept to one tool at a time: of its calls the first is passed on, and it will
want the others again."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A conversation as an upstream is asked it."""

    message: Message
    emulated: tuple[str, ...] = ()
    """What the upstream has no words for and is had from it in another way, by the words' name."""
    ignored: tuple[str, ...] = ()
    """What it has no words for and what changes nothing of what is asked."""


class Listener(Protocol):
    """Understands one upstream's events, one after the other."""

    def hear(self, event: Event) -> Iterable[Happening]:
        """What an event says; an UpstreamError where it is one."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the upstream has said all."""
        ...


@dataclass(frozen=True, slots=True)
class Tongue:
    """A dialect of conversations."""

    encode: Callable[[Conversation, At], Encoded] = field(repr=False)
    """InvalidRequest as for a way."""
    decode: Callable[[bytes, Conversation], Utterance] = field(repr=False)
    """A whole answer; UpstreamError where it makes no sense."""
    listener: Callable[[Conversation], Listener] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Translated:
    """The way from a family to a dialect that is not its own."""

    voice: Voice
    tongue: Tongue

    def __call__(self, request: LanguageRequest, at: At) -> Asking:
        """As for any way."""
        voice, tongue = self.voice, self.tongue
        try:
            conversation = voice.hear(request)
            encoded = tongue.encode(conversation, at)
        except RecursionError as error:
            raise InvalidRequest("The request's members stand too deep within each other.") from error

        single = ONE_CALL in encoded.emulated

        def plain(received: Received) -> Answered:
            try:
                utterance = tongue.decode(received.body, conversation)
                if single:
                    utterance = _with_one_call(utterance)
                data = voice.tell(utterance, at.occasion)
            except RecursionError as error:
                raise unreadable() from error
            tokens = {} if utterance.tokens is None else utterance.tokens.charged
            return Answered(data, Consumption(tokens))

        def relay() -> Relay:
            calls = _OneCall() if single else None
            return _Translation(tongue.listener(conversation), voice.teller(at.occasion), at.occasion, calls)

        return Asking(
            encoded.message,
            plain,
            relay=relay if conversation.stream else None,
            emulated=tuple(dict.fromkeys((*conversation.emulated, *encoded.emulated))),
            ignored=(*conversation.unheard, *encoded.ignored),
        )


def translated(voice: Voice, tongue: Tongue) -> Way:
    """The way from a family to a dialect that is not its own."""
    return Translated(voice, tongue)


def _with_one_call(utterance: Utterance) -> Utterance:
    calls = _OneCall()
    answers = tuple(
        replace(said, parts=tuple(part for part in said.parts if calls.passes(PartWhole(part, index))))
        for index, said in enumerate(utterance.answers)
    )
    return replace(utterance, answers=answers)


@dataclass(slots=True)
class _OneCall:
    """Lets one call of each answer pass, and nothing of any other."""

    _called: set[int] = field(default_factory=set)
    _muted: set[int] = field(default_factory=set)
    """Answers whose last part did not pass."""

    def passes(self, happening: Happening) -> bool:
        match happening:
            case PartBegun(part=part, answer=answer) | PartWhole(part=part, answer=answer):
                is_further = isinstance(part, ToolCall) and answer in self._called
                (self._muted.add if is_further else self._muted.discard)(answer)
                if isinstance(part, ToolCall):
                    self._called.add(answer)
                return not is_further
            case Delta(answer=answer) | Sealed(answer=answer):
                return answer not in self._muted
            case _:
                return True


@dataclass(slots=True)
class _Translation:
    """One answer from the upstream's events to the client's."""

    listener: Listener
    teller: Teller
    occasion: Occasion
    calls: _OneCall | None = None
    _tokens: Tokens | None = None
    _heard: int = 0
    _whole: bool = False

    def take(self, event: Event) -> Iterable[bytes]:
        for happening in self.listener.hear(event):
            match happening:
                case Counted(tokens=tokens):
                    self._tokens = tokens
                case Delta(text=text):
                    self._heard += len(text.encode())
                case Ended():
                    self._whole = True
                case _:
                    pass
            if self.calls is None or self.calls.passes(happening):
                yield from self.teller.tell(happening)

    def close(self) -> Iterable[bytes]:
        if not self._whole:
            raise UpstreamCut("The upstream broke off its answer.")
        yield from self.teller.close()

    @property
    def used(self) -> Consumption:
        known = self._tokens or Tokens()
        seen = Tokens(
            text_in=known.input or len(self.occasion.request.raw) // _BYTES_OF_A_TOKEN,
            text_out=max(known.output, self._heard // _BYTES_OF_A_TOKEN),
        )
        return Consumption((known if self._whole and self._tokens else seen).charged)

    @property
    def ended(self) -> bool:
        return self.listener.ended
