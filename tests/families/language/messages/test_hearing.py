from typing import Any

import pytest

from tests.families.language.messages.said import request
from torana.core.errors import InvalidRequest
from torana.families.language.messages.hearing import hear
from torana.families.language.words import Choice, Sampling, Shape, Text, Thinking, Tool, ToolCall, ToolResult, Turn

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
USER = {"role": "user", "content": "Hello"}


def test_the_least_that_can_be_said() -> None:
    heard = hear(request())
    assert heard.turns == (Turn("user", (Text("Hello"),)),)
    assert (heard.sampling, heard.tools, heard.choice, heard.thinking) == (Sampling(max_tokens=100), (), Choice(), None)
    assert heard.unheard == ()


def test_a_conversation_with_tools() -> None:
    messages = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": [
            {"type": "text", "text": "Wait."},
            {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
            {"type": "tool_use", "id": "b", "name": "f", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "a", "content": "sun"},
            {"type": "tool_result", "tool_use_id": "b", "content": "rain"},
            {"type": "text", "text": "And?"},
        ]},
    ]  # fmt: skip
    heard = hear(request(messages=messages, system=[{"type": "text", "text": "Be brief."}]))
    assert heard.turns == (
        Turn("system", (Text("Be brief."),)),
        Turn("user", (Text("Weather?"),)),
        Turn("assistant", (Text("Wait."), ToolCall("a", "f", '{"x":1}'), ToolCall("b", "f", "{}"))),
        Turn("tool", (ToolResult("a", (Text("sun"),)), ToolResult("b", (Text("rain"),)))),
        Turn("user", (Text("And?"),)),
    )


@pytest.mark.parametrize(
    ("member", "field", "meant"),
    [
        ({"tool_choice": {"type": "auto"}}, "choice", Choice()),
        ({"tool_choice": {"type": "any", "disable_parallel_tool_use": True}}, "choice", Choice("any", parallel=False)),
        ({"tool_choice": {"type": "tool", "name": "f"}}, "choice", Choice("one", "f")),
        ({"tool_choice": {"type": "none"}}, "choice", Choice("none")),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "thinking", Thinking(budget=2000)),
        ({"thinking": {"type": "adaptive", "display": "summarized"}}, "thinking", Thinking(shown=True)),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}}, "thinking", Thinking("none")),
        ({"output_config": {"effort": "low"}}, "thinking", Thinking("low")),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "thinking", Thinking("max")),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
            "shape",
            Shape(SCHEMA, strict=True),
        ),
        ({"output_format": {"type": "json_schema", "schema": SCHEMA}}, "shape", Shape(SCHEMA, strict=True)),
        ({"metadata": {"user_id": "u1"}}, "user", "u1"),
        (
            {"stop_sequences": ["X"], "temperature": 1, "top_p": 0.5, "top_k": 3},
            "sampling",
            Sampling(max_tokens=100, temperature=1.0, top_p=0.5, top_k=3, stop=("X",)),
        ),
        (
            {"tools": [{"name": "f", "input_schema": SCHEMA, "strict": True, "description": "d"}]},
            "tools",
            (Tool("f", "d", SCHEMA, strict=True),),
        ),
        ({"service_tier": "auto", "speed": None, "betas": [], "stream": True}, "unheard", ("service_tier", "betas")),
    ],
)
def test_each_member_is_heard(member: dict[str, Any], field: str, meant: object) -> None:
    assert getattr(hear(request(**member)), field) == meant


@pytest.mark.parametrize(
    ("member", "param"),
    [
        ({"container": "c1"}, "container"),
        ({"mcp_servers": []}, "mcp_servers"),
        ({"inference_geo": "eu"}, "inference_geo"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"messages": [USER, {"role": "assistant", "content": "I"}]}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"tools": [{"type": "web_search_20260318", "name": "web_search"}]}, "tools[0]"),
        ({"tools": [{"name": "f"}]}, "tools[0]"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "perhaps"}}, "tool_choice.type"),
        ({"output_config": {"format": {"type": "grammar"}}}, "output_config.format"),
        ({"system": [{"type": "image"}]}, "system.content[0].source"),
    ],
)
def test_what_is_wrong_or_binding_is_named(member: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        hear(request(**member))
    assert caught.value.param == param
