"""What ``/v2/chat`` answers, whole and as it comes.

Source: the cohere Python client 7.3.1. What it cites is not passed on: nobody else has words for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import NoReturn, TypeVar

import msgspec
from msgspec import Struct
from msgspec import field as member

from torana.core.errors import UpstreamError, UpstreamTimeout
from torana.core.exchange import Event
from torana.dialects.cohere.asking import encode
from torana.dialects.steps import unreadable
from torana.dialects.translated import Tongue
from torana.families.language.saying import (
    Begun,
    Counted,
    Delta,
    Ended,
    Happening,
    PartBegun,
    Said,
    Stop,
    Tokens,
    Utterance,
)
from torana.families.language.words import Conversation, Part, Reasoning, Text, ToolCall

_STOPS: dict[str, Stop] = {
    "COMPLETE": "end",
    "STOP_SEQUENCE": "stop_sequence",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool",
    "ERROR_TOXIC": "filter",
}
_DONE = b"[DONE]"
T = TypeVar("T")


class _Counts(Struct):
    input_tokens: float | None = None
    output_tokens: float | None = None


class _Usage(Struct):
    billed_units: _Counts | None = None
    tokens: _Counts | None = None
    cached_tokens: float | None = None


class _Function(Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(Struct):
    id: str = ""
    function: _Function = member(default_factory=_Function)


class _Block(Struct):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None


class _Message(Struct):
    content: list[_Block] | str | None = None
    tool_plan: str | None = None
    tool_calls: list[_Call] | None = None


class _Reply(Struct):
    message: _Message
    id: str | None = None
    finish_reason: str = ""
    usage: _Usage | None = None


class _Piece(Struct):
    content: _Block | None = None
    tool_plan: str | None = None
    tool_calls: _Call | None = None


class _Change(Struct):
    message: _Piece | None = None
    finish_reason: str | None = None
    error: str | None = None
    usage: _Usage | None = None


class _Told(Struct):
    """An event, as far as all of them are alike."""

    type: str = ""
    id: str | None = None


class _Changed(Struct):
    """One of those that we know what to do with."""

    delta: _Change | None = None


def decode(body: bytes, conversation: Conversation) -> Utterance:
    """A whole answer."""
    try:
        reply = msgspec.json.decode(body, type=_Reply)
    except (ValueError, RecursionError) as error:
        raise unreadable() from error
    stop = _stop(reply.finish_reason)
    parts = tuple(part for part in _parts(reply.message) if _is_shown(part, conversation))
    return Utterance((Said(parts, stop),), reply.id, None, _tokens(reply.usage))


def _parts(message: _Message) -> Iterator[Part]:
    blocks = [_Block("text", message.content)] if isinstance(message.content, str) else message.content or ()
    for block in blocks:
        if block.thinking:
            yield Reasoning(block.thinking)
        if block.text:
            yield Text(block.text)
    if message.tool_plan:
        yield Text(message.tool_plan)
    for call in message.tool_calls or ():
        yield ToolCall(call.id, call.function.name or "", call.function.arguments or "")


def _is_shown(part: Part, conversation: Conversation) -> bool:
    thinking = conversation.thinking
    return not (isinstance(part, Reasoning) and thinking is not None and thinking.shown is False)


def _stop(reason: str, told: str | None = None) -> Stop:
    if reason == "TIMEOUT":
        raise UpstreamTimeout("The upstream did not finish in time.")
    if reason == "ERROR" or told:
        raise UpstreamError("The upstream failed while it answered.")
    return _STOPS.get(reason, "end")


def _tokens(usage: _Usage | None) -> Tokens | None:
    """Those that are charged for: Cohere's own words around the request are not."""
    counts = None if usage is None else usage.billed_units or usage.tokens
    if usage is None or counts is None:
        return None
    going_in = ceil(counts.input_tokens or 0)
    cached = min(ceil(usage.cached_tokens or 0), going_in)
    return Tokens(text_in=going_in - cached, cached_in=cached, text_out=ceil(counts.output_tokens or 0))


@dataclass(slots=True)
class _Listener:
    conversation: Conversation
    ended: bool = False
    _part: type[Part] | None = field(default=None, init=False)
    """What is growing; None between parts."""

    def hear(self, event: Event) -> Iterator[Happening]:
        if event.data == _DONE:
            return
        told = _read(event.data, _Told)
        match told.type or event.name:
            case "message-start":
                yield Begun(told.id)
            case "content-start" | "content-delta" | "tool-plan-delta" | "tool-call-start" | "tool-call-delta":
                piece = _change(event).message
                yield from self._grown(piece or _Piece())
            case "content-end" | "tool-call-end":
                self._part = None
            case "message-end":
                yield from self._end(_change(event))
            case "error":
                _broken()

    def _grown(self, piece: _Piece) -> Iterator[Happening]:
        if piece.tool_calls is not None:
            yield from self._called(piece.tool_calls)
        if piece.content is not None:
            yield from self._said(piece.content.thinking, Reasoning())
            yield from self._said(piece.content.text, Text(""))
        yield from self._said(piece.tool_plan, Text(""))

    def _said(self, words: str | None, begins: Text | Reasoning) -> Iterator[Happening]:
        if not words or not _is_shown(begins, self.conversation):
            return
        if self._part is not type(begins):
            self._part = type(begins)
            yield PartBegun(begins)
        yield Delta(words)

    def _called(self, call: _Call) -> Iterator[Happening]:
        if call.function.name is not None:
            self._part = ToolCall
            yield PartBegun(ToolCall(call.id, call.function.name, ""))
        elif self._part is not ToolCall:
            _broken()
        if call.function.arguments:
            yield Delta(call.function.arguments)

    def _end(self, change: _Change) -> Iterator[Happening]:
        stop = _stop(change.finish_reason or "", change.error)
        self.ended = True
        yield Ended(stop)
        tokens = _tokens(change.usage)
        if tokens is not None:
            yield Counted(tokens)


def _change(event: Event) -> _Change:
    return _read(event.data, _Changed).delta or _Change()


def _read(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError) as error:
        raise unreadable() from error


def _broken() -> NoReturn:
    raise UpstreamError("The upstream failed while it answered.")


COHERE = Tongue(encode, decode, _Listener)
