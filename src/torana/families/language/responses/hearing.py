"""What a request for a response asks, in words that every dialect can say.

Source: OpenAI's API reference, "Create a model response"; its package's ``ResponseCreateParams``.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from torana.core.errors import InvalidRequest
from torana.families.language.asked import LanguageRequest, typed
from torana.families.language.responses.continued import Continued, previous
from torana.families.language.responses.items import read_items, unsupported
from torana.families.language.responses.toolbox import Toolbox, flat, read_tools
from torana.families.language.words import Choice, Conversation, Sampling, Shape, Text, Thinking, Tool, Turn

_REFUSED = ("background", "conversation", "prompt", "moderation")
"""What would mean something else if it were left out."""
_MEANINGLESS = frozenset({"input", "model", "stream", "store", "metadata", "previous_response_id"})
"""Neither for the model nor for the upstream: we see to it ourselves."""
_USUAL: Mapping[str, tuple[object, ...]] = {
    "service_tier": ("auto", "default"),
    "truncation": ("disabled",),
}
"""Values that say what is so anyway."""
_NOTHING_INCLUDED = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"


class _Format(Struct):
    type: str = "text"
    name: str = "answer"
    schema: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None


class _TextConfig(Struct):
    format: _Format | None = None
    verbosity: str | None = None


class _Reasoning(Struct):
    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None


class _Asked(Struct):
    input: str | list[dict[str, Any]] | None = None
    instructions: str | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    text: _TextConfig | None = None
    reasoning: _Reasoning | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    include: list[str] | None = None
    user: str | None = None
    safety_identifier: str | None = None


class _Allowed(Struct):
    name: str | None = None


class _Chosen(Struct):
    type: str
    name: str | None = None
    namespace: str | None = None
    mode: Literal["auto", "required"] = "auto"
    tools: list[_Allowed] = []


_MODES: Mapping[str, Literal["auto", "none", "any"]] = {"auto": "auto", "none": "none", "required": "any"}


def hear(request: LanguageRequest) -> Conversation:
    """What is asked; InvalidRequest names the field that is wrong, or that nobody else would understand."""
    for name in _REFUSED:
        if request.body.get(name):
            raise unsupported(name)
    if previous(request) is not None and not isinstance(request, Continued):
        raise InvalidRequest(
            "This model's upstream keeps no answers, and neither does the gateway: send all that was said as 'input'.",
            param="previous_response_id",
            code="unsupported_parameter",
        )
    asked = typed(request.body, _Asked)
    box = read_tools(asked.tools or ())
    tools, choice = _choice(asked, box)
    return Conversation(
        turns=(*_instructions(asked), *read_items(asked.input)),
        tools=tools,
        choice=choice,
        shape=_shape(asked),
        thinking=_thinking(asked),
        sampling=Sampling(
            max_tokens=asked.max_output_tokens,
            temperature=asked.temperature,
            top_p=asked.top_p,
            logprobs=_logprobs(asked),
        ),
        user=asked.safety_identifier or asked.user,
        stream=request.stream,
        unheard=(*_unheard(request, asked), *(f"tools.{kind}" for kind in box.left_out)),
        emulated=("tools",) if box.named else (),
    )


def _instructions(asked: _Asked) -> tuple[Turn, ...]:
    return (Turn("system", (Text(asked.instructions),)),) if asked.instructions else ()


def _choice(asked: _Asked, box: Toolbox) -> tuple[tuple[Tool, ...], Choice]:
    """The tools that may be used, and whether they must be."""
    if asked.tool_choice is None or isinstance(asked.tool_choice, str):
        mode = _MODES.get(asked.tool_choice or "auto")
        if mode is None or (mode == "any" and box.left_out):
            raise unsupported("tool_choice", value=True)
        return box.tools, Choice(mode, parallel=asked.parallel_tool_calls)
    chosen = typed(asked.tool_choice, _Chosen)
    if chosen.type in {"function", "custom"} and chosen.name:
        return box.tools, Choice("one", flat(chosen.name, chosen.namespace), parallel=asked.parallel_tool_calls)
    if chosen.type != "allowed_tools":
        raise unsupported("tool_choice", value=True)
    allowed = {tool.name for tool in chosen.tools}
    left = tuple(tool for tool in box.tools if tool.name in allowed)
    if len(left) < len(allowed) or not left:
        raise unsupported("tool_choice.tools", value=True)
    return left, Choice(_MODES[chosen.mode], parallel=asked.parallel_tool_calls)


def _shape(asked: _Asked) -> Shape | None:
    form = asked.text.format if asked.text else None
    if form is None or form.type == "text":
        return None
    if form.type == "json_object":
        return Shape()
    if form.type != "json_schema":
        raise unsupported("text.format.type", value=True)
    if form.schema is None:
        raise InvalidRequest(
            "Missing required parameter: 'text.format.schema'.",
            param="text.format.schema",
            code="missing_required_parameter",
        )
    return Shape(form.schema, form.name, form.description, form.strict)


def _thinking(asked: _Asked) -> Thinking | None:
    if asked.reasoning is None:
        return None
    shown = asked.reasoning.summary or asked.reasoning.generate_summary
    if asked.reasoning.effort is None and shown is None:
        return None
    return Thinking(asked.reasoning.effort, shown=None if shown is None else True)


def _logprobs(asked: _Asked) -> int | None:
    if asked.top_logprobs is not None:
        return asked.top_logprobs
    return 0 if _LOGPROBS in (asked.include or ()) else None


_HEARD = frozenset(_Asked.__struct_fields__) | _MEANINGLESS | frozenset(_REFUSED)


def _unheard(request: LanguageRequest, asked: _Asked) -> list[str]:
    sent = [
        name
        for name, value in request.body.items()
        if name not in _HEARD and value is not None and value not in _USUAL.get(name, ())
    ]
    if set(asked.include or ()) - {_NOTHING_INCLUDED, _LOGPROBS}:
        sent.append("include")
    if asked.text is not None and asked.text.verbosity not in {None, "medium"}:
        sent.append("text.verbosity")
    return sent
