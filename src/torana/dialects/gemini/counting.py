"""Tokens of a conversation counted without asking the model: ``countTokens``, for whom Anthropic's API is spoken to.

Source: Google's references of ``countTokens``; the Gemini API takes a whole request, Google Cloud its members.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from torana.dialects.gemini.contents import Contents
from torana.dialects.gemini.place import Place
from torana.dialects.gemini.settings import Settings
from torana.dialects.steps import Received, json_message
from torana.dialects.ways import Answered, Asking, At, Way
from torana.families.language.asked import LanguageRequest
from torana.families.language.voice import Voice

_COUNTED = frozenset({"contents", "systemInstruction", "tools", "generationConfig"})


class _Count(Struct, rename="camel"):
    total_tokens: int


def counting(voice: Voice, place: Place) -> Way:
    """The way to a count; ``voice`` hears the request."""

    def way(request: LanguageRequest, at: At) -> Asking:
        conversation = voice.hear(request)
        contents, settings = Contents(place, at), Settings(at)
        told = contents.write(conversation) | settings.write(conversation)
        message = json_message("POST", place.path(at, "countTokens"), _body(told, place, at))
        return Asking(message, _plain, ignored=(*conversation.unheard, *contents.ignored, *settings.ignored))

    return way


def _body(told: Mapping[str, Any], place: Place, at: At) -> Mapping[str, Any]:
    if place.counts_requests:
        return {"generateContentRequest": {"model": f"models/{at.model}", **told}}
    return {name: value for name, value in told.items() if name in _COUNTED}


def _plain(received: Received) -> Answered:
    return Answered(msgspec.json.encode({"input_tokens": received.read(_Count).total_tokens}))
