"""What a chat request asks, in words that every dialect can say."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from torana.families.language.asked import LanguageRequest, typed
from torana.families.language.chat.checked import unsupported, wrong
from torana.families.language.chat.messages import hear_messages
from torana.families.language.chat.tools import hear_tools
from torana.families.language.words import Conversation, Sampling, Shape, Thinking

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_MOST_LOGPROBS = 20
_HEARD = frozenset({
    "model", "messages", "stream", "stream_options", "tools", "tool_choice", "parallel_tool_calls", "functions",
    "function_call", "response_format", "reasoning_effort", "reasoning", "thinking", "max_tokens",
    "max_completion_tokens", "temperature", "top_p", "top_k", "stop", "seed", "presence_penalty", "frequency_penalty",
    "logit_bias", "n", "logprobs", "top_logprobs", "user", "safety_identifier", "modalities",
})  # fmt: skip
_REFUSED = {
    "audio": "This model does not speak.",
    "web_search_options": "This model does not search the web.",
    "moderation": "This model has no moderation of its own.",
}


class _Schema(Struct):
    name: str = "answer"
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class _Format(Struct):
    type: str
    json_schema: _Schema | None = None


class _Thinking(Struct):
    type: str = "enabled"
    budget_tokens: int | None = None


class _Reasoning(Struct):
    effort: str | None = None
    max_tokens: int | None = None
    exclude: bool | None = None


class _Wishes(Struct):
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning_effort: str | None = None
    reasoning: _Reasoning | None = None
    thinking: _Thinking | None = None
    response_format: _Format | None = None
    modalities: list[str] | None = None
    user: str | None = None
    safety_identifier: str | None = None


def hear(request: LanguageRequest) -> Conversation:
    """The conversation; InvalidRequest names the field that is wrong, or that only its own API would understand."""
    body = {name: value for name, value in request.body.items() if value is not None}
    wishes = typed(body, _Wishes)
    _refuse(body, wishes)
    tools, choice = hear_tools(body)
    return Conversation(
        turns=hear_messages(body["messages"]),
        tools=tools,
        choice=choice,
        shape=_shape(wishes.response_format),
        thinking=_thinking(wishes),
        sampling=_sampling(wishes),
        user=wishes.safety_identifier or wishes.user,
        stream=request.stream,
        unheard=tuple(name for name in body if name not in _HEARD),
    )


def _refuse(body: Mapping[str, Any], wishes: _Wishes) -> None:
    if any(modality != "text" for modality in wishes.modalities or ()):
        raise unsupported("modalities", "This model answers in text alone.", value=True)
    for name, why in _REFUSED.items():
        if name in body:
            raise unsupported(name, why)


def _sampling(wishes: _Wishes) -> Sampling:
    stop = wishes.stop if isinstance(wishes.stop, list) else [wishes.stop or ""]
    most = wishes.top_logprobs
    if most is not None and not 0 <= most <= _MOST_LOGPROBS:
        raise wrong("top_logprobs", f"'top_logprobs' must be 0 to {_MOST_LOGPROBS}.")
    bound = wishes.max_completion_tokens
    return Sampling(
        max_tokens=wishes.max_tokens if bound is None else bound,
        temperature=wishes.temperature,
        top_p=wishes.top_p,
        top_k=wishes.top_k,
        stop=tuple(text for text in stop if text),
        seed=wishes.seed,
        presence_penalty=wishes.presence_penalty,
        frequency_penalty=wishes.frequency_penalty,
        logit_bias=wishes.logit_bias or {},
        n=wishes.n or 1,
        logprobs=(most or 0) if wishes.logprobs else None,
    )


def _shape(asked: _Format | None) -> Shape | None:
    match asked:
        case None | _Format(type="text"):
            return None
        case _Format(type="json_object"):
            return Shape()
        case _Format(type="json_schema", json_schema=_Schema() as described):
            return Shape(described.schema or {}, described.name, described.description, described.strict)
        case _Format(type="json_schema"):
            raise wrong("response_format.json_schema", "'response_format.json_schema' must be an object.")
        case _:
            raise unsupported(
                "response_format.type",
                "'response_format.type' must be one of 'text', 'json_object' and 'json_schema'.",
                value=True,
            )


def _thinking(wishes: _Wishes) -> Thinking | None:
    reasoning = wishes.reasoning or _Reasoning()
    effort, named = wishes.reasoning_effort, "reasoning_effort"
    if effort is None:
        effort, named = reasoning.effort, "reasoning.effort"
    if effort is not None and effort not in EFFORTS:
        known = ", ".join(f"'{each}'" for each in EFFORTS)
        raise unsupported(named, f"'{named}' must be one of {known}.", value=True)
    shown = None if reasoning.exclude is None else not reasoning.exclude
    budget = reasoning.max_tokens
    match wishes.thinking:
        case _Thinking(type="disabled"):
            return Thinking(effort="none")
        case _Thinking(budget_tokens=tokens):
            return Thinking(effort, tokens, shown=True)
        case _ if effort is None and budget is None and shown is None:
            return None
        case _:
            return Thinking(effort, budget, shown)
