"""Messages and requests, for the tests of this family and its dialect."""

import json
from typing import Any

from torana.families.language.asked import LanguageRequest
from torana.families.language.messages.operations import read_message
from torana.families.language.voice import Occasion

MESSAGE: dict[str, Any] = {
    "id": "msg_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-4-6",
    "content": [
        {"type": "thinking", "thinking": "Let me see.", "signature": "sealed=="},
        {"type": "redacted_thinking", "data": "dark=="},
        {"type": "text", "text": "It rains in Zürich ☔.", "citations": None},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Zürich", "days": [1, 2]}},
        {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 4,
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 20},
        "service_tier": "standard",
    },
}
"""All that a model says to tools and people."""


def request(**members: Any) -> LanguageRequest:
    body = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]} | members
    return read_message(json.dumps(body).encode())


def occasion(**members: Any) -> Occasion:
    return Occasion(request(**members), 1_800_000_000, "0123456789abcdef", "some-model")


def events(frames: bytes) -> list[dict[str, Any]]:
    """The data of each event, whose name is its type."""
    told = []
    for written in frames.split(b"\n\n"):
        if written:
            name, data = written.split(b"\n", 1)
            told.append(json.loads(data.removeprefix(b"data: ")))
            assert name == b"event: " + told[-1]["type"].encode()
    return told
