from typing import Any

import pytest

from tests.dialects.anthropic.spoken import ADAPTIVE, HELLO, OLD, SHAPED, STUBBORN, asked, encoded
from torana.core.errors import InvalidRequest
from torana.dialects.anthropic.asking.tooling import answer_tool
from torana.families.language.words import Choice, Conversation, Shape, Text, Tool, ToolCall, ToolResult, Turn

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
F = Tool("f", "Does it.", SCHEMA)
KEPT = {"name": "f", "description": "Does it.", "input_schema": SCHEMA}


def test_tools() -> None:
    cached = {"type": "ephemeral"}
    body = asked(tools=(F, Tool("g"), Tool("h", schema=SCHEMA, cached=cached)))
    assert body["tools"] == [
        KEPT,
        {"name": "g", "input_schema": {"type": "object", "properties": {}}},
        {"name": "h", "input_schema": SCHEMA, "cache_control": cached},
    ]
    assert "tool_choice" not in body
    assert not asked().keys() & {"tools", "tool_choice"}


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (Choice(), None),
        (Choice(parallel=True), None),
        (Choice(parallel=False), {"type": "auto", "disable_parallel_tool_use": True}),
        (Choice("any"), {"type": "any"}),
        (Choice("none", parallel=False), {"type": "none"}),
        (Choice("one", "f", parallel=False), {"type": "tool", "name": "f", "disable_parallel_tool_use": True}),
    ],
)
def test_a_choice(choice: Choice, told: dict[str, Any] | None) -> None:
    assert asked(tools=(F,), choice=choice).get("tool_choice") == told


@pytest.mark.parametrize("choice", [Choice("any"), Choice("one", "f")])
def test_models_that_cannot_be_made_to_use_a_tool(choice: Choice) -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked(STUBBORN, tools=(F,), choice=choice)
    assert (caught.value.param, caught.value.code) == ("tool_choice", "unsupported_value")


def test_strict_tools() -> None:
    strict = Tool("f", schema=SCHEMA, strict=True)
    assert asked(SHAPED, tools=(strict,))["tools"] == [{"name": "f", "input_schema": SCHEMA, "strict": True}]
    older = encoded(OLD, tools=(strict,))
    assert older.ignored == ("tools.strict",)
    opened = encoded(SHAPED, tools=(Tool("f", schema={"type": "object"}, strict=True),))
    assert opened.ignored == ("tools.strict",)


def test_tools_that_were_called_are_known_though_they_are_not_offered() -> None:
    body = asked(
        ADAPTIVE,
        *HELLO,
        Turn("assistant", (ToolCall("a", "f", "{}"), ToolCall("b", "f", "{}"))),
        Turn("tool", (ToolResult("a", (Text("1"),)), ToolResult("b", (Text("1"),)))),
    )
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object"}}]
    assert body["tool_choice"] == {"type": "none"}


def test_a_form_is_native_where_the_model_keeps_to_it() -> None:
    made = encoded(SHAPED, shape=Shape(SCHEMA))
    assert made.emulated == ()
    body = asked(SHAPED, shape=Shape(SCHEMA), tools=(F,))
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert body["tools"] == [KEPT]


@pytest.mark.parametrize(
    ("model", "shape", "schema"),
    [
        (OLD, Shape(SCHEMA), SCHEMA),
        (SHAPED, Shape({"type": "object"}), {"type": "object"}),
        (SHAPED, Shape(), {"type": "object", "additionalProperties": True}),
    ],
)
def test_a_form_is_emulated_by_a_tool_that_takes_the_answer(model: str, shape: Shape, schema: dict[str, Any]) -> None:
    assert encoded(model, shape=shape).emulated == ("structured_output",)
    body = asked(model, shape=shape)
    (tool,) = body["tools"]
    assert (tool["name"], tool["input_schema"]) == ("give_answer", schema)
    assert body["tool_choice"] == {"type": "tool", "name": "give_answer", "disable_parallel_tool_use": True}


def test_the_clients_tools_may_be_used_before_the_answer() -> None:
    body = asked(OLD, shape=Shape(SCHEMA), tools=(F,))
    assert [tool["name"] for tool in body["tools"]] == ["f", "give_answer"]
    assert body["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    forced = asked(OLD, shape=Shape(SCHEMA), tools=(F,), choice=Choice("any"))
    assert [tool["name"] for tool in forced["tools"]] == ["f"]
    none = asked(OLD, shape=Shape(SCHEMA), tools=(F,), choice=Choice("none"))
    assert none["tool_choice"]["name"] == "give_answer"


@pytest.mark.parametrize(("shape", "words"), [(Shape(), "one JSON object"), (Shape({"type": "object", "title": "X"}),
                                                                            '"title":"X"')])  # fmt: skip
def test_a_form_is_asked_for_where_nothing_can_be_forced(shape: Shape, words: str) -> None:
    body = asked(STUBBORN, shape=shape)
    assert words in body["system"]
    assert "tools" not in body
    assert encoded(STUBBORN, shape=shape).emulated == ("structured_output",)


def test_the_tool_is_called_as_none_of_the_clients_is() -> None:
    conversation = Conversation(HELLO, tools=(Tool("give_answer"), Tool("give_answer_")))
    assert answer_tool(conversation) == "give_answer__"
