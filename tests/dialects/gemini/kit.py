"""What Gemini's tests have in common: where it is asked, what is asked, what it says."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from torana.core.exchange import Event, Message
from torana.dialects.gemini.place import Place
from torana.dialects.ways import At
from torana.families.language.asked import LanguageRequest
from torana.families.language.saying import Happening
from torana.families.language.voice import Occasion
from torana.families.language.words import Conversation, Part, Text, Tool, Turn
from torana.upstream.framing import read_events

PLACE = Place(lambda at, method: f"/models/{at.model}:{method}", files="https://files.example/v1beta/")
CLOUD = Place(lambda at, method: f"/p/{at.model}:{method}", buckets=True, call_ids=False, counts_requests=False)
NEW, OLD, OLD_PRO = "gemini-3.5-flash", "gemini-2.5-flash", "gemini-2.5-pro"
WEATHER = Tool(
    "weather",
    "Tells the weather.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


def request(operation: str = "chat.completions", body: Mapping[str, Any] | None = None) -> LanguageRequest:
    told = body or {"model": "m"}
    return LanguageRequest(operation, "m", told, json.dumps(told).encode())


def at(
    model: str = NEW, *, operation: str = "chat.completions", asked: LanguageRequest | None = None, **more: Any
) -> At:
    return At(model, Occasion(asked or request(operation), 1_763_800_000, "abc", model), **more)


def user(*parts: Part | str) -> Turn:
    return Turn("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def assistant(*parts: Part | str) -> Turn:
    return Turn("assistant", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def talk(*turns: Turn, **more: Any) -> Conversation:
    return Conversation(turns or (user("Hello"),), **more)


def sent(message: Message) -> Any:
    """The body of a message, read."""
    return json.loads(b"".join(part for part in message.body if isinstance(part, bytes)))


def piece(
    *parts: Mapping[str, Any],
    stop: str | None = None,
    usage: Mapping[str, Any] | None = None,
    index: int | None = 0,
    **more: Any,
) -> dict[str, Any]:
    """A ``GenerateContentResponse``, as the reference has it."""
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}} | more
    if stop:
        candidate["finishReason"] = stop
    if index is not None:
        candidate["index"] = index
    told = {"candidates": [candidate], "modelVersion": "gemini-3.5-flash-001", "responseId": "mAitaLmkHPPlz7IPvtfUqQ4"}
    return told | ({"usageMetadata": usage} if usage else {})


def event(said: Mapping[str, Any]) -> Event:
    return Event("message", json.dumps(said).encode())


def stream(pieces: Sequence[Mapping[str, Any]]) -> bytes:
    """The pieces as they come over the wire."""
    return b"".join(b"data: %s\r\n\r\n" % json.dumps(each, ensure_ascii=False).encode() for each in pieces)


async def heard(listener: Any, wire: bytes, cut: int) -> list[Happening]:
    """All that is heard of a stream that comes in two chunks."""

    async def chunks() -> AsyncIterator[bytes]:
        yield wire[:cut]
        yield wire[cut:]

    return [each async for said in read_events(chunks(), max_event=10**6) for each in listener.hear(said)]
