"""What is said in this dialect, in words that every family can tell: whole, or as it comes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from torana.core.exchange import Event
from torana.dialects.anthropic.asking.tooling import answer_tool
from torana.dialects.anthropic.faults import fault_of_event
from torana.dialects.anthropic.replies import Content, More, Told, Used, read_answer, read_told
from torana.families.language.saying import (
    Begun,
    Counted,
    Delta,
    Ended,
    Happening,
    PartBegun,
    PartWhole,
    Said,
    Sealed,
    Stop,
    Utterance,
)
from torana.families.language.words import Conversation, Part, Reasoning, Text, ToolCall

_STOPS: Mapping[str, Stop] = {
    "end_turn": "end",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool",
    "pause_turn": "pause",
    "refusal": "refusal",
}


def decode(body: bytes, conversation: Conversation) -> Utterance:
    """A whole answer; UpstreamError where it makes no sense."""
    answer = read_answer(body)
    shaped = _shaped_by(conversation)
    parts = tuple(part for block in answer.content or () for part in _parts(block, shaped))
    given = any(block.type == "tool_use" and block.name == shaped for block in answer.content or ())
    return Utterance(
        (Said(parts, _stop(answer.stop_reason, given=given), answer.stop_sequence),),
        answer.id,
        answer.model,
        None if answer.usage is None else answer.usage.tokens,
    )


def _shaped_by(conversation: Conversation) -> str | None:
    """The tool whose arguments are the answer, where there is one."""
    return None if conversation.shape is None else answer_tool(conversation)


def _stop(reason: str | None, *, given: bool) -> Stop:
    stop = _STOPS.get(reason or "", "end")
    return "end" if given and stop == "tool" else stop


def _parts(block: Content, shaped: str | None) -> Iterator[Part]:
    match block.type:
        case "text":
            yield Text(block.text or "")
        case "thinking":
            yield Reasoning(block.thinking or "", signature=block.signature or None)
        case "redacted_thinking":
            yield Reasoning(sealed=block.data)
        case "tool_use":
            arguments = msgspec.json.encode(block.input or {}).decode()
            yield Text(arguments) if block.name == shaped else ToolCall(block.id or "", block.name or "", arguments)
        case _:
            # Tools that the upstream runs itself are none that we asked for.
            return


_Open = Literal["", "text", "thinking", "tool"]


@dataclass(slots=True)
class MessageListener:
    """Understands one answer's events. Nothing is said until there is content: until then it may yet fail."""

    conversation: Conversation
    _begun: Begun | None = None
    """Heard, and not said yet."""
    _used: Used = field(default_factory=Used)
    _open: _Open = ""
    _empty: bool = False
    """Whether the open block has nothing in it yet."""
    _given: bool = False
    """Whether the answer was given by a tool of ours."""
    _sequence: str | None = None
    _closed: bool = False
    """Whether it was told that the answer is complete."""
    _ended: bool = False

    def hear(self, event: Event) -> Iterable[Happening]:
        """What an event says; an error of the caller's or the upstream's where it is one."""
        told = read_told(event.data)
        match told.type or event.name:
            case "error":
                raise fault_of_event(event.data)
            case "message_start":
                self._begin(told)
            case "content_block_start" if told.content_block is not None:
                yield from self._say(self._start(told.content_block))
            case "content_block_delta" if told.delta is not None:
                yield from self._say(self._grow(told.delta))
            case "content_block_stop":
                yield from self._say(self._stop_block())
            case "message_delta":
                yield from self._say(self._end(told))
            case "message_stop":
                self._ended = True
                yield from self._say(self._close(None))
            case _:
                return

    @property
    def ended(self) -> bool:
        """Whether the upstream has said all."""
        return self._ended

    def _begin(self, told: Told) -> None:
        answer = told.message
        self._begun = Begun(answer.id, answer.model) if answer else Begun()
        if answer and answer.usage:
            self._used = answer.usage

    def _say(self, happenings: Iterable[Happening]) -> Iterator[Happening]:
        for happening in happenings:
            if self._begun is not None:
                yield self._begun
                yield Counted(self._used.tokens)
                self._begun = None
            yield happening

    def _start(self, block: Content) -> Iterator[Happening]:
        shaped = _shaped_by(self.conversation)
        self._open, self._empty = "", False
        match block.type:
            case "text":
                self._open = "text"
                yield PartBegun(Text(""))
                if block.text:
                    yield Delta(block.text)
            case "thinking":
                self._open = "thinking"
                yield PartBegun(Reasoning())
                if block.thinking:
                    yield Delta(block.thinking)
            case "redacted_thinking":
                yield PartWhole(Reasoning(sealed=block.data))
            case "tool_use":
                self._open, self._empty = "tool", True
                if block.name == shaped:
                    self._given = True
                    yield PartBegun(Text(""))
                else:
                    yield PartBegun(ToolCall(block.id or "", block.name or "", ""))
            case _:
                return

    def _grow(self, more: More) -> Iterator[Happening]:
        match self._open, more.type:
            case "text", "text_delta" if more.text:
                yield Delta(more.text)
            case "thinking", "thinking_delta" if more.thinking:
                yield Delta(more.thinking)
            case "thinking", "signature_delta" if more.signature:
                yield Sealed(more.signature)
            case "tool", "input_json_delta" if more.partial_json:
                self._empty = False
                yield Delta(more.partial_json)
            case _:
                return

    def _stop_block(self) -> Iterator[Happening]:
        if self._open == "tool" and self._empty:
            # Tools without arguments are called with none at all, which is no JSON.
            yield Delta("{}")
        self._open = ""

    def _end(self, told: Told) -> Iterator[Happening]:
        if told.usage is not None:
            self._used = self._used.later(told.usage)
        yield Counted(self._used.tokens)
        # Some count while they go on, and say later why they stopped.
        delta = told.delta or More()
        self._sequence = delta.stop_sequence
        if delta.stop_reason is not None:
            yield from self._close(delta.stop_reason)

    def _close(self, reason: str | None) -> Iterator[Happening]:
        if not self._closed:
            self._closed = True
            yield Ended(_stop(reason, given=self._given), self._sequence)
