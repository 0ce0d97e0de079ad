from typing import Any

import pytest
from cohere.types import ChatMessageV2, ResponseFormatV2, Thinking, ToolV2
from pydantic import TypeAdapter

from tests.dialects.sent import json_of
from torana.core.errors import InvalidRequest
from torana.dialects.cohere.asking import encode
from torana.dialects.translated import Encoded
from torana.dialects.ways import At
from torana.families.language import words
from torana.families.language.asked import LanguageRequest
from torana.families.language.voice import Occasion
from torana.families.language.words import (
    Choice,
    Conversation,
    Media,
    Reasoning,
    Refusal,
    Sampling,
    Shape,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)

AT = At("command-a", Occasion(LanguageRequest("chat.completions", "m", {}, b"{}"), 0, "id0", "command-a"))
HELLO = Turn("user", (Text("Hello"),))
WEATHER = Tool("weather", "Tells it.", {"type": "object", "properties": {"city": {"type": "string"}}})
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def encoded(*turns: Turn, at: At = AT, **members: Any) -> tuple[Any, Encoded]:
    """The body, of which Cohere's own client knows every part, and all else."""
    told = encode(Conversation(turns or (HELLO,), **members), at)
    body = json_of(told.message)
    for message in body["messages"]:
        TypeAdapter(ChatMessageV2).validate_python(message)
    for tool in body.get("tools", ()):
        TypeAdapter(ToolV2).validate_python(tool)
    if "response_format" in body:
        TypeAdapter(ResponseFormatV2).validate_python(body["response_format"])
    if "thinking" in body:
        TypeAdapter(Thinking).validate_python(body["thinking"])
    return body, told


def refused(*turns: Turn, **members: Any) -> tuple[str | None, str | None]:
    with pytest.raises(InvalidRequest) as error:
        encoded(*turns, **members)
    return error.value.param, error.value.code


def test_the_least_there_is_to_say() -> None:
    body, told = encoded()
    assert body == {"model": "command-a", "messages": [{"role": "user", "content": "Hello"}], "stream": False}
    assert (told.message.path, told.emulated, told.ignored) == ("/v2/chat", (), ())
    assert dict(told.message.headers)["accept"] == "application/json"


def test_a_stream_is_asked_for() -> None:
    body, told = encoded(stream=True)
    assert body["stream"] is True
    assert dict(told.message.headers)["accept"] == "text/event-stream"


def test_a_whole_conversation() -> None:
    body, _ = encoded(
        Turn("system", (Text("Be brief."),)),
        Turn("user", (Text("Look:"), Media("image", base64="QQ==", media_type="image/png", detail="low"))),
        Turn("user", (Media("image", url="https://x/y.png", detail="huge"), Text("And?"))),
        Turn("assistant", (Reasoning("Hm."), Text("I will look."), ToolCall("c1", "weather", '{"city": "Rome"}'))),
        Turn("tool", (ToolResult("c1", (Text("sunny"), Text(", warm"))),)),
        Turn("assistant", (Text("Sunny."), Refusal("No more."), Reasoning(sealed="x"))),
    )
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look:"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ==", "detail": "low"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
                {"type": "text", "text": "And?"},
            ],
        },
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
            ],
            "tool_plan": "I will look.",
            "content": [{"type": "thinking", "thinking": "Hm."}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "sunny, warm"},
        {"role": "assistant", "content": [{"type": "text", "text": "Sunny."}, {"type": "text", "text": "No more."}]},
    ]


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (Choice(), {}),
        (Choice("none"), {"tool_choice": "NONE"}),
        (Choice("any"), {"tool_choice": "REQUIRED"}),
        (Choice(parallel=True), {}),
    ],
)
def test_tools(choice: Choice, told: dict[str, Any]) -> None:
    body, rest = encoded(tools=(WEATHER, Tool("now", strict=True)), choice=choice)
    function = {"name": "weather", "description": "Tells it.", "parameters": WEATHER.schema}
    assert body["tools"][0] == {"type": "function", "function": function}
    assert body["tools"][1]["function"] == {"name": "now", "parameters": {"type": "object", "properties": {}}}
    assert {name: body[name] for name in ("tool_choice", "strict_tools") if name in body} == told
    assert rest.ignored == ("tools.strict",)


def test_one_tool_that_must_be_used_is_the_only_one() -> None:
    body, told = encoded(tools=(WEATHER, Tool("now", strict=True)), choice=Choice("one", "now"))
    assert [tool["function"]["name"] for tool in body["tools"]] == ["now"]
    assert (body["tool_choice"], body["strict_tools"], told.emulated) == ("REQUIRED", True, ("tool_choice",))


def test_forms_of_answers() -> None:
    assert encoded(shape=Shape())[0]["response_format"] == {"type": "json_object"}
    shape = Shape(SCHEMA, "count")
    assert encoded(shape=shape)[0]["response_format"] == {"type": "json_object", "json_schema": SCHEMA}
    assert refused(shape=shape, tools=(WEATHER,)) == ("response_format", "unsupported_value")


@pytest.mark.parametrize(
    ("thinking", "told", "emulated"),
    [
        (words.Thinking(), None, ()),
        (words.Thinking(shown=True), None, ()),
        (words.Thinking("none"), {"type": "disabled"}, ()),
        (words.Thinking(budget=0), {"type": "disabled"}, ()),
        (words.Thinking("low"), {"type": "enabled", "token_budget": 1024}, ("reasoning",)),
        (words.Thinking("high"), {"type": "enabled"}, ("reasoning",)),
        (words.Thinking(budget=2000), {"type": "enabled", "token_budget": 2000}, ()),
    ],
)
def test_thinking(thinking: words.Thinking, told: object, emulated: tuple[str, ...]) -> None:
    body, rest = encoded(thinking=thinking)
    assert (body.get("thinking"), rest.emulated) == (told, emulated)


def test_sampling() -> None:
    sampling = Sampling(
        max_tokens=5,
        temperature=1.5,
        top_p=1.0,
        top_k=3,
        stop=("a",),
        seed=1,
        presence_penalty=0.5,
        frequency_penalty=0.0,
    )
    body, _ = encoded(sampling=sampling)
    assert {name: body[name] for name in body if name not in {"model", "messages", "stream"}} == {
        "max_tokens": 5, "temperature": 1.5, "p": 0.99, "k": 3, "stop_sequences": ["a"], "seed": 1,
        "presence_penalty": 0.5, "frequency_penalty": 0.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"sampling": Sampling(n=2)}, "n", "unsupported_value"),
        ({"sampling": Sampling(logit_bias={"5": 1.0})}, "logit_bias", "unsupported_parameter"),
        ({"sampling": Sampling(logprobs=0)}, "logprobs", "unsupported_parameter"),
        ({"sampling": Sampling(stop=tuple("abcdef"))}, "stop", "unsupported_value"),
        ({"sampling": Sampling(top_k=501)}, "top_k", "unsupported_value"),
        ({"sampling": Sampling(presence_penalty=-1)}, "presence_penalty", "unsupported_value"),
        ({"sampling": Sampling(frequency_penalty=1.5)}, "frequency_penalty", "unsupported_value"),
        ({"tools": (WEATHER,), "choice": Choice("one", "x")}, "tool_choice", "invalid_value"),
    ],
)
def test_what_cannot_be_asked_is_refused(members: dict[str, Any], param: str, code: str) -> None:
    assert refused(**members) == (param, code)


@pytest.mark.parametrize(
    "part", [Media("audio", base64="QQ=="), Media("file", file_id="f"), Media("image", file_id="f"), Media("video")]
)
def test_media_other_than_pictures_are_refused(part: Media) -> None:
    assert refused(Turn("user", (part,))) == ("messages", "unsupported_value")
    assert refused(HELLO, Turn("tool", (ToolResult("c", (part,)),))) == ("messages", "unsupported_value")


def test_what_changes_nothing_is_told() -> None:
    turns = (
        Turn("user", (Text("Hello", cached={"type": "ephemeral"}),), name="ada"),
        Turn("tool", (ToolResult("c", (), failed=True),)),
    )
    assert encoded(*turns, user="u")[1].ignored == ("user", "messages.name", "cache_control", "is_error")


def test_the_operators_fields_go_first() -> None:
    at = At("m", AT.occasion, parameters={"safety_mode": "STRICT", "seed": 7})
    body, _ = encoded(at=at, sampling=Sampling(seed=1))
    assert (body["safety_mode"], body["seed"]) == ("STRICT", 7)


def test_one_tool_at_a_time_is_emulated() -> None:
    assert encoded(tools=(WEATHER,), choice=Choice(parallel=False))[1].emulated == ("parallel_tool_calls",)
