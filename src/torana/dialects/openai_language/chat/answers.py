"""A chat answer as servers really send it, in the hub's words: the members that whole answers and pieces share."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from torana.core.errors import UpstreamError
from torana.families.language.chat.messages import SEALED_BY
from torana.families.language.saying import Stop
from torana.families.language.words import Media, Part, Reasoning, Refusal, Text, ToolCall

_STOPS: Mapping[str, Stop] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool",
    "function_call": "tool",
    "content_filter": "filter",
    "safety": "filter",
    "refusal": "refusal",
}
_FAILURES = frozenset({"error", "insufficient_system_resource", "abort"})
"""Reasons to stop of those whom something befell: the answer is none, or not whole."""
_DATA = "data:"


class Function(Struct):
    """A function's name, and what it is called with."""

    name: str | None = None
    arguments: Any = None

    @property
    def text(self) -> str:
        """Its arguments as text, in which not everybody sends them."""
        if self.arguments is None or isinstance(self.arguments, str):
            return self.arguments or ""
        return msgspec.json.encode(self.arguments).decode()


class Call(Struct):
    """A tool call, or a piece of one."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    extra_content: Any = None

    @property
    def signature(self) -> str | None:
        """The seal on the thoughts that led to it."""
        kept = self.extra_content.get(SEALED_BY) if isinstance(self.extra_content, Mapping) else None
        found = kept.get("thought_signature") if isinstance(kept, Mapping) else None
        return found if isinstance(found, str) else None

    def whole(self, answer: int, place: int) -> ToolCall:
        """The call; one that has no name of its own is given one."""
        function = self.function or Function()
        given = self.id or f"call_{answer}_{place}"
        return ToolCall(given, function.name or "", function.text, self.signature)


class Block(Struct):
    """Thoughts with their seal, or a piece of them."""

    index: int | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None


class Message(Struct):
    """A message, or a piece of one."""

    content: Any = None
    refusal: str | None = None
    reasoning_content: Any = None
    reasoning: Any = None
    thinking_blocks: list[Block] | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None
    images: Any = None
    audio: Any = None

    @property
    def thoughts(self) -> str:
        """The thoughts in it, by whichever name they are told; some tell them by both."""
        for told in (self.reasoning_content, self.reasoning):
            if isinstance(told, str) and told:
                return told
        return "".join(text for thought, text in self._pieces() if thought)

    @property
    def words(self) -> str:
        """The words in it."""
        if isinstance(self.content, str):
            return self.content
        return "".join(text for thought, text in self._pieces() if not thought)

    @property
    def calls(self) -> list[Call]:
        """Its tool calls, the older kind among them."""
        if self.tool_calls:
            return self.tool_calls
        return [] if self.function_call is None else [Call(index=0, function=self.function_call)]

    @property
    def media(self) -> Iterable[Media]:
        """Pictures and sounds that the model made."""
        for image in self.images if isinstance(self.images, list) else ():
            inside = image.get("image_url") if isinstance(image, Mapping) else None
            url = inside.get("url") if isinstance(inside, Mapping) else inside
            if isinstance(url, str):
                yield _picture(url)
        data = self.audio.get("data") if isinstance(self.audio, Mapping) else None
        if isinstance(data, str) and data:
            yield Media("audio", base64=data)

    def _pieces(self) -> Iterable[tuple[bool, str]]:
        """Of a content in parts, whether each is a thought, and its text."""
        for part in self.content if isinstance(self.content, list) else ():
            kind = part.get("type") if isinstance(part, Mapping) else None
            if kind in {"text", "thinking"}:
                yield kind == "thinking", _text(part.get(kind))


class Logprobs(Struct):
    """How likely each token was."""

    content: list[dict[str, Any]] | None = None


def stop_of(reason: str | None, *, calls: bool, refused: bool) -> Stop:
    """Why it stopped; of those who call tools some say that they simply stopped. UpstreamError where it failed."""
    why = (reason or "").lower()
    if why in _FAILURES:
        raise UpstreamError("The upstream failed while it answered.")
    told = _STOPS.get(why, "end")
    if told != "end":
        return told
    return "tool" if calls else "refusal" if refused else "end"


def parts_of(message: Message, answer: int) -> tuple[Part, ...]:
    """A whole message's parts: first thoughts, then words, then calls."""
    parts: list[Part] = []
    if message.thinking_blocks:
        parts += [
            Reasoning(block.thinking or "", block.signature, block.data, block.id) for block in message.thinking_blocks
        ]
    elif message.thoughts:
        parts.append(Reasoning(message.thoughts))
    if message.words:
        parts.append(Text(message.words))
    if message.refusal:
        parts.append(Refusal(message.refusal))
    parts += message.media
    parts += [call.whole(answer, place) for place, call in enumerate(message.calls)]
    return tuple(parts)


def _picture(url: str) -> Media:
    if not url.startswith(_DATA):
        return Media("image", url=url)
    kind, _, data = url.removeprefix(_DATA).partition(",")
    return Media("image", base64=data, media_type=kind.partition(";")[0] or None)


def _text(value: object) -> str:
    """A text, which may itself be in parts."""
    if isinstance(value, list):
        return "".join(_text(part.get("text")) for part in value if isinstance(part, Mapping))
    return value if isinstance(value, str) else ""
