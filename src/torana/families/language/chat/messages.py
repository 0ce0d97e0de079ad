"""The messages of a chat as turns of a conversation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from msgspec import Struct

from torana.families.language.chat.checked import checked, unsupported, wrong
from torana.families.language.chat.parts import hear_content, hear_text
from torana.families.language.words import Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult, Turn

SEALED_BY = "google"
"""Whose member of ``extra_content`` holds the seal of a tool call, in the only spelling that clients send back."""


class _Function(Struct):
    name: str
    arguments: str = ""


class _Call(Struct):
    id: str
    type: str = "function"
    function: _Function | None = None
    extra_content: dict[str, Any] | None = None
    provider_specific_fields: dict[str, Any] | None = None
    cache_control: dict[str, Any] | None = None

    @property
    def signature(self) -> str | None:
        """The seal, from where clients keep it."""
        beside = (self.extra_content or {}).get(SEALED_BY)
        for kept in (beside, self.provider_specific_fields):
            found = kept.get("thought_signature") if isinstance(kept, dict) else None
            if isinstance(found, str):
                return found
        return None


class _Block(Struct):
    type: str = "thinking"
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    index: int | None = None


class _Message(Struct):
    role: str
    content: Any = None
    name: str | None = None
    tool_call_id: str | None = None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    thinking_blocks: list[_Block] | None = None
    audio: dict[str, Any] | None = None
    cache_control: dict[str, Any] | None = None


@dataclass(slots=True)
class _Hearing:
    """What earlier messages say about later ones."""

    names: dict[str, str] = field(default_factory=dict)
    """Of tools, by the id of the call."""
    functions: dict[str, str] = field(default_factory=dict)
    """Ids that were given to calls of the older kind, which have none, by the function's name."""

    def turn(self, message: _Message, where: str) -> Turn | None:
        match message.role:
            case "system" | "developer":
                parts: tuple[Part, ...] = hear_text(message.content, f"{where}.content", message.cache_control)
                return Turn("system", parts, message.name)
            case "user":
                if message.content is None:
                    raise wrong(f"{where}.content", f"'{where}.content' must be a text or an array of parts.")
                return Turn(
                    "user", hear_content(message.content, f"{where}.content", message.cache_control), message.name
                )
            case "assistant":
                parts = tuple(self._said(message, where))
                return Turn("assistant", parts, message.name) if parts else None
            case "tool" | "function":
                return Turn("tool", (self._result(message, where),))
            case _:
                raise wrong(
                    f"{where}.role",
                    f"'{where}.role' must be one of 'system', 'developer', 'user', 'assistant', 'tool' and 'function'.",
                )

    def _said(self, message: _Message, where: str) -> Iterable[Part]:
        if message.audio is not None:
            raise unsupported(f"{where}.audio", "This model does not know the sounds that another one made.")
        yield from _thoughts(message)
        for part in hear_content(message.content, f"{where}.content", message.cache_control):
            if not isinstance(part, Text) or part.text:
                yield part
        if message.refusal:
            yield Refusal(message.refusal)
        if message.function_call is not None:
            yield self._function(message.function_call)
        for index, call in enumerate(message.tool_calls or ()):
            yield self._call(call, f"{where}.tool_calls[{index}]")

    def _call(self, call: _Call, where: str) -> ToolCall:
        if call.type != "function":
            raise unsupported(f"{where}.type", "This model calls no tools but functions.", value=True)
        if call.function is None:
            raise wrong(f"{where}.function", f"'{where}.function' must be an object.")
        self.names[call.id] = call.function.name
        return ToolCall(
            call.id, call.function.name, call.function.arguments or "{}", call.signature, call.cache_control
        )

    def _function(self, function: _Function) -> ToolCall:
        given = f"call_{len(self.names)}"
        self.names[given] = function.name
        self.functions[function.name] = given
        return ToolCall(given, function.name, function.arguments or "{}")

    def _result(self, message: _Message, where: str) -> ToolResult:
        if message.role == "function":
            called = self.functions.get(message.name or "")
            if called is None:
                raise wrong(f"{where}.name", f"'{where}.name' must be that of a function that was called before.")
        elif message.tool_call_id is None:
            raise wrong(f"{where}.tool_call_id", f"'{where}.tool_call_id' must be that of a call before.")
        else:
            called = message.tool_call_id
        heard = hear_content(message.content, f"{where}.content")
        parts = tuple(part for part in heard if isinstance(part, Text | Media))
        return ToolResult(called, parts, name=self.names.get(called, message.name), cached=message.cache_control)


def hear_messages(messages: Iterable[object]) -> tuple[Turn, ...]:
    """Their turns; results of tools that follow each other are one."""
    hearing = _Hearing()
    turns = []
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        turn = hearing.turn(checked(message, _Message, where), where)
        if turn is not None:
            turns.append(turn)
    return tuple(_together(turns))


def _together(turns: Iterable[Turn]) -> Iterable[Turn]:
    for role, group in groupby(turns, key=lambda turn: turn.role):
        if role == "tool":
            yield Turn("tool", tuple(part for turn in group for part in turn.parts))
        else:
            yield from group


def _thoughts(message: _Message) -> Iterable[Reasoning]:
    if not message.thinking_blocks:
        text = message.reasoning_content or message.reasoning
        if text:
            yield Reasoning(text)
        return
    for block in _whole(message.thinking_blocks):
        yield Reasoning(block.thinking or "", block.signature, block.data, block.id)


def _whole(blocks: Iterable[_Block]) -> Iterable[_Block]:
    """Blocks of which a client kept the pieces as they came are put together by their index."""
    pieces: dict[object, _Block] = {}
    for place, block in enumerate(blocks):
        kept = pieces.setdefault((None, place) if block.index is None else block.index, _Block(block.type))
        kept.thinking = _joined(kept.thinking, block.thinking)
        kept.signature = _joined(kept.signature, block.signature)
        kept.data = _joined(kept.data, block.data)
        kept.id = kept.id or block.id
    return pieces.values()


def _joined(before: str | None, more: str | None) -> str | None:
    return before if more is None else (before or "") + more


def sealed_call(signature: str | None) -> Mapping[str, Any]:
    """The members of a tool call that keep its seal."""
    return {} if signature is None else {"extra_content": {SEALED_BY: {"thought_signature": signature}}}
