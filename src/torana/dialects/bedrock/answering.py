"""What Converse answers, whole and as it comes. What it cites is not passed on: nobody else has words for it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from torana.core.errors import UpstreamError
from torana.core.exchange import Event
from torana.dialects.bedrock.asking import encode
from torana.dialects.bedrock.faults import fault_of, is_fault
from torana.dialects.steps import unreadable
from torana.dialects.translated import Tongue
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
    Tokens,
    Utterance,
)
from torana.families.language.words import Conversation, Media, Part, Reasoning, Text, ToolCall

T = TypeVar("T")
_STOPS: dict[str, Stop] = {
    "end_turn": "end",
    "tool_use": "tool",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "stop_sequence",
    "guardrail_intervened": "filter",
    "content_filtered": "filter",
}
_MALFORMED = "malformed"
_SERVERS = "server_tool_use"
"""The kind of calls that Bedrock carries out itself."""
_NO_ARGUMENTS = "{}"


class _Words(Struct):
    text: str = ""
    signature: str | None = None


class _Thought(Struct, rename="camel"):
    """Both a whole block, and a piece of one."""

    reasoning_text: _Words | None = None
    redacted_content: str | None = None
    text: str | None = None
    signature: str | None = None


class _Call(Struct, rename="camel"):
    tool_use_id: str = ""
    name: str = ""
    input: Raw = Raw()
    type: str | None = None


class _Source(Struct):
    bytes: str | None = None


class _Picture(Struct):
    format: str = "png"
    source: _Source | None = None


class _Quoted(Struct):
    text: str = ""


class _Quotes(Struct):
    content: list[_Quoted] | None = None


class _Block(Struct, rename="camel"):
    """A block, the beginning of one, or a piece of one."""

    text: str | None = None
    tool_use: _Call | None = None
    reasoning_content: _Thought | None = None
    image: _Picture | None = None
    citations_content: _Quotes | None = None


class _Message(Struct):
    content: list[_Block] = []


class _Output(Struct):
    message: _Message


class _Usage(Struct, rename="camel"):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None


class _Reply(Struct, rename="camel"):
    output: _Output
    stop_reason: str = ""
    usage: _Usage | None = None


class _Told(Struct, rename="camel"):
    """An event: what all of those have that we know what to do with."""

    content_block_index: int = 0
    start: _Block | None = None
    delta: _Block | None = None
    stop_reason: str = ""
    usage: _Usage | None = None


def decode(body: bytes, _conversation: Conversation) -> Utterance:
    """A whole answer."""
    reply = _read(body, _Reply)
    parts = tuple(part for block in reply.output.message.content for part in _parts(block))
    tokens = None if reply.usage is None else _tokens(reply.usage)
    return Utterance((Said(parts, _stop(reply.stop_reason)),), tokens=tokens)


def _parts(block: _Block) -> Iterator[Part]:
    if block.text:
        yield Text(block.text)
    if block.citations_content is not None:
        quoted = "".join(each.text for each in block.citations_content.content or ())
        if quoted:
            yield Text(quoted)
    if block.reasoning_content is not None:
        yield from _thoughts(block.reasoning_content)
    if block.tool_use is not None and block.tool_use.type != _SERVERS:
        call = block.tool_use
        yield ToolCall(call.tool_use_id, call.name, bytes(call.input).decode() or _NO_ARGUMENTS)
    if block.image is not None:
        yield from _pictures(block.image)


def _thoughts(thought: _Thought) -> Iterator[Part]:
    if thought.redacted_content is not None:
        yield Reasoning(sealed=thought.redacted_content)
    elif thought.reasoning_text is not None:
        yield Reasoning(thought.reasoning_text.text, thought.reasoning_text.signature)


def _pictures(picture: _Picture) -> Iterator[Part]:
    if picture.source is not None and picture.source.bytes:
        yield Media("image", base64=picture.source.bytes, media_type=f"image/{picture.format}")


def _stop(reason: str) -> Stop:
    if reason.startswith(_MALFORMED):
        raise UpstreamError("The upstream's model made no sense of itself.", code="upstream_invalid_reply")
    return _STOPS.get(reason, "end")


def _tokens(usage: _Usage) -> Tokens:
    return Tokens(
        text_in=usage.input_tokens,
        cached_in=usage.cache_read_input_tokens or 0,
        cache_write_in=usage.cache_write_input_tokens or 0,
        text_out=usage.output_tokens,
    )


@dataclass(slots=True)
class _Listener:
    _conversation: Conversation
    ended: bool = False
    _place: tuple[int, type[Part]] | None = field(default=None, init=False)
    """Which block is growing, and what it is: texts and thoughts begin unannounced."""
    _calls: dict[int, bool] = field(default_factory=dict, init=False)
    """Which blocks are calls of tools, and whether arguments have come."""

    def hear(self, event: Event) -> Iterator[Happening]:
        if is_fault(event):
            raise fault_of(event)
        match event.name:
            case "messageStart":
                yield Begun()
            case "contentBlockStart":
                yield from self._start(_read(event.data, _Told))
            case "contentBlockDelta":
                yield from self._grow(_read(event.data, _Told))
            case "contentBlockStop":
                if self._calls.pop(_read(event.data, _Told).content_block_index, True) is False:
                    yield Delta(_NO_ARGUMENTS)
            case "messageStop":
                yield Ended(_stop(_read(event.data, _Told).stop_reason))
            case "metadata":
                yield from self._count(_read(event.data, _Told).usage)

    def _start(self, told: _Told) -> Iterator[Happening]:
        call = told.start.tool_use if told.start is not None else None
        if call is not None and call.type != _SERVERS:
            self._place = told.content_block_index, ToolCall
            self._calls[told.content_block_index] = False
            yield PartBegun(ToolCall(call.tool_use_id, call.name, ""))

    def _grow(self, told: _Told) -> Iterator[Happening]:
        index, piece = told.content_block_index, told.delta or _Block()
        if piece.text:
            yield from self._begun(index, Text(""))
            yield Delta(piece.text)
        if piece.tool_use is not None and index in self._calls:
            arguments = _written(piece.tool_use.input)
            if arguments:
                self._calls[index] = True
                yield Delta(arguments)
        if piece.reasoning_content is not None:
            yield from self._think(index, piece.reasoning_content)
        if piece.image is not None:
            for part in _pictures(piece.image):
                yield PartWhole(part)

    def _think(self, index: int, thought: _Thought) -> Iterator[Happening]:
        if thought.redacted_content is not None:
            yield PartWhole(Reasoning(sealed=thought.redacted_content))
            return
        yield from self._begun(index, Reasoning())
        if thought.text:
            yield Delta(thought.text)
        if thought.signature:
            yield Sealed(thought.signature)

    def _begun(self, index: int, part: Text | Reasoning) -> Iterator[Happening]:
        place = index, type(part)
        if self._place != place:
            self._place = place
            yield PartBegun(part)

    def _count(self, usage: _Usage | None) -> Iterator[Happening]:
        # It comes last of all.
        self.ended = True
        if usage is not None:
            yield Counted(_tokens(usage))


def _written(arguments: Raw) -> str:
    """A piece of a call's arguments: text of JSON, in JSON."""
    return _read(arguments, str) if bytes(arguments) else ""


def _read(data: bytes | Raw, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError) as error:
        raise unreadable() from error


BEDROCK = Tongue(encode, decode, _Listener)
