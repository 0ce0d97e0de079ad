"""Requests for responses on their way, and what upstreams answer in OpenAI's words."""

import json
from typing import Any

from torana.core.exchange import Event
from torana.dialects.ways import At
from torana.families.language.asked import LanguageRequest
from torana.families.language.voice import Occasion

USAGE: dict[str, Any] = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 17,
}
CHARGED = {"text_in": 5, "cached_in": 4, "cache_write_in": 1, "text_out": 5, "reasoning_out": 2}
PART = {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [PART],
}
RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "model": "m-1",
    "output": [MESSAGE],
    "usage": USAGE,
}


def request(operation: str = "responses", **body: Any) -> LanguageRequest:
    raw = json.dumps({"model": "m"} | body).encode()
    return LanguageRequest(operation, "m", json.loads(raw), raw, bool(body.get("stream")))


def at(asked: LanguageRequest, **changes: Any) -> At:
    return At("theirs", Occasion(asked, 1, "ab", "theirs"), **changes)


def sent(message: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(b"".join(message.body))
    return told


def event(kind: str, **members: Any) -> Event:
    return Event(kind, json.dumps({"type": kind, **members}).encode())
