"""A conversation as a request for a response: for models that are asked in no other way.

Source: OpenAI's API reference, "Create a model response".
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from torana.core.errors import InvalidRequest
from torana.dialects.openai_language.chat.asking import ignored_in
from torana.dialects.openai_language.chat.efforts import asked_by, suited
from torana.dialects.openai_language.chat.naming import call_name, user_name
from torana.dialects.openai_language.manner import PLAIN, Manner, Path, message, written
from torana.dialects.openai_language.responses import PATH
from torana.dialects.translated import Encoded
from torana.dialects.ways import At
from torana.families.language.words import (
    Choice,
    Conversation,
    Media,
    Part,
    Reasoning,
    Refusal,
    Shape,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)

_OWN_SEAL = "gAAAA"
"""How reasoning begins that OpenAI has sealed."""
_CHOICES: Mapping[str, str] = {"auto": "auto", "none": "none", "any": "required"}
_EFFORTS = ((2048, "low"), (12_288, "medium"))
"""Up to so many tokens of thought are so much effort; more are ``high``."""
_SEALED_REASONING = "reasoning.encrypted_content"


def encoding(path: Path = PATH, manner: Manner = PLAIN) -> Callable[[Conversation, At], Encoded]:
    """How a conversation is asked of an upstream of this manner."""
    return partial(_encode, path=path, manner=manner)


def _encode(conversation: Conversation, at: At, *, path: Path, manner: Manner) -> Encoded:
    """The request; InvalidRequest names the client's field that there are no words for."""
    _refuse(conversation, at)
    wanted = suited(conversation.thinking, at.model)
    conversation = replace(conversation, thinking=wanted.thinking)
    sampling, thinking = conversation.sampling, wanted.thinking
    by_budget = thinking is not None and thinking.effort is None and thinking.budget is not None
    emulated = ("reasoning",) if wanted.emulated or by_budget else ()
    items = [item for turn in conversation.turns for item in _items(turn, at)]
    thought = thinking is not None or any(item.get("type") == "reasoning" for item in items)
    members = {
        "input": items,
        "store": False,
        "stream": True if conversation.stream else None,
        "tools": [_tool(tool) for tool in conversation.tools] or None,
        "tool_choice": _choice(conversation.choice) if conversation.tools else None,
        "parallel_tool_calls": conversation.choice.parallel if conversation.tools else None,
        "text": None if conversation.shape is None else {"format": _format(conversation.shape)},
        "reasoning": None if thinking is None else _reasoning(thinking),
        "include": list(_include(conversation, thought=thought)) or None,
        "max_output_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_logprobs": sampling.logprobs or None,
        "safety_identifier": None if conversation.user is None else user_name(conversation.user),
    }
    # Not told that it streams: these words tell what was used unasked.
    body, _ = written({name: value for name, value in members.items() if value is not None}, at, manner)
    ignored = (
        *(("seed",) if sampling.seed is not None else ()),
        *((asked_by(at),) if wanted.ignored else ()),
        *ignored_in(conversation),
    )
    return Encoded(message(path, body, at, manner, stream=conversation.stream), emulated, ignored)


def _refuse(conversation: Conversation, at: At) -> None:
    sampling = conversation.sampling
    asked = (
        (sampling.n > 1, ("n",)),
        (bool(sampling.stop), ("stop", "stop_sequences")),
        (sampling.top_k is not None, ("top_k",)),
        (bool(sampling.presence_penalty), ("presence_penalty",)),
        (bool(sampling.frequency_penalty), ("frequency_penalty",)),
        (bool(sampling.logit_bias), ("logit_bias",)),
    )
    for is_asked, names in asked:
        if is_asked:
            name = next((name for name in names if name in at.occasion.request.body), names[0])
            raise InvalidRequest(f"'{name}' cannot be used with this model.", param=name, code="unsupported_parameter")


def _items(turn: Turn, at: At) -> Iterable[dict[str, Any]]:
    """A turn's items: what a user says together stays one message."""
    said: list[dict[str, Any]] = []
    for part in turn.parts:
        if isinstance(part, ToolCall | ToolResult | Reasoning):
            yield from _message(turn, said)
            said = []
            yield from _own_item(part, at)
        elif turn.role == "assistant" and isinstance(part, Text | Refusal):
            # Its parts would need the ids of the answer that they were first in.
            yield {"role": "assistant", "content": part.text}
        else:
            said.append(_part(part, at))
    yield from _message(turn, said)


def _message(turn: Turn, said: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    if said:
        role = turn.role if turn.role == "system" else "user"
        yield {"type": "message", "role": role, "content": said}


def _own_item(part: ToolCall | ToolResult | Reasoning, at: At) -> Iterable[dict[str, Any]]:
    match part:
        case ToolCall():
            given = {"arguments": part.arguments or "{}"}
            yield {"type": "function_call", "call_id": call_name(part.id), "name": part.name, **given}
        case ToolResult():
            yield {"type": "function_call_output", "call_id": call_name(part.call_id), "output": _output(part, at)}
        case Reasoning():
            seal = part.sealed or part.signature
            named = (part.id or "").startswith("rs_")
            if seal is not None and (named or seal.startswith(_OWN_SEAL)):
                summary = [{"type": "summary_text", "text": part.text}] if part.text else []
                known = {"id": part.id} if named else {}
                yield {"type": "reasoning", **known, "summary": summary, "encrypted_content": seal}


def _output(result: ToolResult, at: At) -> str | list[dict[str, Any]]:
    if all(isinstance(part, Text) for part in result.parts):
        return "\n".join(part.text for part in result.parts if isinstance(part, Text))
    return [_part(part, at) for part in result.parts]


def _part(part: Part, at: At) -> dict[str, Any]:
    match part:
        case Text(text=text) | Refusal(text=text):
            return {"type": "input_text", "text": text}
        case Media(medium="image"):
            return _given(
                type="input_image",
                image_url=part.url or _data_uri(part, "image/png"),
                file_id=part.file_id,
                detail=part.detail or "auto",
            )
        case Media(medium="file"):
            return _given(
                type="input_file",
                filename=part.name or ("document.pdf" if part.base64 is not None else None),
                file_data=_data_uri(part, "application/pdf"),
                file_url=part.url,
                file_id=part.file_id,
            )
        case _:
            name = "messages" if "messages" in at.occasion.request.body else "input"
            raise InvalidRequest(
                "The request holds a part that this model takes none of, such as a sound or a film.",
                param=name,
                code="unsupported_value",
            )


def _data_uri(media: Media, usual: str) -> str | None:
    return None if media.base64 is None else f"data:{media.media_type or usual};base64,{media.base64}"


def _given(**members: object) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _tool(tool: Tool) -> dict[str, Any]:
    schema = dict(tool.schema) or {"type": "object", "properties": {}}
    # Where it is not said, these words take it for true, and those that the request came in for false.
    told = {"type": "function", "name": tool.name, "parameters": schema, "strict": bool(tool.strict)}
    return told if tool.description is None else told | {"description": tool.description}


def _choice(choice: Choice) -> object:
    return {"type": "function", "name": choice.name} if choice.mode == "one" else _CHOICES[choice.mode]


def _format(shape: Shape) -> dict[str, Any]:
    if shape.schema is None:
        return {"type": "json_object"}
    return _given(
        type="json_schema",
        name=shape.name,
        schema=dict(shape.schema),
        description=shape.description,
        strict=shape.strict,
    )


def _reasoning(thinking: Thinking) -> dict[str, Any] | None:
    effort = thinking.effort
    if effort is None and thinking.budget is not None:
        effort = next((name for most, name in _EFFORTS if thinking.budget <= most), "high")
    return _given(effort=effort, summary="auto" if thinking.shown else None) or None


def _include(conversation: Conversation, *, thought: bool) -> Iterable[str]:
    if thought and (conversation.thinking is None or conversation.thinking.effort != "none"):
        yield _SEALED_REASONING
    if conversation.sampling.logprobs is not None:
        yield "message.output_text.logprobs"
