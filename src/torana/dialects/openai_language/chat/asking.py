"""A conversation as a chat request: any family's words in OpenAI's.

Source: OpenAI's ``CreateChatCompletionRequest``.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from torana.core.errors import InvalidRequest
from torana.dialects.openai_language.chat.naming import call_name, user_name
from torana.dialects.openai_language.manner import Manner
from torana.families.language.chat.messages import sealed_call
from torana.families.language.words import (
    Choice,
    Conversation,
    Media,
    Part,
    Reasoning,
    Refusal,
    Sampling,
    Shape,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)

_MODES = {"auto": "auto", "none": "none", "any": "required"}
_SOUNDS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav"}
_NO_ARGUMENTS: Mapping[str, Any] = {"type": "object", "properties": {}}
_LITTLE, _SOME = 2048, 8192
"""Tokens of thought up to which an effort is low, or medium."""
_IN_WORDS = "Answer with a JSON object and nothing else. It must hold to this JSON schema:\n"


def fields_of(conversation: Conversation, manner: Manner) -> dict[str, Any]:
    """The body of the request, without the model; InvalidRequest for what it has no words for."""
    fields: dict[str, Any] = {"messages": list(_messages(conversation, manner))}
    fields |= _tools(conversation)
    fields |= _sampling(conversation.sampling, manner)
    fields |= _shape(conversation.shape, manner)
    fields |= _thinking(conversation.thinking)
    if conversation.user is not None:
        fields["user"] = user_name(conversation.user)
    if conversation.stream:
        fields["stream"] = True
    return fields


def emulated_in(conversation: Conversation, manner: Manner) -> tuple[str, ...]:
    """What is asked for in another way than the client did."""
    thinking, shape = conversation.thinking, conversation.shape
    words = []
    if thinking is not None and thinking.budget is not None and thinking.effort is None:
        words.append("reasoning")
    if shape is not None and shape.schema is not None and not manner.schemas:
        words.append("structured_output")
    if any(_pictures(part) for turn in conversation.turns for part in turn.parts):
        words.append("tool_results")
    return tuple(words)


def ignored_in(conversation: Conversation) -> tuple[str, ...]:
    """What has no words here and changes nothing: what is worth keeping, these upstreams see for themselves."""
    parts = [part for turn in conversation.turns for part in turn.parts]
    left = {
        "cache_control": any(getattr(each, "cached", None) is not None for each in (*conversation.tools, *parts)),
        "is_error": any(isinstance(part, ToolResult) and part.failed for part in parts),
    }
    return tuple(name for name, is_left in left.items() if is_left)


def _messages(conversation: Conversation, manner: Manner) -> Iterable[dict[str, Any]]:
    for turn in conversation.turns:
        yield from _said(turn, manner)
    shape = conversation.shape
    if shape is not None and shape.schema is not None and not manner.schemas:
        yield {"role": "system", "content": _IN_WORDS + msgspec.json.encode(shape.schema).decode()}


def _said(turn: Turn, manner: Manner) -> Iterable[dict[str, Any]]:
    name = {} if turn.name is None else {"name": turn.name}
    match turn.role:
        case "system":
            yield {"role": "system", "content": _joined(turn.parts, "\n\n"), **name}
        case "assistant":
            yield _answer(turn.parts, manner) | name
        case _:
            results = [part for part in turn.parts if isinstance(part, ToolResult)]
            yield from map(_result, results)
            # Results have words alone; pictures go after all of them, as something that is shown.
            parts = [*_all_pictures(results), *(part for part in turn.parts if not isinstance(part, ToolResult))]
            if parts:
                yield {"role": "user", "content": _content(parts), **name}


def _content(parts: Sequence[Part]) -> str | list[dict[str, Any]]:
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [_part(part) for part in parts]


def _part(part: Part) -> dict[str, Any]:
    match part:
        case Text(text=text):
            return {"type": "text", "text": text}
        case Media():
            return _shown(part)
        case _:
            raise _cannot("messages", "This model takes only words, pictures, sounds and documents from a user.")


def _shown(media: Media) -> dict[str, Any]:
    inline = f"data:{media.media_type or 'application/octet-stream'};base64,{media.base64}"
    address = inline if media.base64 is not None else media.url
    match media.medium:
        case "image" if address is not None:
            detail = {} if media.detail is None else {"detail": media.detail}
            return {"type": "image_url", "image_url": {"url": address, **detail}}
        case "video" if address is not None:
            return {"type": "video_url", "video_url": {"url": address}}
        case "audio" if media.base64 is not None:
            kind = media.media_type or "audio/wav"
            sound = {"data": media.base64, "format": _SOUNDS.get(kind, kind.partition("/")[2])}
            return {"type": "input_audio", "input_audio": sound}
        case "file" if media.base64 is not None:
            name = media.name or "document.pdf"
            return {"type": "file", "file": {"file_data": inline, "filename": name}}
        case "file" if media.file_id is not None:
            return {"type": "file", "file": {"file_id": media.file_id}}
        case _:
            raise _cannot("messages", f"This model does not take a {media.medium} in this way; send its bytes.")


def _answer(parts: Sequence[Part], manner: Manner) -> dict[str, Any]:
    texts = [part for part in parts if isinstance(part, Text)]
    calls = [_call(part) for part in parts if isinstance(part, ToolCall)]
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    thoughts = "".join(part.text for part in parts if isinstance(part, Reasoning))
    message: dict[str, Any] = {"role": "assistant", "content": _joined(texts, "") if texts else None}
    if not texts and not calls and not refusals:
        message["content"] = ""
    if refusals:
        message["refusal"] = "".join(refusals)
    if calls:
        message["tool_calls"] = calls
    if thoughts and manner.thoughts is not None:
        message[manner.thoughts] = thoughts
    return message


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call_name(call.id), "type": "function", "function": function, **sealed_call(call.signature)}


def _result(result: ToolResult) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_name(result.call_id), "content": _joined(result.parts, "\n")}


def _joined(parts: Sequence[Part], between: str) -> str:
    return between.join(part.text for part in parts if isinstance(part, Text))


def _pictures(part: Part) -> tuple[Media, ...]:
    return tuple(each for each in part.parts if isinstance(each, Media)) if isinstance(part, ToolResult) else ()


def _all_pictures(results: Iterable[ToolResult]) -> Iterable[Part]:
    for result in results:
        pictures = _pictures(result)
        if pictures:
            yield Text(f"From the tool call {call_name(result.call_id)}:")
            yield from pictures


def _tools(conversation: Conversation) -> dict[str, Any]:
    if not conversation.tools:
        return {}
    tools = []
    for tool in conversation.tools:
        given = {"description": tool.description, "strict": tool.strict}
        described = {name: value for name, value in given.items() if value is not None}
        function = {"name": tool.name, **described, "parameters": tool.schema or _NO_ARGUMENTS}
        tools.append({"type": "function", "function": function})
    choice = conversation.choice
    parallel = {} if choice.parallel is None else {"parallel_tool_calls": choice.parallel}
    return {"tools": tools, **_choice(choice), **parallel}


def _choice(choice: Choice) -> dict[str, Any]:
    if choice == Choice(parallel=choice.parallel):
        return {}
    if choice.mode == "one":
        return {"tool_choice": {"type": "function", "function": {"name": choice.name}}}
    return {"tool_choice": _MODES[choice.mode]}


def _sampling(sampling: Sampling, manner: Manner) -> dict[str, Any]:
    if sampling.top_k is not None and "top_k" not in manner.knows:
        raise _cannot("top_k", "'top_k' is not supported by this model's provider.", parameter=True)
    wishes = {
        "max_completion_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "stop": list(sampling.stop) or None,
        "seed": sampling.seed,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "logit_bias": dict(sampling.logit_bias) or None,
        "n": None if sampling.n == 1 else sampling.n,
        "logprobs": None if sampling.logprobs is None else True,
        "top_logprobs": sampling.logprobs or None,
    }
    return {name: value for name, value in wishes.items() if value is not None}


def _shape(shape: Shape | None, manner: Manner) -> dict[str, Any]:
    if shape is None:
        return {}
    if shape.schema is None or not manner.schemas:
        return {"response_format": {"type": "json_object"}}
    given = {"description": shape.description, "strict": shape.strict}
    described = {name: value for name, value in given.items() if value is not None}
    schema = {"name": shape.name, **described, "schema": shape.schema}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _thinking(thinking: Thinking | None) -> dict[str, Any]:
    if thinking is None:
        return {}
    effort = thinking.effort
    if effort is None and thinking.budget is not None:
        effort = "low" if thinking.budget <= _LITTLE else "medium" if thinking.budget <= _SOME else "high"
    return {} if effort is None else {"reasoning_effort": effort}


def _cannot(param: str, message: str, *, parameter: bool = False) -> InvalidRequest:
    return InvalidRequest(message, param=param, code="unsupported_parameter" if parameter else "unsupported_value")
