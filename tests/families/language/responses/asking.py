"""Requests for responses, and the official client's own check of what is told of them."""

import json
from collections.abc import Iterable
from typing import Any

from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from torana.families.language.asked import LanguageRequest
from torana.families.language.responses.family import read_response
from torana.families.language.voice import Occasion

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def request(**body: object) -> LanguageRequest:
    return read_response(json.dumps({"model": "m", "input": "Hi"} | body).encode())


def occasion(**body: object) -> Occasion:
    return Occasion(request(**body), 1_800_000_000, "ab" * 12, "upstream-model")


def events_of(frames: Iterable[bytes]) -> list[dict[str, Any]]:
    """What frames say; each must be one that the official client knows, in its place."""
    told = []
    for number, one in enumerate(b"".join(frames).decode().split("\n\n")[:-1]):
        name, data = one.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        assert event["sequence_number"] == number
        EVENT.validate_python(event, strict=False)
        told.append(event)
    return told


def response_of(data: bytes) -> dict[str, Any]:
    """What a response says, which must be one that the official client knows."""
    told: dict[str, Any] = json.loads(data)
    Response.model_validate(told)
    return told
