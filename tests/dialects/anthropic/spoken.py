"""This dialect as its servers speak it: requests that reach them, and what they answer."""

import json
from collections.abc import AsyncIterator
from typing import Any

from tests.dialects.sent import json_of
from tests.families.language.messages.said import MESSAGE
from torana.core.exchange import Event, Message
from torana.dialects.anthropic import DIRECT
from torana.dialects.anthropic.asking.encoding import encode
from torana.dialects.translated import Encoded
from torana.dialects.ways import At
from torana.families.language.asked import LanguageRequest
from torana.families.language.messages.pieces import unfold
from torana.families.language.voice import Occasion
from torana.families.language.words import Conversation, Text, Turn
from torana.upstream.framing import read_events

OLD, SHAPED, ADAPTIVE, NEW, STUBBORN = (
    "claude-3-7-sonnet-20250219", "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-8", "claude-opus-5-5",
)  # fmt: skip
"""Models of several generations."""
HELLO = (Turn("user", (Text("Hello"),)),)
STREAM = b"".join(unfold(json.dumps(MESSAGE).encode()))


def at(model: str = ADAPTIVE, *, body: dict[str, Any] | None = None, **members: Any) -> At:
    raw = json.dumps(body or {"model": "m"}).encode()
    asked = LanguageRequest("chat.completions", "m", body or {}, raw)
    return At(model, Occasion(asked, 1, "abc", model), **members)


def encoded(model: str = ADAPTIVE, *turns: Turn, body: dict[str, Any] | None = None, **members: Any) -> Encoded:
    return encode(DIRECT, Conversation(turns or HELLO, **members), at(model, body=body))


def asked(model: str = ADAPTIVE, *turns: Turn, **members: Any) -> dict[str, Any]:
    """The body that a conversation comes to."""
    made: dict[str, Any] = json_of(encoded(model, *turns, **members).message)
    return made


def headers(message: Message) -> dict[str, str]:
    return dict(message.headers)


async def heard(stream: bytes, *, cut: int | None = None) -> list[Event]:
    """The events of a stream that comes in two pieces."""

    async def chunks() -> AsyncIterator[bytes]:
        yield stream[:cut] if cut is not None else stream
        if cut is not None:
            yield stream[cut:]

    return [event async for event in read_events(chunks(), max_event=1 << 20)]


def event(kind: str, **members: Any) -> Event:
    return Event(kind, json.dumps({"type": kind, **members}).encode())
