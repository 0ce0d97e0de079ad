"""Tools, whether they must be used, and the form of the answer, which older models give by a tool.

Source: Anthropic's ``ToolParam``, ``ToolChoiceParam`` and ``OutputConfigParam``.
"""

from typing import Any

import msgspec

from torana.dialects.anthropic.asking.draft import Draft
from torana.dialects.anthropic.asking.schemas import kept
from torana.dialects.anthropic.asking.turns import called
from torana.families.language.words import Conversation, Shape, Tool

_ANSWER = "give_answer"
_ANYTHING = {"type": "object", "additionalProperties": True}
_MODES = {"auto": "auto", "any": "any", "one": "tool", "none": "none"}


def answer_tool(conversation: Conversation) -> str:
    """The name of the tool by which an answer is given whose form is emulated."""
    taken = {tool.name for tool in conversation.tools}
    name = _ANSWER
    while name in taken:
        name += "_"
    return name


def add_tools(draft: Draft) -> None:
    """The client's tools, and his choice; InvalidRequest for a model that cannot be made to use one."""
    asked = draft.conversation
    tools = [_tool(draft, tool) for tool in asked.tools]
    if not tools:
        # Where tools were called, the API wants to know of them, though none can be called any more.
        tools = [{"name": name, "input_schema": {"type": "object"}} for name in dict.fromkeys(called(asked))]
        if tools:
            draft.body |= {"tools": tools, "tool_choice": {"type": "none"}}
        return
    draft.body["tools"] = tools
    choice: dict[str, Any] = {"type": _MODES[asked.choice.mode]}
    if asked.choice.mode in {"any", "one"}:
        if not draft.able.forced:
            raise draft.refuse("This model cannot be made to use a tool.", "tool_choice", code="unsupported_value")
        draft.forced = True
    if asked.choice.mode == "one":
        choice["name"] = asked.choice.name
    if asked.choice.parallel is False and asked.choice.mode != "none":
        choice["disable_parallel_tool_use"] = True
    if choice != {"type": "auto"}:
        draft.body["tool_choice"] = choice


def add_shape(draft: Draft) -> None:
    """The form of the answer: natively, or by a tool that takes the answer, or at least by asking for it."""
    shape = draft.conversation.shape
    if shape is None:
        return
    schema = None if shape.schema is None or not draft.able.shaped else kept(shape.schema)
    if schema is not None:
        draft.body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        return
    draft.emulated.append("structured_output")
    if draft.able.forced:
        _force(draft, shape)
    else:
        draft.instructions.append(_instruction(shape))


def _force(draft: Draft, shape: Shape) -> None:
    choice = draft.conversation.choice
    if draft.forced:
        # The client wants one of his own tools used first: what form that takes is the tool's.
        return
    name = answer_tool(draft.conversation)
    tool = {
        "name": name,
        "description": shape.description or "Gives the answer. Its arguments are all that is read of it.",
        "input_schema": dict(shape.schema or _ANYTHING),
    }
    draft.body["tools"] = [*draft.body.get("tools", ()), tool]
    has_others = bool(draft.conversation.tools) and choice.mode == "auto"
    draft.body["tool_choice"] = (
        {"type": "any", "disable_parallel_tool_use": True}
        if has_others
        else {"type": "tool", "name": name, "disable_parallel_tool_use": True}
    )
    draft.forced = True


def _instruction(shape: Shape) -> str:
    told = "Answer with one JSON object and nothing else: no words before or after it, and no fence around it."
    if shape.schema is None:
        return told
    return f"{told} It must be as this JSON schema says: {msgspec.json.encode(shape.schema).decode()}"


def _tool(draft: Draft, tool: Tool) -> dict[str, Any]:
    schema: dict[str, Any] = dict(tool.schema) or {"type": "object", "properties": {}}
    told: dict[str, Any] = {"name": tool.name}
    if tool.description:
        told["description"] = tool.description
    strict = kept(schema) if tool.strict and draft.able.shaped else None
    told["input_schema"] = {"type": "object"} | schema if strict is None else strict
    if strict is not None:
        told["strict"] = True
    elif tool.strict:
        draft.ignored.append("tools.strict")
    if tool.cached is not None:
        told["cache_control"] = dict(tool.cached)
    return told
