from typing import Any

import pytest

from tests.dialects.anthropic.spoken import ADAPTIVE, HELLO, NEW, OLD, SHAPED, STUBBORN, asked, encoded
from torana.families.language.words import Choice, Sampling, Text, Thinking, Tool, ToolCall, ToolResult, Turn

BARE = (
    *HELLO,
    Turn("assistant", (ToolCall("a", "f", "{}"),)),
    Turn("tool", (ToolResult("a", (Text("1"),)),)),
)
"""A model that did not think, or whose thoughts are lost, called a tool."""


def told(model: str, thinking: Thinking, **members: Any) -> tuple[Any, Any]:
    body = asked(model, thinking=thinking, **members)
    return body.get("thinking"), body.get("output_config")


@pytest.mark.parametrize(
    ("model", "thinking", "body", "output"),
    [
        (NEW, Thinking("high"), {"type": "adaptive"}, {"effort": "high"}),
        (NEW, Thinking("minimal"), {"type": "adaptive"}, {"effort": "low"}),
        (NEW, Thinking("xhigh"), {"type": "adaptive"}, {"effort": "xhigh"}),
        (ADAPTIVE, Thinking("xhigh"), {"type": "adaptive"}, {"effort": "high"}),
        (ADAPTIVE, Thinking("max", shown=True), {"type": "adaptive", "display": "summarized"}, {"effort": "max"}),
        (NEW, Thinking(shown=False), {"type": "adaptive", "display": "omitted"}, None),
        (NEW, Thinking("of_tomorrow"), {"type": "adaptive"}, None),
        (NEW, Thinking(budget=5_000), {"type": "adaptive"}, {"effort": "medium"}),
        (NEW, Thinking(budget=500_000), {"type": "adaptive"}, {"effort": "max"}),
        (ADAPTIVE, Thinking(budget=5_000), {"type": "enabled", "budget_tokens": 5_000}, None),
        (SHAPED, Thinking("medium"), {"type": "enabled", "budget_tokens": 8_192}, None),
        (SHAPED, Thinking(shown=False), {"type": "enabled", "budget_tokens": 8_192, "display": "omitted"}, None),
        (SHAPED, Thinking("max"), {"type": "enabled", "budget_tokens": 12_288}, None),
        ("imitation", Thinking("low"), {"type": "enabled", "budget_tokens": 2_048}, None),
        (NEW, Thinking("none"), None, None),
        ("claude-sonnet-5", Thinking("none"), {"type": "disabled"}, None),
        ("claude-sonnet-5-5", Thinking("none"), {"type": "between_tools"}, None),
    ],
)
def test_each_generation_is_told_in_its_own_way(
    model: str, thinking: Thinking, body: dict[str, Any] | None, output: dict[str, Any] | None
) -> None:
    assert told(model, thinking) == (body, output)
    assert encoded(model, thinking=thinking).ignored == ()


def test_nothing_is_said_where_nothing_was_asked() -> None:
    assert not asked(NEW).keys() & {"thinking", "output_config"}


def test_thoughts_leave_room_for_the_answer() -> None:
    longest = Sampling(max_tokens=4_000)
    assert told(SHAPED, Thinking("high"), sampling=longest)[0] == {"type": "enabled", "budget_tokens": 3_000}
    small = encoded(SHAPED, thinking=Thinking("high"), sampling=Sampling(max_tokens=1_200))
    assert small.ignored == ("reasoning_effort",)


@pytest.mark.parametrize(
    ("model", "members"),
    [
        ("claude-3-haiku-20240307", {}),
        (SHAPED, {"turns": BARE}),
        (SHAPED, {"tools": (Tool("f"),), "choice": Choice("any")}),
        (NEW, {"tools": (Tool("f"),), "choice": Choice("one", "f")}),
    ],
)
def test_what_cannot_be_thought_is_told(model: str, members: dict[str, Any]) -> None:
    turns = members.pop("turns", HELLO)
    made = encoded(model, *turns, thinking=Thinking("high"), body={"reasoning": {}}, **members)
    assert made.ignored == ("reasoning",)
    assert "thinking" not in asked(model, *turns, thinking=Thinking("high"), **members)


def test_models_that_think_by_themselves_do_not_before_a_tool_that_they_must_use() -> None:
    members: Any = {"tools": (Tool("f"),), "choice": Choice("any")}
    assert asked("claude-opus-5", **members)["thinking"] == {"type": "disabled"}
    assert "thinking" not in asked(OLD, **members)


def test_models_that_always_think_do_so_as_little_as_they_can() -> None:
    assert told(STUBBORN, Thinking("none")) == (None, {"effort": "low"})
    assert encoded(STUBBORN, thinking=Thinking("none")).ignored == ("reasoning_effort",)


def test_models_that_decide_themselves_think_amid_tools() -> None:
    assert asked(NEW, *BARE, thinking=Thinking("low"))["thinking"] == {"type": "adaptive"}
