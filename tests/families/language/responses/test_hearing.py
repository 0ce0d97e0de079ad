import json

import pytest

from tests.families.language.responses.asking import request
from torana.core.errors import InvalidRequest
from torana.families.language.asked import read_request
from torana.families.language.responses.hearing import hear
from torana.families.language.words import Choice, Sampling, Shape, Text, Thinking, Tool, Turn

TOOL = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
SCHEMA = {"type": "object"}


def test_what_is_asked_is_heard():
    heard = hear(
        request(
            instructions="Be brief.",
            tools=[TOOL],
            tool_choice="required",
            parallel_tool_calls=False,
            text={"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}},
            reasoning={"effort": "low", "summary": "auto"},
            max_output_tokens=7,
            temperature=0.5,
            top_p=0.9,
            include=["message.output_text.logprobs"],
            safety_identifier="s",
            user="u",
            stream=True,
        )
    )
    assert heard.turns == (Turn("system", (Text("Be brief."),)), Turn("user", (Text("Hi"),)))
    assert heard.tools == (Tool("f", "d", {"type": "object"}, strict=True),)
    assert heard.choice == Choice("any", parallel=False)
    assert heard.shape == Shape(SCHEMA, "n", strict=True)
    assert heard.thinking == Thinking("low", shown=True)
    assert heard.sampling == Sampling(7, 0.5, 0.9, logprobs=0)
    assert (heard.user, heard.stream, heard.unheard) == ("s", True, ())


@pytest.mark.parametrize(
    ("choice", "heard", "tools"),
    [
        (None, Choice(), 2),
        ("none", Choice("none"), 2),
        ({"type": "function", "name": "f"}, Choice("one", "f"), 2),
        ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "g"}]}, Choice("any"), 1),
    ],
)
def test_tools_are_chosen(choice, heard, tools):
    conversation = hear(request(tools=[TOOL, TOOL | {"name": "g"}], tool_choice=choice))
    assert (conversation.choice, len(conversation.tools)) == (heard, tools)


def test_any_object_is_a_shape_and_plain_words_are_none():
    assert hear(request(text={"format": {"type": "json_object"}})).shape == Shape()
    assert hear(request(text={"format": {"type": "text"}})).shape is None
    assert hear(request(reasoning={})).thinking is None
    assert hear(request(top_logprobs=3)).sampling.logprobs == 3


def test_what_changes_nothing_is_told_as_ignored():
    heard = hear(
        request(
            service_tier="flex",
            truncation="auto",
            prompt_cache_key="k",
            include=["file_search_call.results"],
            text={"verbosity": "low"},
            odd=1,
        )
    )
    assert set(heard.unheard) == {"service_tier", "truncation", "prompt_cache_key", "include", "text.verbosity", "odd"}
    usual = hear(
        request(
            service_tier="auto",
            truncation="disabled",
            include=["reasoning.encrypted_content"],
            text={"verbosity": "medium"},
            metadata={"a": "b"},
            store=True,
            prompt_cache_key=None,
        )
    )
    assert usual.unheard == ()


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"prompt": {"id": "p"}}, "prompt", "unsupported_parameter"),
        ({"moderation": {"model": "m"}}, "moderation", "unsupported_parameter"),
        ({"previous_response_id": "resp_1"}, "previous_response_id", "unsupported_parameter"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "unsupported_value"),
        ({"tools": [{"type": "function"}]}, "tools[0].name", "missing_required_parameter"),
        ({"tool_choice": "perhaps"}, "tool_choice", "unsupported_value"),
        ({"tool_choice": {"type": "mcp"}}, "tool_choice", "unsupported_value"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type", "unsupported_value"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.schema", "missing_required_parameter"),
        ({"temperature": "hot"}, "temperature", "invalid_type"),
        ({"input": 3}, "input", "invalid_type"),
    ],
)
def test_what_cannot_be_asked_is_refused(body, param, code):
    with pytest.raises(InvalidRequest) as caught:
        hear(request(**body))
    assert (caught.value.param, caught.value.code) == (param, code)


def test_what_the_family_refuses_is_refused_here_too():
    asked = read_request("responses", json.dumps({"model": "m", "background": True}).encode())
    with pytest.raises(InvalidRequest, match="background"):
        hear(asked)
