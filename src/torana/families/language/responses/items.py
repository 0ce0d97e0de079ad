"""The items that go into a response, as turns of a conversation.

Source: OpenAI's package, ``ResponseInputItemParam`` and the types of its parts.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, Literal, TypeVar

from msgspec import Struct

from torana.core.errors import InvalidRequest
from torana.families.language.asked import typed
from torana.families.language.responses.sealing import unsealed
from torana.families.language.responses.toolbox import flat, given
from torana.families.language.words import Media, Part, Reasoning, Refusal, Role, Text, ToolCall, ToolResult, Turn

T = TypeVar("T")

_DATA_URI = re.compile(r"data:([A-Za-z0-9.+/-]{0,127})[^,]{0,200},")
_ROLES: Mapping[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
_SOUNDS = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_CACHED = {"type": "ephemeral"}


class _Message(Struct):
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[dict[str, Any]]


class _Words(Struct):
    text: str
    prompt_cache_breakpoint: dict[str, Any] | None = None


class _Picture(Struct):
    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None
    prompt_cache_breakpoint: dict[str, Any] | None = None


class _File(Struct):
    file_data: str | None = None
    file_url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    prompt_cache_breakpoint: dict[str, Any] | None = None


class _Sound(Struct):
    data: str
    format: str


class _Audio(Struct):
    input_audio: _Sound


class _Refused(Struct):
    refusal: str


class _Call(Struct):
    call_id: str
    name: str
    arguments: str
    namespace: str | None = None
    signature: str | None = None


class _FreeCall(Struct):
    call_id: str
    name: str
    input: str
    namespace: str | None = None
    signature: str | None = None


class _Output(Struct):
    call_id: str
    output: str | list[dict[str, Any]]
    name: str | None = None


class _Thought(Struct):
    text: str = ""


class _Thoughts(Struct):
    id: str | None = None
    summary: list[_Thought] = []
    content: list[_Thought] | None = None
    encrypted_content: str | None = None


def unsupported(name: str, *, value: bool = False) -> InvalidRequest:
    """What a model of another dialect cannot be asked."""
    return InvalidRequest(
        f"This value of '{name}' cannot be used with this model." if value else f"'{name}' cannot be used here.",
        param=name,
        code="unsupported_value" if value else "unsupported_parameter",
    )


def read_items(items: str | list[dict[str, Any]] | None) -> tuple[Turn, ...]:
    """Turns, those of one side that follow one another being one; InvalidRequest names the item that is wrong."""
    if items is None:
        return ()
    if isinstance(items, str):
        return (Turn("user", (Text(items),)),)
    turns = [_turn(item, f"input[{index}]") for index, item in enumerate(items)]
    return tuple(_together(turns))


def _together(turns: Iterable[Turn]) -> Iterable[Turn]:
    for role, group in groupby(turns, key=lambda turn: turn.role):
        if role in {"assistant", "tool"}:
            yield Turn(role, tuple(part for turn in group for part in turn.parts))
        else:
            yield from group


def _turn(item: dict[str, Any], where: str) -> Turn:
    match item.get("type") or "message":
        case "message":
            message = _read(item, _Message, where)
            return Turn(_ROLES[message.role], tuple(_contents(message.content, f"{where}.content")))
        case "function_call":
            call = _read(item, _Call, where)
            name = flat(call.name, call.namespace)
            return Turn("assistant", (ToolCall(call.call_id, name, call.arguments, call.signature),))
        case "custom_tool_call":
            free = _read(item, _FreeCall, where)
            name = flat(free.name, free.namespace)
            return Turn("assistant", (ToolCall(free.call_id, name, given(free.input), free.signature),))
        case "function_call_output" | "custom_tool_call_output":
            output = _read(item, _Output, where)
            parts = tuple(_contents(output.output, f"{where}.output"))
            told = tuple(part for part in parts if isinstance(part, Text | Media))
            return Turn("tool", (ToolResult(output.call_id, told, name=output.name),))
        case "reasoning":
            return Turn("assistant", (_reasoning(_read(item, _Thoughts, where)),))
        case "item_reference":
            raise InvalidRequest(
                f"Item with id '{item.get('id')}' not found: the gateway keeps no such item. Send the item itself.",
                param=where,
                code="item_not_found",
            )
        case kind:
            raise InvalidRequest(
                f"Items of the type '{kind}' cannot be used with this model.",
                param=f"{where}.type",
                code="unsupported_value",
            )


def _reasoning(thoughts: _Thoughts) -> Reasoning:
    text = "\n\n".join(part.text for part in (*thoughts.summary, *(thoughts.content or ())) if part.text)
    signature, sealed = unsealed(thoughts.encrypted_content)
    return Reasoning(text, signature, sealed, thoughts.id)


def _contents(content: str | list[dict[str, Any]], where: str) -> Iterable[Part]:
    if isinstance(content, str):
        yield Text(content)
        return
    for index, part in enumerate(content):
        yield _part(part, f"{where}[{index}]")


def _part(part: dict[str, Any], where: str) -> Part:
    match part.get("type"):
        case "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text":
            words = _read(part, _Words, where)
            return Text(words.text, _CACHED if words.prompt_cache_breakpoint else None)
        case "refusal":
            return Refusal(_read(part, _Refused, where).refusal)
        case "input_image":
            return _picture(_read(part, _Picture, where), where)
        case "input_file":
            return _file(_read(part, _File, where), where)
        case "input_audio":
            sound = _read(part, _Audio, where).input_audio
            return Media("audio", base64=sound.data, media_type=_SOUNDS.get(sound.format, f"audio/{sound.format}"))
        case kind:
            raise InvalidRequest(
                f"Parts of the type '{kind}' cannot be used with this model.",
                param=f"{where}.type",
                code="unsupported_value",
            )


def _picture(picture: _Picture, where: str) -> Media:
    cached = _CACHED if picture.prompt_cache_breakpoint else None
    if picture.image_url is None and picture.file_id is None:
        raise _lacking(f"{where}.image_url")
    kind, data, url = _apart(picture.image_url)
    return Media("image", data, url, picture.file_id, media_type=kind, detail=picture.detail or None, cached=cached)


def _file(file: _File, where: str) -> Media:
    cached = _CACHED if file.prompt_cache_breakpoint else None
    if file.file_data is None and file.file_url is None and file.file_id is None:
        raise _lacking(f"{where}.file_data")
    kind, data, plain = _apart(file.file_data)
    return Media("file", data or plain, file.file_url, file.file_id, kind, file.filename, cached=cached)


def _apart(url: str | None) -> tuple[str | None, str | None, str | None]:
    """The media type and the base64 of a data URI; any other as it is."""
    if url is None:
        return None, None, None
    told = _DATA_URI.match(url)
    if told is None:
        return None, None, url
    return told[1] or None, url[told.end() :], None


def _lacking(name: str) -> InvalidRequest:
    return InvalidRequest(f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")


def _read(item: dict[str, Any], kind: type[T], where: str) -> T:
    try:
        return typed(item, kind)
    except InvalidRequest as error:
        param = f"{where}.{error.param}" if error.param else where
        message = error.message.replace(f"'{error.param}'", f"'{param}'", 1)
        raise InvalidRequest(message, param=param, code=error.code) from error
