"""Blocks of content as clients send them, in the words that every dialect understands.

Source: Anthropic's ``ContentBlockParam``.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from torana.core.errors import InvalidRequest
from torana.families.language.words import Media, Part, Reasoning, Text, ToolCall, ToolResult

_DEEPEST = 4


class Source(Struct):
    """Where a picture's or a document's content is."""

    type: str
    data: str | None = None
    media_type: str | None = None
    url: str | None = None
    file_id: str | None = None
    content: "str | list[Block] | None" = None


class Citations(Struct):
    """Whether the answer is to say where in a document it found something."""

    enabled: bool | None = None


class Block(Struct):
    """A block of any type; which members count depends on it."""

    type: str
    text: str | None = None
    source: Source | str | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None
    tool_use_id: str | None = None
    content: "str | list[Block] | dict[str, Any] | None" = None
    is_error: bool | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    title: str | None = None
    context: str | None = None
    citations: Citations | list[Any] | None = None
    cache_control: dict[str, Any] | None = None


def parts_of(content: str | list[Block], where: str) -> tuple[Part, ...]:
    """What a message says; ``where`` is its place in the request, for errors."""
    if isinstance(content, str):
        return (Text(content),) if content else ()
    if where.count("[") > _DEEPEST:
        raise InvalidRequest("The blocks of 'messages' stand too deep within each other.", param="messages")
    return tuple(part for index, block in enumerate(content) for part in _parts(block, f"{where}.content[{index}]"))


def texts_of(content: str | list[Block], where: str) -> tuple[Text, ...]:
    """The same, for what is words alone."""
    parts = parts_of(content, where)
    texts = tuple(part for part in parts if isinstance(part, Text))
    if len(texts) != len(parts):
        raise InvalidRequest(f"'{where}' may hold blocks of text only.", param=where)
    return texts


def _parts(block: Block, where: str) -> Iterable[Part]:
    match block.type:
        case "text":
            yield Text(_needed(block.text, f"{where}.text"), cached=block.cache_control)
        case "image":
            yield _image(block, where)
        case "document":
            yield from _document(block, where)
        case "search_result":
            yield from _found(block, where)
        case "tool_use":
            yield ToolCall(
                _needed(block.id, f"{where}.id"),
                _needed(block.name, f"{where}.name"),
                msgspec.json.encode(block.input or {}).decode(),
                cached=block.cache_control,
            )
        case "tool_result":
            yield _result(block, where)
        case "thinking":
            yield Reasoning(_needed(block.thinking, f"{where}.thinking"), signature=block.signature or None)
        case "redacted_thinking":
            yield Reasoning(sealed=_needed(block.data, f"{where}.data"))
        case _:
            raise unsupported(f"{where}.type", f"This model cannot be sent blocks of the type '{block.type[:64]}'.")


def _image(block: Block, where: str) -> Media:
    source = _source(block, where)
    return Media(
        "image",
        base64=_needed(source.data, f"{where}.source.data") if source.type == "base64" else None,
        url=_needed(source.url, f"{where}.source.url") if source.type == "url" else None,
        file_id=_needed(source.file_id, f"{where}.source.file_id") if source.type == "file" else None,
        media_type=source.media_type,
        cached=block.cache_control,
    )


def _document(block: Block, where: str) -> Iterator[Part]:
    source = _source(block, where)
    _uncited(block, where)
    about = "\n".join(text for text in (block.title, block.context) if text)
    match source.type:
        case "text":
            words = _needed(source.data, f"{where}.source.data")
            yield Text(f"{about}\n\n{words}" if about else words, cached=block.cache_control)
        case "content":
            if about:
                yield Text(about)
            yield from parts_of(source.content or [], f"{where}.source")
        case _:
            if block.context:
                yield Text(block.context)
            yield Media(
                "file",
                base64=_needed(source.data, f"{where}.source.data") if source.type == "base64" else None,
                url=_needed(source.url, f"{where}.source.url") if source.type == "url" else None,
                file_id=_needed(source.file_id, f"{where}.source.file_id") if source.type == "file" else None,
                media_type=source.media_type or "application/pdf",
                name=block.title,
                cached=block.cache_control,
            )


def _found(block: Block, where: str) -> Iterator[Part]:
    _uncited(block, where)
    source = block.source if isinstance(block.source, str) else ""
    yield Text("\n".join(text for text in (block.title, source) if text))
    yield from parts_of(block.content if isinstance(block.content, list) else [], where)


def _result(block: Block, where: str) -> ToolResult:
    content = block.content if isinstance(block.content, str | list) else ""
    parts = parts_of(content, where)
    shown = tuple(part for part in parts if isinstance(part, Text | Media))
    if len(shown) != len(parts):
        raise InvalidRequest(f"'{where}.content' may hold texts, pictures and documents only.", param=where)
    call = _needed(block.tool_use_id, f"{where}.tool_use_id")
    return ToolResult(call, shown, failed=bool(block.is_error), cached=block.cache_control)


def _source(block: Block, where: str) -> Source:
    source = block.source
    if not isinstance(source, Source):
        raise InvalidRequest(
            f"Missing required parameter: '{where}.source'.",
            param=f"{where}.source",
            code="missing_required_parameter",
        )
    if source.type not in {"base64", "url", "file", "text", "content"}:
        raise unsupported(f"{where}.source.type", f"This model takes no source of the type '{source.type[:64]}'.")
    return source


def _uncited(block: Block, where: str) -> None:
    if isinstance(block.citations, Citations) and block.citations.enabled:
        raise unsupported(f"{where}.citations", "This model cannot cite documents.", code="unsupported_parameter")


def _needed(value: str | None, where: str) -> str:
    if value is None:
        raise InvalidRequest(f"Missing required parameter: '{where}'.", param=where, code="missing_required_parameter")
    return value


def unsupported(param: str, message: str, *, code: str = "unsupported_value") -> InvalidRequest:
    """What no other API has words for, and what must not be left out."""
    return InvalidRequest(message, param=param, code=code)
