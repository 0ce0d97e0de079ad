"""A response's tools as functions, which every model knows: those that take any text, and those in namespaces.

Source: OpenAI's package, ``CustomToolParam``, ``NamespaceToolParam`` and ``ResponseCustomToolCall``.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct

from torana.core.errors import InvalidRequest
from torana.families.language.asked import typed
from torana.families.language.words import Tool

_MOST_NAME = 64
"""Characters of a function's name."""
_KEPT_OF_NAME, _HASH_BYTES = 51, 6
_INPUT = "input"
_FREE: Mapping[str, Any] = {
    "type": "object",
    "properties": {_INPUT: {"type": "string", "description": "All that the tool is given, as it is."}},
    "required": [_INPUT],
    "additionalProperties": False,
}
LEFT_OUT = frozenset({"web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11",
                      "image_generation"})  # fmt: skip
"""Tools that agents offer beside their own wherever they ask, and can do without."""


class _Function(Struct):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class _Format(Struct):
    type: str = "text"
    syntax: str = ""
    definition: str = ""


class _Custom(Struct):
    name: str
    description: str | None = None
    format: _Format | None = None


class _Namespace(Struct):
    name: str
    tools: list[dict[str, Any]]
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """What the client calls a function."""

    name: str
    namespace: str | None = None
    is_free: bool = False
    """Whether it is given any text, and not arguments in JSON."""


@dataclass(frozen=True, slots=True)
class Toolbox:
    """All tools of a request."""

    tools: tuple[Tool, ...] = ()
    named: Mapping[str, Named] = field(default_factory=dict)
    """What the client calls those that had to get another name or other arguments, by their function's name."""
    left_out: tuple[str, ...] = ()
    """Types of tools that the model does without."""


def flat(name: str, namespace: str | None) -> str:
    """The one name of a function in a namespace."""
    if not namespace:
        return name
    whole = f"{namespace.removesuffix('__')}__{name}"
    if len(whole) <= _MOST_NAME:
        return whole
    return f"{whole[:_KEPT_OF_NAME]}_{hashlib.blake2b(whole.encode(), digest_size=_HASH_BYTES).hexdigest()}"


def given(text: str) -> str:
    """The arguments by which a function is given a text."""
    return msgspec.json.encode({_INPUT: text}).decode()


def taken(arguments: str) -> str:
    """The text that a function is given; the arguments themselves where the model wrote others."""
    try:
        text = msgspec.json.decode(arguments, type=dict[str, Any]).get(_INPUT)
    except (ValueError, RecursionError):
        return arguments
    return text if isinstance(text, str) else arguments


def names_of(tools: object) -> Mapping[str, Named]:
    """What the client calls his tools, of a request that was heard before."""
    known: dict[str, Named] = {}
    for tool in tools if isinstance(tools, list) else ():
        if not isinstance(tool, dict):
            continue
        inner = tool.get("tools") if tool.get("type") == "namespace" else None
        for each in inner if isinstance(inner, list) else (tool,):
            name = each.get("name") if isinstance(each, dict) else None
            space = tool.get("name") if inner is not None else None
            is_free = isinstance(each, dict) and each.get("type") == "custom"
            if isinstance(name, str) and (is_free or isinstance(space, str)):
                known[flat(name, space)] = Named(name, space, is_free)
    return known


def read_tools(tools: Iterable[dict[str, Any]]) -> Toolbox:
    """The tools as functions; InvalidRequest for those that only their own upstream can run."""
    listed = list(tools)
    functions: list[Tool] = []
    left_out: list[tuple[int, str]] = []
    for index, tool in enumerate(listed):
        kind = tool.get("type")
        if isinstance(kind, str) and kind in LEFT_OUT:
            left_out.append((index, kind))
        else:
            functions += _functions(tool, f"tools[{index}]")
    if left_out and not functions:
        raise _foreign(left_out[0][1], f"tools[{left_out[0][0]}]")
    return Toolbox(tuple(functions), names_of(listed), tuple(dict.fromkeys(kind for _, kind in left_out)))


def _functions(tool: dict[str, Any], where: str, space: str | None = None) -> Iterator[Tool]:
    match tool.get("type"):
        case "function":
            read = _read(tool, _Function, where)
            yield Tool(flat(read.name, space), read.description, read.parameters or {}, read.strict)
        case "custom":
            free = _read(tool, _Custom, where)
            yield Tool(flat(free.name, space), _described(free), _FREE)
        case "namespace" if space is None:
            within = _read(tool, _Namespace, where)
            for index, each in enumerate(within.tools):
                yield from _functions(each, f"{where}.tools[{index}]", within.name)
        case kind:
            raise _foreign(str(kind), where)


def _described(tool: _Custom) -> str | None:
    form = tool.format
    if form is None or not form.definition:
        return tool.description
    told = f"'{_INPUT}' must hold to this grammar ({form.syntax}):\n{form.definition}"
    return f"{tool.description}\n\n{told}" if tool.description else told


def _read(tool: dict[str, Any], kind: type[Any], where: str) -> Any:  # noqa: ANN401 - of that kind
    try:
        return typed(tool, kind)
    except InvalidRequest as error:
        raise InvalidRequest(error.message, param=f"{where}.{error.param}", code=error.code) from error


def _foreign(kind: str, where: str) -> InvalidRequest:
    return InvalidRequest(
        f"Tools of the type '{kind[:64]}' are run by the upstream that has them, and this model's does not: "
        "only 'function' and 'custom' can be used with it.",
        param=f"{where}.type",
        code="unsupported_value",
    )
