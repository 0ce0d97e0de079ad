"""A conversation as Converse is asked it, whoever made the model."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from torana.core.errors import InvalidRequest
from torana.core.exchange import Message
from torana.dialects.bedrock.blocks import Block, cache_point, instructions, messages
from torana.dialects.bedrock.makers import Maker, further_fields, is_approximate, maker_of
from torana.dialects.steps import json_message
from torana.dialects.translated import ONE_CALL, Encoded
from torana.dialects.ways import At
from torana.families.language.words import Conversation, Reasoning, Sampling, Shape, Tool, ToolCall, ToolResult

EVENTS: Final = "application/vnd.amazon.eventstream"
_PLACES: Mapping[str, str] = {
    "maxTokens": "inferenceConfig",
    "temperature": "inferenceConfig",
    "topP": "inferenceConfig",
    "guardrailIdentifier": "guardrailConfig",
    "guardrailVersion": "guardrailConfig",
    "trace": "guardrailConfig",
    "streamProcessingMode": "guardrailConfig",
    "latency": "performanceConfig",
}
"""Where an operator's field goes; any other is the model's own."""
_JSON_ALONE = "Answer with one JSON object and with nothing before or after it."
_ANY_OBJECT: Mapping[str, object] = {"type": "object", "properties": {}}


def model_path(model: str, call: str) -> str:
    """Where a model is called; its name may be that of a resource, with slashes and colons."""
    return f"/model/{quote(model, safe='')}/{call}"


def for_events(message: Message) -> Message:
    """The message as one whose answer is to come as AWS's events."""
    headers = tuple((name, EVENTS if name == "accept" else value) for name, value in message.headers)
    return Message(message.method, message.path, headers, message.body)


def encode(conversation: Conversation, at: At) -> Encoded:
    """The request; InvalidRequest for what cannot be asked there."""
    maker = maker_of(at.model)
    _check(conversation)
    parts: dict[str, Any] = {
        "messages": messages(conversation.spoken, caches="messages" in maker.caches),
        "system": _system(conversation, maker),
        "inferenceConfig": _inference(conversation.sampling),
        "toolConfig": _tools(conversation, caches="tools" in maker.caches),
        "outputConfig": _shape(conversation.shape),
        "additionalModelRequestFields": further_fields(maker, conversation.sampling, conversation.thinking),
    }
    body = _with_parameters({name: part for name, part in parts.items() if part}, at)
    call = "converse-stream" if conversation.stream else "converse"
    message = json_message("POST", model_path(at.model, call), body)
    return Encoded(
        for_events(message) if conversation.stream else message,
        tuple(_emulated(conversation, maker)),
        tuple(_left(conversation, maker)),
    )


def _check(conversation: Conversation) -> None:
    sampling, choice = conversation.sampling, conversation.choice
    penalties = {"presence_penalty": sampling.presence_penalty, "frequency_penalty": sampling.frequency_penalty}
    unknown = {**penalties, "logit_bias": sampling.logit_bias}
    for name, value in unknown.items():
        if value:
            raise InvalidRequest(f"This model does not know '{name}'.", param=name, code="unsupported_parameter")
    if sampling.logprobs is not None:
        raise InvalidRequest("This model tells no probabilities.", param="logprobs", code="unsupported_parameter")
    if sampling.n != 1:
        raise _unsupported("This model gives one answer at a time.", "n")
    if sampling.temperature is not None and sampling.temperature > 1:
        raise _unsupported("This model takes a 'temperature' of 0 to 1.", "temperature")
    if choice.mode == "none" and conversation.tools and any(_used(conversation)):
        raise _unsupported("This model cannot be kept from tools once it has used them.", "tool_choice")


def _system(conversation: Conversation, maker: Maker) -> list[Block]:
    told = instructions(conversation.system, caches="system" in maker.caches)
    shape = conversation.shape
    return [*told, {"text": _JSON_ALONE}] if shape is not None and shape.schema is None else told


def _inference(sampling: Sampling) -> dict[str, Any]:
    fields = {
        "maxTokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "stopSequences": sampling.stop or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _tools(conversation: Conversation, *, caches: bool) -> dict[str, Any]:
    choice = conversation.choice
    if not conversation.tools:
        # Tools that were used must be described, also where they are not to be used any more.
        used = tuple(dict.fromkeys(_used(conversation)))
        return {"tools": [_spec(Tool(name, "It cannot be used any more.")) for name in used]} if used else {}
    if choice.mode == "none":
        return {}
    told: dict[str, Any] = {
        "tools": [block for tool in conversation.tools for block in _described(tool, caches=caches)]
    }
    match choice.mode:
        case "any":
            told["toolChoice"] = {"any": {}}
        case "one":
            told["toolChoice"] = {"tool": {"name": choice.name}}
        case _:
            pass
    return told


def _described(tool: Tool, *, caches: bool) -> Iterator[Block]:
    yield _spec(tool)
    if caches and tool.cached:
        yield cache_point(tool.cached)


def _spec(tool: Tool) -> Block:
    fields = {
        "name": tool.name,
        "description": tool.description or None,
        "inputSchema": {"json": tool.schema or _ANY_OBJECT},
        "strict": tool.strict or None,
    }
    return {"toolSpec": {name: value for name, value in fields.items() if value is not None}}


def _used(conversation: Conversation) -> Iterator[str]:
    """Names of the tools that were used; of a result whose call is not there, what its own says."""
    for turn in conversation.spoken:
        for part in turn.parts:
            name = part.name if isinstance(part, ToolCall | ToolResult) else None
            if name:
                yield name


def _shape(shape: Shape | None) -> dict[str, Any]:
    if shape is None or shape.schema is None:
        return {}
    schema = {"schema": msgspec.json.encode(shape.schema).decode(), "name": shape.name}
    described = schema | ({"description": shape.description} if shape.description else {})
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": described}}}


def _with_parameters(body: dict[str, Any], at: At) -> dict[str, Any]:
    for name, value in at.parameters.items():
        if name == "serviceTier":
            body[name] = {"type": value}
        else:
            place = _PLACES.get(name, "additionalModelRequestFields")
            body[place] = {**body.get(place, {}), name: value}
    return body


def _emulated(conversation: Conversation, maker: Maker) -> Iterator[str]:
    shape, thinking = conversation.shape, conversation.thinking
    if shape is not None and shape.schema is None:
        yield "structured_output"
    if thinking is not None and is_approximate(maker, thinking):
        yield "reasoning"
    if not conversation.tools and any(_used(conversation)):
        yield "tools"
    if conversation.tools and conversation.choice.parallel is False:
        yield ONE_CALL


def _left(conversation: Conversation, maker: Maker) -> Iterator[str]:
    """What changes nothing of what is asked."""
    if conversation.user is not None:
        yield "user"
    if conversation.sampling.seed is not None:
        yield "seed"
    if any(turn.name for turn in conversation.turns):
        yield "messages.name"
    parts = [part for turn in conversation.turns for part in turn.parts]
    if not maker.caches and any(getattr(part, "cached", None) for part in (*parts, *conversation.tools)):
        yield "cache_control"
    if any(isinstance(part, Reasoning) and not (part.signature or part.sealed) for part in parts):
        yield "reasoning_content"


def _unsupported(message: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, param=param, code="unsupported_value")
