"""Gemini's ``generateContent``, as far as it makes pictures; the Gemini API and Vertex differ in the path alone.

Source: google-genai 3.4.0, Google's references of both. What errors look like is recalled.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping

from msgspec import Struct

from torana.core.errors import ToranaError, UpstreamAuth, UpstreamError, UpstreamRateLimited
from torana.dialects.inline import from_base64
from torana.dialects.openai_images import decode_fault
from torana.dialects.refusals import moderated
from torana.dialects.steps import Ask, Draw, Drawn, Received, Send, Sent, Steps, empty, json_message

_MODERATED = frozenset({
    "BLOCKLIST", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "RECITATION",
    "SAFETY", "SPII",
})  # fmt: skip
"""Reasons to finish that are refusals."""
_TRIES = 2
"""Now and then it answers in words alone; asked once more it draws."""
_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")
_MAX_DELAY = 60.0
_WRONG_KEY = "API_KEY_INVALID"


class _Data(Struct):
    data: str


class _Part(Struct, rename="camel"):
    inline_data: _Data | None = None
    thought: bool = False


class _Content(Struct):
    parts: list[_Part] = []


class _Candidate(Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None


class _Feedback(Struct, rename="camel"):
    block_reason: str | None = None


class _Count(Struct, rename="camel"):
    modality: str = ""
    token_count: int = 0


class _Usage(Struct, rename="camel"):
    prompt_tokens_details: list[_Count] = []
    candidates_tokens_details: list[_Count] = []
    thoughts_token_count: int = 0


class _Reply(Struct, rename="camel"):
    candidates: list[_Candidate] = []
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None


class _Detail(Struct, rename="camel"):
    reason: str | None = None
    retry_delay: str | None = None


class _Fault(Struct):
    details: list[_Detail] = []


class _FaultBody(Struct):
    error: _Fault


def drawing(path: Callable[[Ask], str]) -> Draw:
    """The conversation with whoever serves ``generateContent`` at that path."""

    def draw(ask: Ask) -> Steps:
        message = json_message("POST", path(ask), _body(ask))
        tokens: Counter[str] = Counter()
        for tried in range(1, _TRIES + 1):
            reply = (yield Send(message, submits=True)).read(_Reply)
            tokens.update(_tokens(reply.usage_metadata))
            pictures = tuple(from_base64(data) for data in _pictures(reply))
            if pictures:
                return Drawn(pictures, tokens=tokens, billed=len(pictures), requests=tried)
            if _is_refusal(reply):
                raise moderated()
        raise empty()

    return draw


def decode_google_fault(received: Received) -> ToranaError:
    """What an error in Google's shape means: it has its own place for a wait, and 400 for a key that is none."""
    error = decode_fault(received)
    details = _details(received)
    if any(detail.reason == _WRONG_KEY for detail in details):
        return UpstreamAuth("The upstream did not accept the gateway's credentials.")
    if isinstance(error, UpstreamRateLimited) and error.retry_after is None:
        waits = [float(found[1]) for each in details if (found := _DELAY.fullmatch(each.retry_delay or ""))]
        error.retry_after = min(max(waits), _MAX_DELAY) if waits else None
    return error


def _body(ask: Ask) -> dict[str, object]:
    shape = {
        "aspectRatio": ask.ratio,
        "imageSize": ask.resolution,
        "imageOutputOptions": {"mimeType": f"image/{ask.output_format}"} if ask.output_format else None,
    }
    told = {name: value for name, value in shape.items() if value is not None}
    # All of its plain fields are in here, so that the operator's own belong here too.
    config = ask.given(responseModalities=["IMAGE"], imageConfig=told or None, seed=ask.seed)
    parts = [*map(_inline, ask.sources), {"text": ask.prompt}]
    return {"contents": [{"role": "user", "parts": parts}], "generationConfig": config}


def _inline(source: Sent) -> dict[str, object]:
    return {"inlineData": {"mimeType": source.info.media_type, "data": source.base64()}}


def _pictures(reply: _Reply) -> list[str]:
    """All pictures but those of its thoughts, which are drafts."""
    contents = [candidate.content for candidate in reply.candidates if candidate.content]
    parts = [part for content in contents for part in content.parts if not part.thought]
    return [part.inline_data.data for part in parts if part.inline_data]


def _is_refusal(reply: _Reply) -> bool:
    blocked = reply.prompt_feedback is not None and reply.prompt_feedback.block_reason is not None
    return blocked or any(candidate.finish_reason in _MODERATED for candidate in reply.candidates)


def _tokens(usage: _Usage | None) -> Mapping[str, int]:
    """Tokens by the names that prices use; thoughts are charged as words that came out."""
    if usage is None:
        return {}
    tokens: Counter[str] = Counter()
    for way, counts in (("in", usage.prompt_tokens_details), ("out", usage.candidates_tokens_details)):
        for count in counts:
            tokens[f"{count.modality.lower()}_{way}"] += count.token_count
    tokens["text_out"] += usage.thoughts_token_count
    return {name: count for name, count in tokens.items() if count}


def _details(received: Received) -> list[_Detail]:
    try:
        return received.read(_FaultBody).error.details
    except UpstreamError:
        return []
