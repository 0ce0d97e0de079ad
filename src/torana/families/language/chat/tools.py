"""The tools of a chat, and whether they are to be used: today's words and the older ones."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from msgspec import Struct

from torana.core.errors import InvalidRequest
from torana.families.language.chat.checked import checked, unsupported, wrong
from torana.families.language.words import Choice, Tool

_MODES: Mapping[str, Any] = {"auto": "auto", "none": "none", "required": "any", "any": "any"}


class _Function(Struct):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    cache_control: dict[str, Any] | None = None


class _Tool(Struct):
    type: str = "function"
    function: _Function | None = None
    cache_control: dict[str, Any] | None = None
    name: str | None = None
    """With what follows, a function as responses have it, which editors send here too."""
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class _Named(Struct):
    name: str


class _Allowed(Struct):
    mode: str
    tools: list["_Chosen"]


class _Chosen(Struct):
    type: str
    function: _Named | None = None
    allowed_tools: _Allowed | None = None


def is_legacy(body: Mapping[str, Any]) -> bool:
    """Whether the client speaks of functions, and is answered in kind."""
    return bool(body.get("functions")) and not body.get("tools")


def hear_tools(body: Mapping[str, Any]) -> tuple[tuple[Tool, ...], Choice]:
    """The tools that may be used, and the choice between them."""
    if is_legacy(body):
        return _functions(body)
    tools = tuple(
        _tool(checked(tool, _Tool, f"tools[{index}]"), f"tools[{index}]")
        for index, tool in enumerate(_listed(body, "tools"))
    )
    parallel = body.get("parallel_tool_calls")
    if not isinstance(parallel, bool | None):
        raise InvalidRequest(
            "'parallel_tool_calls' must be true or false.", param="parallel_tool_calls", code="invalid_type"
        )
    tools, choice = _choice(body.get("tool_choice"), tools)
    return tools, replace(choice, parallel=parallel)


def _functions(body: Mapping[str, Any]) -> tuple[tuple[Tool, ...], Choice]:
    tools = tuple(
        _declared(checked(function, _Function, f"functions[{index}]"), None)
        for index, function in enumerate(_listed(body, "functions"))
    )
    # An answer of the older kind has room for one call.
    called = body.get("function_call")
    match called:
        case None | "auto" | "none":
            return tools, Choice(called or "auto", parallel=False)
        case _:
            named = checked(called, _Named, "function_call")
            return tools, Choice("one", named.name, parallel=False)


def _listed(body: Mapping[str, Any], name: str) -> list[Any]:
    value = body.get(name)
    if not isinstance(value, list | None):
        raise InvalidRequest(f"'{name}' must be an array.", param=name, code="invalid_type")
    return value or []


def _tool(tool: _Tool, where: str) -> Tool:
    if tool.type != "function":
        raise unsupported(f"{where}.type", "This model takes no tools but functions.", value=True)
    if tool.function is None and tool.name is not None:
        return Tool(tool.name, tool.description, tool.parameters or {}, tool.strict, tool.cache_control)
    if tool.function is None:
        raise InvalidRequest(
            f"Missing required parameter: '{where}.function'.",
            param=f"{where}.function",
            code="missing_required_parameter",
        )
    return _declared(tool.function, tool.cache_control)


def _declared(function: _Function, cached: Mapping[str, Any] | None) -> Tool:
    return Tool(
        function.name,
        function.description,
        function.parameters or {},
        function.strict,
        cached or function.cache_control,
    )


def _choice(given: object, tools: tuple[Tool, ...]) -> tuple[tuple[Tool, ...], Choice]:
    if given is None:
        return tools, Choice()
    if isinstance(given, str):
        return tools, Choice(_mode(given, "tool_choice"))
    chosen = checked(given, _Chosen, "tool_choice")
    match chosen:
        case _Chosen(type="function", function=_Named(name=name)):
            return tools, Choice("one", name)
        case _Chosen(type="allowed_tools", allowed_tools=_Allowed(mode=mode)):
            where = "tool_choice.allowed_tools"
            return _allowed(chosen.allowed_tools, tools, where), Choice(_mode(mode, f"{where}.mode"))
        case _Chosen(type=kind) if kind in _MODES:
            return tools, Choice(_MODES[kind])
        case _:
            raise unsupported("tool_choice", "This model does not know this choice between tools.", value=True)


def _allowed(allowed: _Allowed | None, tools: tuple[Tool, ...], where: str) -> tuple[Tool, ...]:
    """The tools that are left: others that the model has never heard of it cannot use."""
    listed = allowed.tools if allowed else []
    names = {tool.function.name if tool.function and tool.type == "function" else None for tool in listed}
    left = tuple(tool for tool in tools if tool.name in names)
    if not left or len(left) < len(names):
        raise unsupported(f"{where}.tools", f"'{where}.tools' must name functions among 'tools'.", value=True)
    return left


def _mode(given: str, where: str) -> Any:  # noqa: ANN401 - one of a choice's modes
    if given not in _MODES:
        raise wrong(where, f"'{where}' must be one of 'auto', 'none' and 'required', or name a function.")
    return _MODES[given]
