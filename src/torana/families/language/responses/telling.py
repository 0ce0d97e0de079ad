"""A response, whole: the object that OpenAI's clients read, whoever answered.

Source: OpenAI's package, ``Response``; its API reference, "The response object".
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from torana.families.language.responses.composing import Composer
from torana.families.language.responses.continued import own_id
from torana.families.language.responses.toolbox import names_of
from torana.families.language.saying import Stop, Tokens, Utterance, unfold
from torana.families.language.voice import Occasion

_ECHOED = (
    "background", "instructions", "max_output_tokens", "max_tool_calls", "previous_response_id", "prompt_cache_key",
    "safety_identifier", "temperature", "top_logprobs", "top_p", "user",
)  # fmt: skip
"""Members that say what the request said, or null."""
_WHY: Mapping[Stop, str] = {"length": "max_output_tokens", "filter": "content_filter"}
_FUNCTION = {"description": None, "parameters": None, "strict": None}


def opened(occasion: Occasion, model: str | None = None) -> dict[str, Any]:
    """A response that nothing is said in yet."""
    body = occasion.request.body
    text, reasoning = _object(body.get("text")), _object(body.get("reasoning"))
    return {
        "id": own_id(occasion.id),
        "object": "response",
        "created_at": occasion.created,
        "status": "in_progress",
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": model or occasion.model,
        "output": [],
        "usage": None,
        "metadata": _object(body.get("metadata")),
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "service_tier": "default",
        "store": body.get("store") is not False,
        "text": {"format": text.get("format") or {"type": "text"}, "verbosity": text.get("verbosity") or "medium"},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": [_told(tool) for tool in body.get("tools") or () if isinstance(tool, dict)],
        "truncation": body.get("truncation") or "disabled",
        **{name: body.get(name) for name in _ECHOED},
        "background": False,
    }


def ended(response: dict[str, Any], composer: Composer, at: int | None = None) -> dict[str, Any]:
    """The response with all that was said in it; ``at`` is when it was complete, in Unix seconds."""
    why = _WHY.get("filter" if composer.stop == "refusal" and not composer.refused else composer.stop)
    return response | {
        "status": "incomplete" if why else "completed",
        "completed_at": None if why else at or response["created_at"],
        "incomplete_details": {"reason": why} if why else None,
        "model": composer.model or response["model"],
        "output": composer.output,
        "usage": None if composer.tokens is None else counted(composer.tokens),
    }


def counted(tokens: Tokens) -> dict[str, Any]:
    """Tokens as OpenAI's clients count them."""
    return {
        "input_tokens": tokens.input,
        "input_tokens_details": {"cached_tokens": tokens.cached_in, "cache_write_tokens": tokens.cache_write_in},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning_out},
        "total_tokens": tokens.input + tokens.output,
    }


def summarised(occasion: Occasion) -> bool:
    """Whether thoughts are to be told as a summary, which is what the client asked for."""
    reasoning = _object(occasion.request.body.get("reasoning"))
    return bool(reasoning.get("summary") or reasoning.get("generate_summary"))


def tell(utterance: Utterance, occasion: Occasion) -> bytes:
    """The answer, whole, in JSON."""
    composer = Composer(occasion.id, summarised(occasion), names_of(occasion.request.body.get("tools")))
    for happening in unfold(utterance):
        for _ in composer.take(happening):
            pass
    for _ in composer.close():
        pass
    return msgspec.json.encode(ended(opened(occasion), composer))


def _told(tool: dict[str, Any]) -> dict[str, Any]:
    return _FUNCTION | tool if tool.get("type") == "function" else tool


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
