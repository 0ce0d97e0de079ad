"""Turns as Converse's messages: parts as blocks, results of tools among the user's words, roles in turn."""

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from torana.core.errors import InvalidRequest
from torana.families.language.words import Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult, Turn

Block = dict[str, Any]
_FIELD = "messages"
_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_NO_NAME = re.compile(r"[^A-Za-z0-9()\[\] -]+")
_SPACES = re.compile(r"\s+")
_MOST_NAME = 200
_TTLS = frozenset({"5m", "1h"})
_BUCKET = "s3://"

_PICTURES = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_FILES = {
    "application/pdf": "pdf", "text/csv": "csv", "application/msword": "doc", "text/html": "html", "text/plain": "txt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx", "text/markdown": "md",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}  # fmt: skip
_FILMS = {
    "video/mp4": "mp4", "video/webm": "webm", "video/quicktime": "mov", "video/x-matroska": "mkv", "video/mpeg": "mpeg",
    "video/x-flv": "flv", "video/x-ms-wmv": "wmv", "video/3gpp": "three_gp",
}  # fmt: skip
_SOUNDS = {
    "audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/aac": "aac",
    "audio/flac": "flac", "audio/ogg": "ogg", "audio/opus": "opus", "audio/webm": "webm", "audio/mp4": "m4a",
    "audio/pcm": "pcm",
}  # fmt: skip
_FORMATS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "image": ("image", _PICTURES),
    "file": ("document", _FILES),
    "video": ("video", _FILMS),
    "audio": ("audio", _SOUNDS),
}
"""What a medium is called there, and its formats by their media types."""


def messages(turns: Iterable[Turn], *, caches: bool) -> list[Block]:
    """What was said, each side's words together until the other speaks; InvalidRequest for media not to be had."""
    said: list[Block] = []
    documents = iter(range(1, 1 << 30))
    for turn in turns:
        role = "assistant" if turn.role == "assistant" else "user"
        content = [block for part in turn.parts for block in _marked(part, documents, caches=caches)]
        if said and said[-1]["role"] == role:
            said[-1]["content"] += content
        elif content:
            said.append({"role": role, "content": content})
    if not said:
        raise InvalidRequest("There must be a message that is neither an instruction nor empty.", param=_FIELD)
    return said


def instructions(turns: Iterable[Turn], *, caches: bool) -> list[Block]:
    """What instructs, whatever stands between."""
    return [
        block
        for turn in turns
        for part in turn.parts
        if isinstance(part, Text)
        for block in _marked(part, iter(()), caches=caches)
    ]


def cache_point(cached: Mapping[str, Any]) -> Block:
    """The mark that all up to here is worth keeping."""
    ttl = cached.get("ttl")
    return {"cachePoint": {"type": "default"} | ({"ttl": ttl} if isinstance(ttl, str) and ttl in _TTLS else {})}


def _marked(part: Part, documents: Iterator[int], *, caches: bool) -> Iterator[Block]:
    block = _block(part, documents)
    if block is None:
        return
    yield block
    cached = getattr(part, "cached", None)
    if caches and cached:
        yield cache_point(cached)


def _block(part: Part, documents: Iterator[int]) -> Block | None:
    """None for what says nothing there: blank words, and thoughts without the upstream's seal."""
    match part:
        case Text(text=text) | Refusal(text=text):
            return {"text": text} if text.strip() else None
        case Media():
            return _medium(part, documents)
        case ToolCall():
            return {"toolUse": {"toolUseId": _call_id(part.id), "name": part.name, "input": _input(part)}}
        case ToolResult():
            return _result(part, documents)
        case Reasoning():
            return _thought(part)


def _thought(thought: Reasoning) -> Block | None:
    if thought.sealed is not None:
        return {"reasoningContent": {"redactedContent": thought.sealed}}
    if thought.signature is None:
        return None
    return {"reasoningContent": {"reasoningText": {"text": thought.text, "signature": thought.signature}}}


def _result(result: ToolResult, documents: Iterator[int]) -> Block:
    content = [block for part in result.parts if (block := _block(part, documents)) is not None]
    told: Block = {"toolUseId": _call_id(result.call_id), "content": content}
    return {"toolResult": told | ({"status": "error"} if result.failed else {})}


def _input(call: ToolCall) -> object:
    try:
        arguments = msgspec.json.decode(call.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise InvalidRequest(f"The arguments of the call of '{call.name}' are no JSON object.", param=_FIELD)
    return arguments


def _call_id(name: str) -> str:
    """The id of a call, which there has at most 64 of certain characters; it comes to the same wherever it stands."""
    return name if _ID.fullmatch(name) else f"call_{sha256(name.encode()).hexdigest()[:40]}"


def _medium(media: Media, documents: Iterator[int]) -> Block:
    kind, formats = _FORMATS[media.medium]
    name = formats.get((media.media_type or "").partition(";")[0].strip().lower()) or _by_ending(media, formats)
    if name is None:
        raise _unsupported(f"This model takes no {media.medium} of the type '{media.media_type}'.")
    told: Block = {"format": name, "source": _source(media)}
    if kind == "document":
        told["name"] = _title(media.name, next(documents))
    return {kind: told}


def _source(media: Media) -> Block:
    if media.base64 is not None:
        return {"bytes": media.base64}
    if media.url is not None and media.url.startswith(_BUCKET):
        return {"s3Location": {"uri": media.url}}
    raise _unsupported("This model takes media as data or from S3: send it in base64.")


def _by_ending(media: Media, formats: Mapping[str, str]) -> str | None:
    ending = (media.name or media.url or "").rpartition(".")[2].lower()
    if ending == "jpg":
        return "jpeg" if media.medium == "image" else None
    return ending if ending in formats.values() else None


def _title(name: str | None, number: int) -> str:
    """A document's name, of the characters that are allowed there; no two are the same."""
    stem = _SPACES.sub(" ", _NO_NAME.sub(" ", (name or "").rpartition(".")[0] or name or "")).strip()
    return f"{stem or 'document'}"[: _MOST_NAME - 12].strip() + f" ({number})"


def _unsupported(message: str) -> InvalidRequest:
    return InvalidRequest(message, param=_FIELD, code="unsupported_value")
