"""A request to this API as a conversation that every dialect can say.

Source: Anthropic's ``MessageCreateParams``, of both versions of its API; what is in beta is taken where it is in use.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, Literal

from msgspec import Struct

from torana.core.errors import InvalidRequest
from torana.families.language.asked import LanguageRequest, typed
from torana.families.language.messages.blocks import Block, parts_of, texts_of, unsupported
from torana.families.language.words import (
    Choice,
    Conversation,
    Sampling,
    Shape,
    Thinking,
    Tool,
    ToolResult,
    Turn,
)


class _Message(Struct):
    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class _Tool(Struct):
    name: str
    type: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    strict: bool | None = None
    cache_control: dict[str, Any] | None = None


class _Choice(Struct):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Thinking(Struct):
    type: str
    budget_tokens: int | None = None
    display: str | None = None


class _Format(Struct):
    type: str
    schema: dict[str, Any] | None = None


class _Output(Struct):
    effort: str | None = None
    format: _Format | None = None


class _Metadata(Struct):
    user_id: str | None = None


class _Asked(Struct):
    messages: list[_Message]
    max_tokens: int | None = None
    system: str | list[Block] | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    tools: list[_Tool] | None = None
    tool_choice: _Choice | None = None
    thinking: _Thinking | None = None
    output_config: _Output | None = None
    output_format: _Format | None = None
    metadata: _Metadata | None = None


_HEARD = frozenset({"model", *_Asked.__struct_fields__})
_BINDING = frozenset({"container", "mcp_servers", "inference_geo"})
"""Fields without which the answer would be another one, or come from where it must not."""


def hear(request: LanguageRequest) -> Conversation:
    """The conversation that a request asks to go on with; InvalidRequest for what only this API's own models do."""
    body = {name: value for name, value in request.body.items() if value is not None}
    for name in sorted(_BINDING & body.keys()):
        raise unsupported(name, f"This model does not know '{name}'.", code="unsupported_parameter")
    asked = typed(body, _Asked)
    if asked.max_tokens == 0:
        raise unsupported("max_tokens", "This model cannot be asked for no token at all.")
    system = texts_of(asked.system or "", "system")
    turns = (*((Turn("system", system),) if system else ()), *_turns(asked.messages))
    if not turns or turns[-1].role == "assistant":
        raise unsupported("messages", "The last message must be the user's: this model cannot go on with its own.")
    output = asked.output_config or _Output()
    return Conversation(
        turns=turns,
        tools=tuple(_tool(tool, index) for index, tool in enumerate(asked.tools or ())),
        choice=_choice(asked.tool_choice),
        shape=_shape(output.format or asked.output_format),
        thinking=_thinking(asked.thinking, output.effort),
        sampling=Sampling(
            max_tokens=asked.max_tokens,
            temperature=asked.temperature,
            top_p=asked.top_p,
            top_k=asked.top_k,
            stop=tuple(asked.stop_sequences or ()),
        ),
        user=asked.metadata.user_id if asked.metadata else None,
        stream=request.stream,
        unheard=tuple(name for name in body if name not in _HEARD),
    )


def _turns(messages: Iterable[_Message]) -> Iterator[Turn]:
    for index, message in enumerate(messages):
        parts = parts_of(message.content, f"messages[{index}]")
        for is_result, run in groupby(parts, lambda part: isinstance(part, ToolResult)):
            yield Turn("tool" if is_result else message.role, tuple(run))


def _tool(tool: _Tool, index: int) -> Tool:
    if tool.type not in {None, "custom"} or tool.input_schema is None:
        raise unsupported(f"tools[{index}]", f"The tool '{tool.name[:64]}' is one that only its maker's models have.")
    return Tool(tool.name, tool.description, tool.input_schema, tool.strict, tool.cache_control)


def _choice(choice: _Choice | None) -> Choice:
    if choice is None:
        return Choice()
    parallel = None if choice.disable_parallel_tool_use is None else not choice.disable_parallel_tool_use
    if choice.type != "tool":
        return Choice(choice.type, parallel=parallel)
    if choice.name is None:
        raise InvalidRequest(
            "Missing required parameter: 'tool_choice.name'.",
            param="tool_choice.name",
            code="missing_required_parameter",
        )
    return Choice("one", choice.name, parallel)


def _shape(form: _Format | None) -> Shape | None:
    if form is None:
        return None
    if form.type != "json_schema" or form.schema is None:
        raise unsupported("output_config.format", "The form of an answer is 'json_schema' with a 'schema'.")
    return Shape(form.schema, strict=True)


def _thinking(thinking: _Thinking | None, effort: str | None) -> Thinking | None:
    if thinking is None:
        return None if effort is None else Thinking(effort)
    if thinking.type in {"disabled", "between_tools"}:
        return Thinking("none")
    shown = None if thinking.display is None else thinking.display != "omitted"
    return Thinking(effort, thinking.budget_tokens if thinking.type == "enabled" else None, shown)
