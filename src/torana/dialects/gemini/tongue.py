"""Gemini as a dialect of conversations: ``generateContent``, and ``streamGenerateContent`` as server-sent events."""

from functools import partial

import msgspec

from torana.core.exchange import EVENT_STREAM, Message
from torana.dialects.gemini.contents import Contents
from torana.dialects.gemini.hearing import Hearing, decode
from torana.dialects.gemini.place import Place
from torana.dialects.gemini.settings import Settings
from torana.dialects.translated import Encoded, Tongue
from torana.dialects.ways import At
from torana.families.language.words import Conversation

_JSON = "application/json"


def tongue(place: Place) -> Tongue:
    """The dialect as it is spoken there."""
    return Tongue(partial(encode, place), decode, Hearing)


def encode(place: Place, conversation: Conversation, at: At) -> Encoded:
    """A conversation as Gemini is asked it; InvalidRequest as for a way."""
    contents, settings = Contents(place, at), Settings(at)
    body = contents.write(conversation) | settings.write(conversation)
    path = place.path(at, "streamGenerateContent?alt=sse" if conversation.stream else "generateContent")
    return Encoded(
        Message(
            "POST",
            path,
            (("content-type", _JSON), ("accept", EVENT_STREAM if conversation.stream else _JSON)),
            (msgspec.json.encode(body),),
        ),
        emulated=tuple(settings.emulated),
        ignored=tuple(dict.fromkeys((*contents.ignored, *settings.ignored))),
    )
