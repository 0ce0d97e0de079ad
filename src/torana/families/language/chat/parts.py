"""What messages are made of: words, pictures, sounds, films and documents."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from msgspec import Struct

from torana.core.errors import InvalidRequest
from torana.families.language.chat.checked import checked, unsupported, wrong
from torana.families.language.words import Media, Medium, Part, Reasoning, Refusal, Text

T = TypeVar("T")

_DATA_URI = re.compile(r"data:(?P<type>[\w.+/-]+)?(?:;[\w.=+-]+)*?;base64,", re.ASCII | re.IGNORECASE)
_LINK = re.compile(r"https?://", re.IGNORECASE)
_SOUNDS = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_DOCUMENT = "application/pdf"
_KEPT: Mapping[str, Any] = {"type": "ephemeral"}


class _Url(Struct):
    url: str
    detail: str | None = None


class _Sound(Struct):
    data: str
    format: str


class _File(Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None
    format: str | None = None


class _Part(Struct):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: _Url | str | None = None
    video_url: _Url | str | None = None
    audio_url: _Url | str | None = None
    input_audio: _Sound | None = None
    file: _File | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    cache_control: dict[str, Any] | None = None
    prompt_cache_breakpoint: dict[str, Any] | None = None

    @property
    def cached(self) -> Mapping[str, Any] | None:
        """That all up to here is worth keeping, by either of the names it is asked for."""
        return self.cache_control or (None if self.prompt_cache_breakpoint is None else _KEPT)


def hear_content(content: object, where: str, cached: Mapping[str, Any] | None = None) -> tuple[Part, ...]:
    """The parts of a message's content, which is a text or an array of parts, or is not there.

    ``cached`` is the message's own, which counts for its last part.
    """
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(content, cached),)
    if not isinstance(content, list):
        raise InvalidRequest(f"'{where}' must be a text or an array of parts.", param=where, code="invalid_type")
    parts = [
        _hear(checked(part, _Part, f"{where}[{index}]"), f"{where}[{index}]") for index, part in enumerate(content)
    ]
    if cached is not None and parts and isinstance(parts[-1], Text | Media) and parts[-1].cached is None:
        parts[-1] = replace(parts[-1], cached=cached)
    return tuple(parts)


def hear_text(content: object, where: str, cached: Mapping[str, Any] | None = None) -> tuple[Text, ...]:
    """The parts of a content that can only be words."""
    parts = hear_content(content, where, cached)
    texts = tuple(part for part in parts if isinstance(part, Text))
    if len(texts) < len(parts):
        raise wrong(where, f"'{where}' can only have parts of type 'text'.")
    return texts


def _hear(part: _Part, where: str) -> Part:
    match part.type:
        case "text" | "refusal" | "thinking" | "redacted_thinking":
            return _words(part, where)
        case "image_url":
            return _linked(part, "image", part.image_url, where)
        case "video_url":
            return _linked(part, "video", part.video_url, where)
        case "audio_url":
            return _linked(part, "audio", part.audio_url, where)
        case "input_audio":
            sound = _there(part.input_audio, f"{where}.input_audio")
            kind = _SOUNDS.get(sound.format, f"audio/{sound.format}")
            return Media("audio", base64=_bare(sound.data), media_type=kind, cached=part.cached)
        case "file":
            return _document(part, _there(part.file, f"{where}.file"), f"{where}.file")
        case _:
            raise unsupported(f"{where}.type", f"This model takes no parts of the type {part.type[:64]!r}.", value=True)


def _words(part: _Part, where: str) -> Part:
    match part.type:
        case "text":
            return Text(_there(part.text, f"{where}.text"), part.cached)
        case "refusal":
            return Refusal(_there(part.refusal, f"{where}.refusal"))
        case "thinking":
            return Reasoning(_there(part.thinking, f"{where}.thinking"), part.signature)
        case _:
            return Reasoning(sealed=_there(part.data, f"{where}.data"))


def _linked(part: _Part, medium: Medium, url: _Url | str | None, where: str) -> Media:
    given = _Url(url) if isinstance(url, str) else _there(url, f"{where}.{medium}_url")
    address, detail = given.url, given.detail
    inline = _DATA_URI.match(address)
    if inline:
        data, kind = address[inline.end() :], inline["type"]
        return Media(medium, base64=data, media_type=kind, detail=detail, cached=part.cached)
    if not _LINK.match(address):
        param = f"{where}.{medium}_url.url"
        raise wrong(param, f"'{param}' must be an http(s) address or a data: URI in base64.")
    return Media(medium, url=address, detail=detail, cached=part.cached)


def _document(part: _Part, file: _File, where: str) -> Media:
    name, kind, cached = file.filename, file.format, part.cached
    if file.file_data is not None:
        if _LINK.match(file.file_data):
            return Media("file", url=file.file_data, media_type=kind, name=name, cached=cached)
        inline = _DATA_URI.match(file.file_data)
        told = inline["type"] if inline else None
        return Media(
            "file", base64=_bare(file.file_data), media_type=kind or told or _DOCUMENT, name=name, cached=cached
        )
    if file.file_id is None:
        raise wrong(where, f"'{where}' must have a 'file_id' or 'file_data'.")
    if _LINK.match(file.file_id):
        return Media("file", url=file.file_id, media_type=kind, name=name, cached=cached)
    return Media("file", file_id=file.file_id, media_type=kind, name=name, cached=cached)


def _bare(data: str) -> str:
    inline = _DATA_URI.match(data)
    return data[inline.end() :] if inline else data


def _there(value: T | None, where: str) -> T:
    if value is None:
        raise InvalidRequest(f"Missing required parameter: '{where}'.", param=where, code="missing_required_parameter")
    return value
