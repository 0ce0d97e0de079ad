"""A conversation as ``/v2/chat`` is asked it.

Source: the cohere Python client 7.3.1. There are no documents in it, so that what it cites are results of tools alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from torana.core.errors import InvalidRequest
from torana.core.exchange import Message
from torana.dialects.steps import json_message
from torana.dialects.translated import ONE_CALL, Encoded
from torana.dialects.ways import At
from torana.families.language.words import (
    Conversation,
    Media,
    Reasoning,
    Refusal,
    Sampling,
    Shape,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)

_FIELD = "messages"
_DETAILS = frozenset({"auto", "low", "high"})
_MOST_STOPS, _MOST_K = 5, 500
_LEAST_P, _MOST_P = 0.01, 0.99
_BUDGETS = {"minimal": 512, "low": 1024, "medium": 4096}
"""Tokens for an effort; a higher one is left unbounded."""


def encode(conversation: Conversation, at: At) -> Encoded:
    """The request; InvalidRequest for what cannot be asked there."""
    body: dict[str, Any] = {
        "model": at.model,
        "messages": [message for turn in conversation.turns for message in _messages(turn)],
        "stream": conversation.stream,
        **_tools(conversation),
        **_shape(conversation.shape, conversation.tools),
        **_thinking(conversation.thinking),
        **_sampling(conversation.sampling),
        **at.parameters,
    }
    return Encoded(
        _message(body, stream=conversation.stream), tuple(_emulated(conversation)), tuple(_left(conversation))
    )


def _message(body: object, *, stream: bool) -> Message:
    message = json_message("POST", "/v2/chat", body)
    if not stream:
        return message
    headers = tuple((name, "text/event-stream" if name == "accept" else value) for name, value in message.headers)
    return Message(message.method, message.path, headers, message.body)


def _messages(turn: Turn) -> Iterator[dict[str, Any]]:
    match turn.role:
        case "tool":
            for part in turn.parts:
                if isinstance(part, ToolResult):
                    yield {"role": "tool", "tool_call_id": part.call_id, "content": _words(part)}
        case "assistant":
            yield _answer(turn)
        case role:
            yield {"role": role, "content": _content(turn)}


def _words(result: ToolResult) -> str:
    if not all(isinstance(part, Text) for part in result.parts):
        raise _unsupported("This model takes results of tools as text alone.", _FIELD)
    return "".join(part.text for part in result.parts if isinstance(part, Text))


def _answer(turn: Turn) -> dict[str, Any]:
    """What the model said earlier: what it says beside tool calls is its plan for them."""
    calls = [
        {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.arguments or "{}"}}
        for part in turn.parts
        if isinstance(part, ToolCall)
    ]
    thoughts = [
        {"type": "thinking", "thinking": part.text} for part in turn.parts if isinstance(part, Reasoning) and part.text
    ]
    said = [part.text for part in turn.parts if isinstance(part, Text | Refusal) and part.text]
    message: dict[str, Any] = {"role": "assistant"}
    content: list[dict[str, Any]] = [*thoughts]
    if calls:
        message |= {"tool_calls": calls} | ({"tool_plan": "".join(said)} if said else {})
    else:
        content += [{"type": "text", "text": text} for text in said]
    return message | ({"content": content} if content or not calls else {})


def _content(turn: Turn) -> str | list[dict[str, Any]]:
    if all(isinstance(part, Text) for part in turn.parts):
        texts = [part.text for part in turn.parts if isinstance(part, Text)]
        return texts[0] if len(texts) == 1 else [{"type": "text", "text": text} for text in texts]
    return [_block(part) for part in turn.parts]


def _block(part: object) -> dict[str, Any]:
    match part:
        case Text(text=text):
            return {"type": "text", "text": text}
        case Media(medium="image", detail=detail) if part.url or part.base64:
            url = part.url or f"data:{part.media_type or 'image/png'};base64,{part.base64}"
            image = {"url": url} | ({"detail": detail} if detail in _DETAILS else {})
            return {"type": "image_url", "image_url": image}
        case _:
            raise _unsupported("This model takes texts and pictures alone.", _FIELD)


def _tools(conversation: Conversation) -> Mapping[str, Any]:
    tools, choice = conversation.tools, conversation.choice
    if choice.mode == "one":
        # There are no words for one tool, but for having to use one of those there are.
        tools = tuple(tool for tool in tools if tool.name == choice.name)
        if not tools:
            raise InvalidRequest(f"There is no tool '{choice.name}'.", param="tool_choice")
    if not tools:
        return {}
    told: dict[str, Any] = {"tools": [_tool(tool) for tool in tools]}
    if all(tool.strict for tool in tools):
        told["strict_tools"] = True
    if choice.mode != "auto":
        told["tool_choice"] = "NONE" if choice.mode == "none" else "REQUIRED"
    return told


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "parameters": tool.schema or {"type": "object", "properties": {}}}
    return {"type": "function", "function": function | ({"description": tool.description} if tool.description else {})}


def _shape(shape: Shape | None, tools: tuple[Tool, ...]) -> Mapping[str, Any]:
    if shape is None:
        return {}
    if tools:
        raise _unsupported("This model cannot keep to a form of answer while it has tools.", "response_format")
    form: dict[str, Any] = {"type": "json_object"}
    return {"response_format": form if shape.schema is None else form | {"json_schema": shape.schema}}


def _thinking(thinking: Thinking | None) -> Mapping[str, Any]:
    if thinking is None or (thinking.effort is None and thinking.budget is None):
        return {}
    if thinking.effort == "none" or thinking.budget == 0:
        return {"thinking": {"type": "disabled"}}
    budget = thinking.budget or _BUDGETS.get(thinking.effort or "")
    return {"thinking": {"type": "enabled"} | ({"token_budget": budget} if budget else {})}


def _sampling(sampling: Sampling) -> Mapping[str, Any]:
    _check(sampling)
    fields = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "p": None if sampling.top_p is None else min(max(sampling.top_p, _LEAST_P), _MOST_P),
        "k": sampling.top_k,
        "stop_sequences": sampling.stop or None,
        "seed": sampling.seed,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _check(sampling: Sampling) -> None:
    if sampling.n != 1:
        raise _unsupported("This model gives one answer at a time.", "n")
    for name, asked in (("logit_bias", bool(sampling.logit_bias)), ("logprobs", sampling.logprobs is not None)):
        if asked:
            raise InvalidRequest(f"This model does not know '{name}'.", param=name, code="unsupported_parameter")
    if len(sampling.stop) > _MOST_STOPS:
        raise _unsupported(f"This model takes at most {_MOST_STOPS} texts to stop at.", "stop")
    if (sampling.top_k or 0) > _MOST_K:
        raise _unsupported(f"This model takes a 'top_k' of at most {_MOST_K}.", "top_k")
    penalties = {"presence_penalty": sampling.presence_penalty, "frequency_penalty": sampling.frequency_penalty}
    for name, penalty in penalties.items():
        if penalty is not None and not 0 <= penalty <= 1:
            raise _unsupported(f"This model takes a '{name}' of 0 to 1.", name)


def _emulated(conversation: Conversation) -> Iterator[str]:
    if conversation.choice.mode == "one":
        yield "tool_choice"
    if conversation.tools and conversation.choice.parallel is False:
        yield ONE_CALL
    thinking = conversation.thinking
    if thinking is not None and thinking.budget is None and thinking.effort not in {None, "none"}:
        yield "reasoning"


def _left(conversation: Conversation) -> Iterator[str]:
    """What changes nothing of what is asked."""
    parts = [part for turn in conversation.turns for part in turn.parts]
    if conversation.user is not None:
        yield "user"
    if any(turn.name for turn in conversation.turns):
        yield "messages.name"
    if any(getattr(part, "cached", None) for part in (*parts, *conversation.tools)):
        yield "cache_control"
    if any(isinstance(part, ToolResult) and part.failed for part in parts):
        yield "is_error"
    strict = [tool.strict for tool in conversation.tools]
    if any(strict) and not all(strict):
        yield "tools.strict"


def _unsupported(message: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, param=param, code="unsupported_value")
