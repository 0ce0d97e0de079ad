"""An answer in this API's words: as a message, or as the events that tell one.

Source: Anthropic's ``Message`` and ``RawMessageStreamEvent``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from torana.families.language.messages.pieces import event
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
from torana.families.language.voice import Occasion
from torana.families.language.words import Media, Part, Reasoning, Refusal, Text, ToolCall

_REASONS: Mapping[Stop, str] = {
    "end": "end_turn",
    "length": "max_tokens",
    "stop_sequence": "stop_sequence",
    "tool": "tool_use",
    "refusal": "refusal",
    "filter": "refusal",
    "pause": "pause_turn",
}


def tell(utterance: Utterance, occasion: Occasion) -> bytes:
    """The message; of several answers the first, because there can be no other."""
    said = utterance.answers[0] if utterance.answers else Said()
    refused = any(isinstance(part, Refusal) for part in said.parts)
    message = _message(occasion, utterance.model)
    message["content"] = [block for part in said.parts for block in _blocks(part)]
    message["stop_reason"] = _reason(said.stop, refused=refused)
    message["stop_sequence"] = said.stop_sequence
    message["usage"] = _usage(utterance.tokens)
    return msgspec.json.encode(message)


def _message(occasion: Occasion, model: str | None) -> dict[str, Any]:
    return {
        "id": f"msg_{occasion.id}",
        "type": "message",
        "role": "assistant",
        "model": model or occasion.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(None),
    }


def _reason(stop: Stop, *, refused: bool) -> str:
    return _REASONS["refusal" if refused and stop == "end" else stop]


def _usage(tokens: Tokens | None) -> dict[str, Any]:
    known = tokens or Tokens()
    usage: dict[str, Any] = {
        "input_tokens": known.text_in + known.audio_in,
        "cache_creation_input_tokens": known.cache_write_in,
        "cache_read_input_tokens": known.cached_in,
        "output_tokens": known.output,
    }
    if known.reasoning_out:
        usage["output_tokens_details"] = {"thinking_tokens": known.reasoning_out}
    return usage


def _blocks(part: Part) -> Iterator[dict[str, Any]]:
    match part:
        case Text(text=text) | Refusal(text=text) if text:
            yield {"type": "text", "text": text, "citations": None}
        case Reasoning(text=text, signature=signature, sealed=sealed):
            if text or signature:
                yield {"type": "thinking", "thinking": text, "signature": signature or ""}
            if sealed:
                yield {"type": "redacted_thinking", "data": sealed}
        case ToolCall(id=call, name=name, arguments=arguments):
            yield {"type": "tool_use", "id": call, "name": name, "input": _input(arguments)}
        case Media(base64=data, url=url, media_type=kind) if data or url:
            # The API has no block for what a model draws or sings.
            yield {"type": "text", "text": f"![]({url or f'data:{kind};base64,{data}'})", "citations": None}
        case _:
            return


def _input(arguments: str) -> dict[str, Any]:
    try:
        read = msgspec.json.decode(arguments or "{}")
    except (ValueError, RecursionError):
        read = None
    # A model may write what is no JSON, or be cut short: whoever runs the tool is to see it rather than nothing.
    return read if isinstance(read, dict) else {"_incomplete": arguments}


@dataclass(slots=True)
class MessageTeller:
    """Tells one answer as events."""

    occasion: Occasion
    _open: str | None = None
    """The type of the block that is open."""
    _count: int = 0
    """Blocks that have begun."""
    _begun: bool = False
    _refused: bool = False
    _stop: Stop = "end"
    _stop_sequence: str | None = None
    _tokens: Tokens | None = None

    def tell(self, happening: Happening) -> Iterable[bytes]:
        """The events that a happening comes to; of several answers the first is told."""
        match happening:
            case Begun(model=model):
                yield from self._begin(model)
            case Counted(tokens=tokens):
                self._tokens = tokens
            case PartBegun(answer=0) | PartWhole(answer=0) | Delta(answer=0) | Sealed(answer=0):
                yield from self._begin(None)
                yield from self._say(happening)
            case Ended(answer=0):
                self._stop, self._stop_sequence = happening.stop, happening.stop_sequence
            case _:
                return

    def close(self) -> Iterable[bytes]:
        """The last events, which say why it stopped and what it took."""
        yield from self._begin(None)
        yield from self._end_block()
        reason = _reason(self._stop, refused=self._refused)
        yield event(
            "message_delta",
            delta={"stop_reason": reason, "stop_sequence": self._stop_sequence},
            usage=_usage(self._tokens),
        )
        yield event("message_stop")

    def _begin(self, model: str | None) -> Iterator[bytes]:
        if not self._begun:
            self._begun = True
            yield event("message_start", message=_message(self.occasion, model))

    def _say(self, happening: PartBegun | PartWhole | Delta | Sealed) -> Iterator[bytes]:
        match happening:
            case PartBegun(part=part):
                yield from self._end_block()
                yield from self._part(part)
            case PartWhole(part=part):
                yield from self._end_block()
                yield from self._part(part)
                yield from self._end_block()
            case Delta(text=text) if text:
                yield from self._grow(text)
            case Sealed(signature=signature) if self._open == "thinking":
                yield self._delta({"type": "signature_delta", "signature": signature})
            case _:
                return

    def _part(self, part: Part) -> Iterator[bytes]:
        match part:
            case Text(text=text) | Refusal(text=text):
                self._refused |= isinstance(part, Refusal)
                yield from self._start({"type": "text", "text": "", "citations": None})
                yield from self._grow(text)
            case Reasoning(text=text, signature=signature, sealed=sealed):
                if text or signature or not sealed:
                    yield from self._start({"type": "thinking", "thinking": "", "signature": ""})
                    yield from self._grow(text)
                    if signature:
                        yield self._delta({"type": "signature_delta", "signature": signature})
                if sealed:
                    yield from self._end_block()
                    yield from self._start({"type": "redacted_thinking", "data": sealed})
            case ToolCall(id=call, name=name, arguments=arguments):
                yield from self._start({"type": "tool_use", "id": call, "name": name, "input": {}})
                yield from self._grow(arguments)
            case _:
                for block in _blocks(part):
                    yield from self._start(block | {"text": ""})
                    yield from self._grow(block["text"])

    def _start(self, block: dict[str, Any]) -> Iterator[bytes]:
        self._open = block["type"]
        self._count += 1
        yield event("content_block_start", index=self._count - 1, content_block=block)

    def _grow(self, text: str) -> Iterator[bytes]:
        if not text:
            return
        if self._open is None:
            yield from self._start({"type": "text", "text": "", "citations": None})
        match self._open:
            case "thinking":
                yield self._delta({"type": "thinking_delta", "thinking": text})
            case "tool_use":
                yield self._delta({"type": "input_json_delta", "partial_json": text})
            case "text":
                yield self._delta({"type": "text_delta", "text": text})

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return event("content_block_delta", index=self._count - 1, delta=delta)

    def _end_block(self) -> Iterator[bytes]:
        if self._open is not None:
            self._open = None
            yield event("content_block_stop", index=self._count - 1)
