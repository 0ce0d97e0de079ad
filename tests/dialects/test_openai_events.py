import base64
import json
from typing import Any

import openai
import pytest
from openai.types import ImageEditPartialImageEvent, ImageGenCompletedEvent, ImageGenPartialImageEvent

from torana.core.errors import Moderated, UpstreamError, UpstreamRateLimited, UpstreamRejected
from torana.core.exchange import Event, Partial
from torana.dialects.openai_events import finished_picture, read_event
from torana.dialects.openai_images import decode_fault
from torana.dialects.steps import Received

DATA = base64.b64encode(b"picture").decode()
FACTS = {"b64_json": DATA, "created_at": 1, "size": "1024x1536", "quality": "high", "background": "auto"}


def event(name: str = "message", **said: object) -> Event:
    return Event(name, json.dumps(said).encode())


@pytest.mark.parametrize("kind", [ImageGenPartialImageEvent, ImageEditPartialImageEvent])
def test_a_preview_is_what_openais_client_takes_for_one(kind: type[openai.BaseModel]) -> None:
    (name,) = kind.model_fields["type"].annotation.__args__  # type: ignore[union-attr]  # a Literal of one word
    said = {**FACTS, "type": name, "output_format": "webp", "partial_image_index": 1}
    kind(**said)
    assert read_event(event(**said)) == Partial(DATA, 1, "1024x1536", "webp")


def test_a_preview_need_not_say_more_than_itself() -> None:
    assert read_event(event(type="image_generation.partial_image", b64_json=DATA)) == Partial(DATA, 0)


def test_a_finished_picture_is_kept_and_read() -> None:
    usage = {
        "input_tokens": 1,
        "output_tokens": 2,
        "total_tokens": 3,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": 1},
    }
    said: dict[str, Any] = {**FACTS, "type": "image_generation.completed", "output_format": "png", "usage": usage}
    ImageGenCompletedEvent(**said)
    assert read_event(event(**said)) is None
    assert finished_picture(event(**said)) == b"picture"


@pytest.mark.parametrize("data", [b"[DONE]", b"", b"\xff", b"[]", b"5", b'{"type":5}', b'{"b64_json":""}', b"[" * 5000])
def test_what_is_neither_is_passed_over(data: bytes) -> None:
    assert read_event(Event("message", data)) is None
    assert finished_picture(Event("message", data)) is None


def test_a_broken_picture_is_a_failure() -> None:
    with pytest.raises(UpstreamError):
        finished_picture(event(b64_json="?"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "image_generation_user_error", "code": "moderation_blocked"}, Moderated),
        ({"type": "invalid_request_error", "code": "content_policy_violation"}, Moderated),
        ({"type": "invalid_request_error", "code": None}, UpstreamRejected),
        ({"type": "requests", "code": "rate_limit_exceeded"}, UpstreamRateLimited),
        ({"type": "rate_limit_error"}, UpstreamRateLimited),
        ({"type": "server_error", "code": 5}, UpstreamError),
        ({}, UpstreamError),
        ("all is lost", UpstreamError),
    ],
)
@pytest.mark.parametrize("name", ["error", "message"])
def test_an_error_is_what_it_would_have_been_before_the_stream(error: object, kind: type[Exception], name: str) -> None:
    ended = read_event(event(name, type="error", error=error))
    assert isinstance(ended, Received)
    assert not ended.succeeded
    assert type(decode_fault(ended)) is kind
