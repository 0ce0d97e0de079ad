import json
from typing import Any

import pytest

from torana.core.errors import UpstreamError, UpstreamRateLimited
from torana.dialects.gemini_images import decode_google_fault, drawing
from torana.dialects.steps import Ask, Drawn, Received, Send
from torana.families.images import GENERATE

ASK = Ask(GENERATE, "m", 1, prompt="a lighthouse", output_format="jpeg")


def talk(*replies: dict[str, Any]) -> tuple[list[Any], Drawn]:
    """The bodies that were sent, and what came of it."""
    steps = drawing(lambda _ask: "/m:generateContent")(ASK)
    heard = []
    step = next(steps)
    for reply in replies:
        assert isinstance(step, Send)
        assert step.submits
        heard.append(json.loads(b"".join(part for part in step.message.body if isinstance(part, bytes))))
        try:
            step = steps.send(Received(200, {}, json.dumps(reply).encode()))
        except StopIteration as end:
            return heard, end.value
    raise AssertionError("it goes on")


def parts(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": list(parts)}, "finishReason": "STOP"}]}


DRAWING = parts({"inlineData": {"mimeType": "image/png", "data": "aGVsbG8="}})


def test_tokens_have_the_names_that_prices_use():
    usage = {
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 42}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}, {"modality": "TEXT", "tokenCount": 5}],
        "thoughtsTokenCount": 200,
    }
    _, drawn = talk(DRAWING | {"usageMetadata": usage})
    assert (drawn.pictures, drawn.tokens) == ((b"hello",), {"text_in": 42, "image_out": 1120, "text_out": 205})


def test_words_alone_are_asked_about_once_and_both_calls_count():
    words = parts({"text": "Lovely."}) | {"usageMetadata": {"thoughtsTokenCount": 9}}
    heard, drawn = talk(words, DRAWING)
    assert heard[0] == heard[1]
    assert (drawn.requests, drawn.tokens) == (2, {"text_out": 9})
    with pytest.raises(UpstreamError) as caught:
        talk(words, words)
    assert caught.value.code == "upstream_empty_reply"


def test_the_format_is_asked_for_where_it_can_be():
    heard, _ = talk(DRAWING)
    assert heard[0]["generationConfig"]["imageConfig"] == {"imageOutputOptions": {"mimeType": "image/jpeg"}}


@pytest.mark.parametrize(
    ("headers", "delay", "wait"),
    [({}, "34s", 34), ({}, "600s", 60), ({}, "soon", None), ({}, None, None), ({"retry-after": "3"}, "34s", 3)],
)
def test_a_wait_may_be_in_the_body(headers, delay, wait):
    body = {"error": {"code": 429, "details": [{"retryDelay": delay}, {"reason": "x"}]}}
    error = decode_google_fault(Received(429, headers, json.dumps(body).encode()))
    assert isinstance(error, UpstreamRateLimited)
    assert error.retry_after == wait
