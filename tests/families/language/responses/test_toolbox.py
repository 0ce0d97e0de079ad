import json

import pytest

from tests.families.language.responses.asking import events_of, occasion, request, response_of
from torana.core.errors import InvalidRequest
from torana.families.language.responses.events import ResponseTeller, replay
from torana.families.language.responses.hearing import hear
from torana.families.language.responses.telling import tell
from torana.families.language.responses.toolbox import flat, given, names_of, read_tools, taken
from torana.families.language.saying import Said, Utterance, unfold
from torana.families.language.words import Choice, ToolCall, ToolResult

PATCH = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edits files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: word"},
}
SHELL = {"type": "function", "name": "shell", "parameters": {"type": "object"}}
SPACE = {"type": "namespace", "name": "mcp__files", "description": "d", "tools": [SHELL, PATCH | {"format": None}]}
SEARCH = {"type": "web_search", "external_web_access": False}


def test_any_text_is_one_argument():
    (tool,) = read_tools([PATCH]).tools
    assert (tool.name, tool.schema["required"]) == ("apply_patch", ["input"])
    assert tool.description == "Edits files.\n\n'input' must hold to this grammar (lark):\nstart: word"
    assert taken(given('*** Begin "Patch"\n')) == '*** Begin "Patch"\n'
    assert (taken("no json"), taken('{"input":3}'), taken("[1]")) == ("no json", '{"input":3}', "[1]")


def test_namespaces_are_part_of_the_names():
    box = read_tools([SHELL, SPACE])
    assert [tool.name for tool in box.tools] == ["shell", "mcp__files__shell", "mcp__files__apply_patch"]
    assert set(box.named) == {"mcp__files__shell", "mcp__files__apply_patch"}
    long = [flat("f" * 60 + end, "space") for end in "ab"]
    assert [len(name) for name in long] == [64, 64]
    assert long[0] != long[1]


def test_what_only_its_upstream_runs_is_left_out_beside_others_alone():
    heard = hear(request(tools=[SHELL, SEARCH]))
    assert ([tool.name for tool in heard.tools], heard.unheard) == (["shell"], ("tools.web_search",))
    for body, param in (
        ({"tools": [SEARCH]}, "tools[0].type"),
        ({"tools": [SHELL, SEARCH], "tool_choice": "required"}, "tool_choice"),
        ({"tools": [SHELL, {"type": "file_search", "vector_store_ids": ["v"]}]}, "tools[1].type"),
        ({"tools": [{"type": "namespace", "name": "a", "tools": [{"type": "mcp"}]}]}, "tools[0].tools[0].type"),
        ({"tools": [SHELL | {"name": 3}]}, "tools[0].name"),
        ({"tools": [SHELL], "tool_choice": {"type": "allowed_tools", "tools": [{"name": "g"}]}}, "tool_choice.tools"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            hear(request(**body))
        assert caught.value.param == param


def test_what_was_called_before_is_heard_by_the_same_names():
    heard = hear(
        request(
            tools=[PATCH, SPACE],
            tool_choice={"type": "custom", "name": "apply_patch"},
            input=[
                {"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": "*** x"},
                {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"},
                {
                    "type": "function_call",
                    "call_id": "c2",
                    "namespace": "mcp__files",
                    "name": "shell",
                    "arguments": "{}",
                },
                {"type": "function_call_output", "call_id": "c2", "output": "done"},
            ],
        )
    )
    assert heard.emulated == ("tools",)
    assert heard.choice == Choice("one", "apply_patch")
    calls = [part for turn in heard.turns for part in turn.parts]
    assert calls[0] == ToolCall("c1", "apply_patch", '{"input":"*** x"}')
    assert isinstance(calls[1], ToolResult)
    assert calls[2] == ToolCall("c2", "mcp__files__shell", "{}")


SAID = Utterance((Said((
    ToolCall("c1", "apply_patch", json.dumps({"input": "*** Begin Patch\nü"})),
    ToolCall("c2", "mcp__files__shell", '{"a":1}'),
    ToolCall("c3", "shell", "{}"),
), "tool"),))  # fmt: skip


def test_calls_are_told_by_the_clients_names_whole_and_in_pieces():
    at = occasion(tools=[PATCH, SHELL, SPACE])
    told = response_of(tell(SAID, at))
    free, spaced, plain = told["output"]
    assert (free["type"], free["name"], free["input"]) == ("custom_tool_call", "apply_patch", "*** Begin Patch\nü")
    assert (spaced["type"], spaced["namespace"], spaced["name"]) == ("function_call", "mcp__files", "shell")
    assert ("namespace" in plain, plain["name"]) == (False, "shell")
    teller = ResponseTeller(at)
    frames = [frame for happening in unfold(SAID) for frame in teller.tell(happening)]
    events = events_of([*frames, *teller.close()])
    assert events[-1]["response"]["output"] == told["output"]
    assert "".join(event["delta"] for event in events if event["type"] == "response.custom_tool_call_input.delta") == (
        "*** Begin Patch\nü"
    )
    again = events_of(replay(json.dumps(told).encode()))
    assert [event["type"] for event in again if "custom" in event["type"]] == [
        "response.custom_tool_call_input.delta",
        "response.custom_tool_call_input.done",
    ]


def test_odd_tools_have_no_names():
    assert names_of(None) == names_of([3, {"type": "namespace", "tools": [1]}, {"type": "custom"}]) == {}
