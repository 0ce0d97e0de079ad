"""Turns of a conversation as this dialect's messages: only two sides speak, in turns, and tools answer as the user.

Source: Anthropic's ``MessageParam`` and ``ContentBlockParam``.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from torana.core.errors import InvalidRequest
from torana.families.language.words import (
    Conversation,
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)

Blocks = list[dict[str, Any]]
_PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_PDF = "application/pdf"
_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")
_FIELD = "messages"
_FOREIGN_SEAL = "gAAAA"
"""How a seal begins that is not this API's, which would refuse it: it comes of a talk that another upstream began."""


def messages_of(conversation: Conversation) -> list[dict[str, Any]]:
    """All that was said; what one side says in several turns becomes one message, with results of tools first.

    InvalidRequest for sounds, films, and files that are neither PDF nor text.
    """
    told: list[dict[str, Any]] = []
    spoken = conversation.spoken
    for turn in spoken or (Turn("user", tuple(part for each in conversation.system for part in each.parts)),):
        role = "assistant" if turn.role == "assistant" else "user"
        blocks = [block for part in turn.parts for block in _blocks(part)]
        if not blocks:
            continue
        if told and told[-1]["role"] == role:
            told[-1]["content"] += blocks
        else:
            told.append({"role": role, "content": blocks})
    for message in told:
        message["content"].sort(key=lambda block: block["type"] != "tool_result" and message["role"] == "user")
    if told and told[-1]["role"] == "assistant" and told[-1]["content"][-1]["type"] == "text":
        # The API refuses to go on from white space.
        last = told[-1]["content"][-1]
        last["text"] = last["text"].rstrip()
    return told


def system_of(conversation: Conversation, *more: str) -> str | Blocks | None:
    """All instructions, in their order; None where there are none, or where they are all that was said."""
    turns = conversation.system if conversation.spoken else ()
    parts = [part for turn in turns for part in turn.parts if isinstance(part, Text) and part.text.strip()]
    parts += [Text(text) for text in more]
    if not parts:
        return None
    if any(part.cached for part in parts):
        return [block for part in parts for block in _blocks(part)]
    return "\n\n".join(part.text for part in parts)


def unsealed(conversation: Conversation) -> bool:
    """Whether there are thoughts that cannot be sent back, because nobody sealed them."""
    return any(
        isinstance(part, Reasoning) and part.text and not part.signature
        for turn in conversation.spoken
        for part in turn.parts
    )


def is_amid_tools(messages: list[dict[str, Any]]) -> bool:
    """Whether tools have answered last, to a message that begins without a thought."""
    if len(messages) < 2 or messages[-1]["content"][0]["type"] != "tool_result":  # noqa: PLR2004 - both sides
        return False
    return messages[-2]["content"][0]["type"] not in {"thinking", "redacted_thinking"}


def _blocks(part: Part) -> Iterable[dict[str, Any]]:
    match part:
        case Text(text=text) | Refusal(text=text):
            # The API refuses blocks of white space alone, which say nothing.
            if text.strip():
                yield _cached({"type": "text", "text": text}, part.cached if isinstance(part, Text) else None)
        case Media():
            yield _cached(_media(part), part.cached)
        case ToolCall(id=call, name=name, arguments=arguments):
            block = {"type": "tool_use", "id": _id(call), "name": name, "input": _input(arguments)}
            yield _cached(block, part.cached)
        case ToolResult():
            yield _cached(_result(part), part.cached)
        case Reasoning(text=text, signature=signature, sealed=sealed):
            if signature and not signature.startswith(_FOREIGN_SEAL):
                yield {"type": "thinking", "thinking": text, "signature": signature}
            if sealed and not sealed.startswith(_FOREIGN_SEAL):
                yield {"type": "redacted_thinking", "data": sealed}


def _cached(block: dict[str, Any], cached: Mapping[str, Any] | None) -> dict[str, Any]:
    return block if cached is None else block | {"cache_control": dict(cached)}


def _id(call: str) -> str:
    """Other upstreams give ids that this API refuses; a call and its result are changed alike."""
    return _NOT_IN_IDS.sub("_", call)


def _input(arguments: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(arguments or "{}", type=dict[str, Any])
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The arguments of a tool call must be a JSON object.", param=_FIELD) from error


def _result(result: ToolResult) -> dict[str, Any]:
    blocks = [block for part in result.parts for block in _blocks(part)]
    told: dict[str, Any] = {"type": "tool_result", "tool_use_id": _id(result.call_id)}
    match blocks:
        case []:
            pass
        case [{"type": "text", "text": text}] if len(blocks[0]) == len(("type", "text")):
            told["content"] = text
        case _:
            told["content"] = blocks
    return told | ({"is_error": True} if result.failed else {})


def _media(media: Media) -> dict[str, Any]:
    if media.medium == "image":
        return {"type": "image", "source": _source(media) or _picture(media)}
    if media.medium != "file":
        raise _unsupported(f"This model takes no {media.medium}.")
    block = {"type": "document", "source": _source(media) or _document(media)}
    return block | ({"title": media.name} if media.name else {})


def _source(media: Media) -> dict[str, Any] | None:
    if media.file_id is not None:
        return {"type": "file", "file_id": media.file_id}
    return None if media.url is None else {"type": "url", "url": media.url}


def _picture(media: Media) -> dict[str, Any]:
    if media.media_type not in _PICTURES:
        raise _unsupported(f"This model takes pictures as JPEG, PNG, GIF or WebP, not as {media.media_type}.")
    return {"type": "base64", "media_type": media.media_type, "data": media.base64}


def _document(media: Media) -> dict[str, Any]:
    kind = media.media_type or _PDF
    if kind == _PDF:
        return {"type": "base64", "media_type": _PDF, "data": media.base64}
    if not kind.startswith("text/"):
        raise _unsupported(f"This model takes files as PDF or text, not as {kind}.")
    try:
        text = base64.b64decode(media.base64 or "", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidRequest("A file of text must be UTF-8 in base64.", param=_FIELD) from error
    return {"type": "text", "media_type": "text/plain", "data": text}


def _unsupported(message: str) -> InvalidRequest:
    return InvalidRequest(message, param=_FIELD, code="unsupported_value")


def called(conversation: Conversation) -> Iterator[str]:
    """Names of the tools that were called so far."""
    for turn in conversation.spoken:
        for part in turn.parts:
            if isinstance(part, ToolCall):
                yield part.name
