import pytest

from torana.core.errors import InvalidRequest
from torana.families.language.chat.tools import hear_tools, is_legacy
from torana.families.language.words import Choice, Tool

F = {"type": "function", "function": {"name": "f"}}
G = {"type": "function", "function": {"name": "g"}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
KEEP = {"type": "ephemeral"}


def test_tools():
    given = {"name": "f", "description": "Does.", "parameters": SCHEMA, "strict": True}
    tools, choice = hear_tools({"tools": [{"type": "function", "function": given, "cache_control": KEEP}, G]})
    assert tools == (Tool("f", "Does.", SCHEMA, strict=True, cached=KEEP), Tool("g"))
    assert choice == Choice()
    assert hear_tools({}) == ((), Choice())


@pytest.mark.parametrize(
    ("given", "choice"),
    [
        ("auto", Choice()), ("none", Choice("none")), ("required", Choice("any")), ("any", Choice("any")),
        ({"type": "function", "function": {"name": "f"}}, Choice("one", "f")),
        ({"type": "any"}, Choice("any")), ({"type": "required"}, Choice("any")), (None, Choice()),
    ],
)  # fmt: skip
def test_choices(given, choice):
    assert hear_tools({"tools": [F, G], "tool_choice": given}) == ((Tool("f"), Tool("g")), choice)


@pytest.mark.parametrize(("mode", "heard"), [("auto", "auto"), ("required", "any")])
def test_a_choice_among_some(mode, heard):
    given = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [G]}}
    assert hear_tools({"tools": [F, G], "tool_choice": given}) == ((Tool("g"),), Choice(heard))


def test_several_at_once():
    assert hear_tools({"tools": [F], "parallel_tool_calls": False})[1] == Choice(parallel=False)


@pytest.mark.parametrize(
    ("called", "choice"),
    [(None, Choice(parallel=False)), ("auto", Choice(parallel=False)), ("none", Choice("none", parallel=False)),
     ({"name": "f"}, Choice("one", "f", parallel=False))],
)  # fmt: skip
def test_functions(called, choice):
    body = {"functions": [{"name": "f", "parameters": SCHEMA}], "function_call": called}
    assert hear_tools(body) == ((Tool("f", schema=SCHEMA),), choice)
    assert is_legacy(body)
    assert not is_legacy(body | {"tools": [F]})


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"tools": {}}, "tools", "invalid_type"),
        ({"tools": [F, {"type": "custom", "custom": {"name": "x"}}]}, "tools[1].type", "unsupported_value"),
        ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name", "missing_required_parameter"),
        ({"tools": [F], "parallel_tool_calls": 1}, "parallel_tool_calls", "invalid_type"),
        ({"tools": [F], "tool_choice": "always"}, "tool_choice", "invalid_value"),
        ({"tools": [F], "tool_choice": 1}, "tool_choice", "invalid_type"),
        ({"tools": [F], "tool_choice": {"type": "custom", "custom": {"name": "x"}}}, "tool_choice",
         "unsupported_value"),
        ({"tools": [F], "tool_choice": {"type": "function"}}, "tool_choice", "unsupported_value"),
        ({"tools": [F], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [G]}}},
         "tool_choice.allowed_tools.tools", "unsupported_value"),
        ({"tools": [F], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}},
         "tool_choice.allowed_tools.tools", "unsupported_value"),
        ({"tools": [F], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [
            F, {"type": "mcp", "server_label": "x"}]}}}, "tool_choice.allowed_tools.tools", "unsupported_value"),
        ({"tools": [F], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "all", "tools": [F]}}},
         "tool_choice.allowed_tools.mode", "invalid_value"),
        ({"functions": [{}]}, "functions[0].name", "missing_required_parameter"),
        ({"functions": [{"name": "f"}], "function_call": {}}, "function_call.name", "missing_required_parameter"),
    ],
)  # fmt: skip
def test_tools_that_make_no_sense(body, param, code):
    with pytest.raises(InvalidRequest) as refused:
        hear_tools(body)
    assert (refused.value.param, refused.value.code) == (param, code)


def test_a_function_as_responses_have_it():
    told = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
    assert hear_tools({"tools": [told]})[0] == (Tool("f", "d", {"type": "object"}, strict=True),)
