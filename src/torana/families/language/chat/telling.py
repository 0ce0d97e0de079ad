"""An answer in a chat's own words: whole, and as it comes.

Shapes: OpenAI's ``CreateChatCompletionResponse`` and ``CreateChatCompletionStreamResponse``. Thoughts, for which these
have no words, stand in ``reasoning_content`` and ``thinking_blocks``, the latter sealed so that they can be sent back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from torana.families.language.asked import frame
from torana.families.language.chat.checked import wants_usage
from torana.families.language.chat.messages import sealed_call
from torana.families.language.chat.tools import is_legacy
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

DONE = b"data: [DONE]\n\n"
"""The last event of every stream."""
_HEARD_FOR = 3600
_REASONS: Mapping[Stop, str] = {
    "end": "stop",
    "stop_sequence": "stop",
    "pause": "stop",
    "length": "length",
    "tool": "tool_calls",
    "filter": "content_filter",
    "refusal": "content_filter",
}


def told_usage(tokens: Tokens) -> dict[str, Any]:
    """What was used, in OpenAI's words, in which the parts are within the whole."""
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {
            "cached_tokens": tokens.cached_in,
            "cache_write_tokens": tokens.cache_write_in,
            "audio_tokens": tokens.audio_in,
        },
        "completion_tokens_details": {
            "reasoning_tokens": tokens.reasoning_out,
            "audio_tokens": tokens.audio_out,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def reason(stop: Stop, *, refused: bool = False, legacy: bool = False) -> str:
    """The ``finish_reason``; a model that said that it will not has stopped by itself."""
    if stop == "refusal" and refused:
        return "stop"
    return "function_call" if legacy and stop == "tool" else _REASONS[stop]


def tell(utterance: Utterance, occasion: Occasion) -> bytes:
    """An answer, whole, in JSON."""
    legacy = is_legacy(occasion.request.body)
    whole: dict[str, Any] = {
        "id": f"chatcmpl-{occasion.id}",
        "object": "chat.completion",
        "created": occasion.created,
        "model": utterance.model or occasion.model,
        "choices": [_choice(said, index, occasion) for index, said in enumerate(utterance.answers)],
    }
    if legacy:
        for choice in whole["choices"]:
            _older(choice["message"])
    if utterance.tokens is not None:
        whole["usage"] = told_usage(utterance.tokens)
    return msgspec.json.encode(whole)


def _choice(said: Said, index: int, occasion: Occasion) -> dict[str, Any]:
    refused = any(isinstance(part, Refusal) for part in said.parts)
    legacy = is_legacy(occasion.request.body)
    return {
        "index": index,
        "message": _message(said.parts, occasion),
        "logprobs": {"content": said.logprobs, "refusal": None} if said.logprobs else None,
        "finish_reason": reason(said.stop, refused=refused, legacy=legacy),
    }


def _message(parts: Sequence[Part], occasion: Occasion) -> dict[str, Any]:
    texts = [part.text for part in parts if isinstance(part, Text)]
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    thoughts = [part for part in parts if isinstance(part, Reasoning)]
    calls = [part for part in parts if isinstance(part, ToolCall)]
    media = [part for part in parts if isinstance(part, Media)]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(texts) if texts or not parts else None,
        "refusal": "".join(refusals) if refusals else None,
    }
    if any(thought.text for thought in thoughts):
        message["reasoning_content"] = "".join(thought.text for thought in thoughts)
    if thoughts:
        message["thinking_blocks"] = [_block(thought) for thought in thoughts]
    if calls:
        message["tool_calls"] = [_call(call) for call in calls]
    pictures = [_picture(part) for part in media if part.medium == "image"]
    if pictures:
        message["images"] = pictures
    sounds = [part for part in media if part.medium == "audio"]
    if sounds:
        message["audio"] = _sound(sounds[0], occasion)
    return message


def _older(message: dict[str, Any]) -> None:
    """In the older words, which have room for one call."""
    calls = message.pop("tool_calls", None)
    if calls:
        message["function_call"] = calls[0]["function"]


def _block(thought: Reasoning) -> dict[str, Any]:
    members = {"signature": thought.signature, "data": thought.sealed, "id": thought.id}
    given = {name: value for name, value in members.items() if value is not None}
    words = {"thinking": thought.text} if thought.text or thought.sealed is None else {}
    return {"type": _kind(thought), **words, **given}


def _kind(thought: Reasoning) -> str:
    return "thinking" if thought.sealed is None else "redacted_thinking"


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function, **sealed_call(call.signature)}


def _picture(part: Media) -> dict[str, Any]:
    inline = f"data:{part.media_type or 'image/png'};base64,{part.base64}"
    return {"type": "image_url", "image_url": {"url": inline if part.base64 else part.url}}


def _sound(part: Media, occasion: Occasion) -> dict[str, Any]:
    return {
        "id": f"audio_{occasion.id}",
        "data": part.base64 or "",
        "expires_at": occasion.created + _HEARD_FOR,
        "transcript": "",
    }


@dataclass(slots=True)
class _Progress:
    """How far one answer has come."""

    last: Part | None = None
    begun: bool = False
    worded: bool = False
    refused: bool = False
    calls: int = 0
    thoughts: int = 0
    pictures: int = 0


@dataclass(slots=True)
class ChatTeller:
    """Tells an answer in chunks."""

    occasion: Occasion
    legacy: bool
    counts: bool
    """Whether the client wants to know what was used."""
    model: str | None = None
    tokens: Tokens | None = None
    answers: dict[int, _Progress] = field(default_factory=dict)

    def tell(self, happening: Happening) -> Iterable[bytes]:
        """The frames that a happening comes to; none before the first words, as nothing is said by then."""
        match happening:
            case Begun(model=model):
                self.model = model
            case Counted(tokens=tokens):
                self.tokens = tokens
            case PartBegun(part=part, answer=answer) | PartWhole(part=part, answer=answer):
                yield from self._began(part, answer)
            case Delta():
                yield from self._more(happening)
            case Sealed(signature=signature, answer=answer):
                yield from self._sealed(signature, answer)
            case Ended():
                yield from self._ended(happening)

    def close(self) -> Iterable[bytes]:
        """What was used, where the client wants to know, and the end."""
        if self.counts and self.tokens is not None:
            yield frame(msgspec.json.encode(self._head() | {"choices": [], "usage": told_usage(self.tokens)}))
        yield DONE

    def _began(self, part: Part, answer: int) -> Iterable[bytes]:
        progress = self.answers.setdefault(answer, _Progress())
        progress.last = part
        delta = self._delta(part, progress)
        if delta is None:
            return
        if not progress.begun:
            progress.begun = True
            delta = {"role": "assistant", "content": None} | delta
        yield self._chunk(answer, delta)

    def _delta(self, part: Part, progress: _Progress) -> dict[str, Any] | None:
        """What the beginning of a part says; None where nothing."""
        match part:
            case Text(text=text):
                again, progress.worded = progress.worded, True
                return {"content": text} if text or not again else None
            case Refusal(text=text):
                progress.refused = True
                return {"refusal": text}
            case Reasoning(text=text):
                progress.thoughts += 1
                block = {"index": progress.thoughts - 1, **_block(part)}
                return ({"reasoning_content": text} if text else {}) | {"thinking_blocks": [block]}
            case ToolCall():
                progress.calls += 1
                return self._called(part, progress)
            case Media():
                return self._shown(part, progress)
            case _:
                return None

    def _shown(self, media: Media, progress: _Progress) -> dict[str, Any] | None:
        match media.medium:
            case "image":
                progress.pictures += 1
                return {"images": [{"index": progress.pictures - 1, **_picture(media)}]}
            case "audio":
                return {"audio": _sound(media, self.occasion)}
            case _:
                return None

    def _called(self, call: ToolCall, progress: _Progress) -> dict[str, Any] | None:
        if not self.legacy:
            return {"tool_calls": [{"index": progress.calls - 1, **_call(call)}]}
        return {"function_call": _call(call)["function"]} if progress.calls == 1 else None

    def _more(self, delta: Delta) -> Iterable[bytes]:
        progress = self.answers.setdefault(delta.answer, _Progress())
        if progress.last is None:
            yield from self._began(Text(""), delta.answer)
        said = self._words(delta.text, progress)
        if said is not None and (delta.text or delta.logprobs):
            yield self._chunk(delta.answer, said, logprobs=delta.logprobs)

    def _words(self, text: str, progress: _Progress) -> dict[str, Any] | None:
        match progress.last:
            case Text():
                return {"content": text}
            case Refusal():
                return {"refusal": text}
            case Reasoning() as thought:
                block = {"index": progress.thoughts - 1, "type": _kind(thought), "thinking": text}
                return {"reasoning_content": text, "thinking_blocks": [block]}
            case ToolCall() if not self.legacy:
                return {"tool_calls": [{"index": progress.calls - 1, "function": {"arguments": text}}]}
            case ToolCall() if progress.calls == 1:
                return {"function_call": {"arguments": text}}
            case _:
                return None

    def _sealed(self, signature: str, answer: int) -> Iterable[bytes]:
        progress = self.answers.setdefault(answer, _Progress())
        match progress.last:
            case Reasoning() as thought:
                block = {"index": progress.thoughts - 1, "type": _kind(thought), "signature": signature}
                yield self._chunk(answer, {"thinking_blocks": [block]})
            case ToolCall() if not self.legacy:
                yield self._chunk(answer, {"tool_calls": [{"index": progress.calls - 1, **sealed_call(signature)}]})
            case _:
                return

    def _ended(self, ended: Ended) -> Iterable[bytes]:
        progress = self.answers.setdefault(ended.answer, _Progress())
        if not progress.begun:
            yield from self._began(Text(""), ended.answer)
        why = reason(ended.stop, refused=progress.refused, legacy=self.legacy)
        yield self._chunk(ended.answer, {}, finish=why)

    def _chunk(
        self, answer: int, delta: dict[str, Any], *, finish: str | None = None, logprobs: Sequence[Any] = ()
    ) -> bytes:
        choice = {
            "index": answer,
            "delta": delta,
            "logprobs": {"content": logprobs, "refusal": None} if logprobs else None,
            "finish_reason": finish,
        }
        return frame(
            msgspec.json.encode(self._head() | {"choices": [choice]} | ({"usage": None} if self.counts else {}))
        )

    def _head(self) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.occasion.id}",
            "object": "chat.completion.chunk",
            "created": self.occasion.created,
            "model": self.model or self.occasion.model,
        }


def teller(occasion: Occasion) -> ChatTeller:
    """Tells an answer as events."""
    body = occasion.request.body
    return ChatTeller(occasion, legacy=is_legacy(body), counts=wants_usage(body))
