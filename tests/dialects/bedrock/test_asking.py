import json
from typing import Any

import pytest

from tests.dialects.bedrock.converse import HELLO, at, encoded
from torana.core.errors import InvalidRequest
from torana.families.language.words import (
    Choice,
    Reasoning,
    Sampling,
    Shape,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)

WEATHER = Tool("weather", "Tells it.", {"type": "object", "properties": {"city": {"type": "string"}}})
CALLED = Turn("assistant", (ToolCall("c1", "weather", '{"city": "Rome"}'),))
RESULT = Turn("tool", (ToolResult("c1", (Text("sunny"),)),))
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}
CLAUDE, NOVA = "us.anthropic.claude-sonnet-4-20250514-v1:0", "amazon.nova-2-lite-v1:0"
KEPT = {"type": "ephemeral", "ttl": "1h"}


def refused(*turns: Turn, **members: Any) -> tuple[str | None, str | None]:
    with pytest.raises(InvalidRequest) as error:
        encoded(*turns, **members)
    return error.value.param, error.value.code


def test_the_least_there_is_to_say() -> None:
    body, told = encoded()
    assert body == {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}
    assert (told.message.path, told.emulated, told.ignored) == ("/model/meta.llama4/converse", (), ())
    assert dict(told.message.headers)["accept"] == "application/json"


def test_a_stream_is_another_call() -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.meta.llama4"
    told = encoded(where=at(arn), stream=True)[1]
    assert told.message.path == (
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.meta.llama4/converse-stream"
    )
    assert dict(told.message.headers)["accept"] == "application/vnd.amazon.eventstream"


def test_instructions_stand_apart() -> None:
    body, _ = encoded(Turn("system", (Text("Be brief."),)), HELLO, Turn("system", (Text("Be kind."),)))
    assert body["system"] == [{"text": "Be brief."}, {"text": "Be kind."}]
    assert len(body["messages"]) == 1


def test_sampling() -> None:
    sampling = Sampling(max_tokens=9, temperature=0.0, top_p=0.5, stop=("a", "b"), seed=5, presence_penalty=0.0)
    body, told = encoded(sampling=sampling, user="ada")
    assert body["inferenceConfig"] == {"maxTokens": 9, "temperature": 0.0, "topP": 0.5, "stopSequences": ["a", "b"]}
    assert told.ignored == ("user", "seed")


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (Choice(), None),
        (Choice("any", parallel=True), {"any": {}}),
        (Choice("one", "weather"), {"tool": {"name": "weather"}}),
    ],
)
def test_tools(choice: Choice, told: object) -> None:
    body, _ = encoded(tools=(WEATHER, Tool("now", strict=True)), choice=choice)
    first, second = body["toolConfig"]["tools"]
    assert first["toolSpec"] == {"name": "weather", "description": "Tells it.", "inputSchema": {"json": WEATHER.schema}}
    assert second["toolSpec"] == {
        "name": "now", "strict": True, "inputSchema": {"json": {"type": "object", "properties": {}}},
    }  # fmt: skip
    assert body["toolConfig"].get("toolChoice") == told


def test_tools_that_are_not_to_be_used_are_left_out() -> None:
    assert "toolConfig" not in encoded(tools=(WEATHER,), choice=Choice("none"))[0]
    assert refused(HELLO, CALLED, RESULT, tools=(WEATHER,), choice=Choice("none")) == (
        "tool_choice",
        "unsupported_value",
    )


def test_tools_that_were_used_are_described_where_nobody_does() -> None:
    body, told = encoded(HELLO, CALLED, RESULT)
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["weather"]
    assert told.emulated == ("tools",)
    body, told = encoded(HELLO, CALLED, RESULT, tools=(WEATHER,))
    assert (len(body["toolConfig"]["tools"]), told.emulated) == (1, ())


def test_a_schema_is_the_upstreams_to_keep() -> None:
    body, told = encoded(shape=Shape(SCHEMA, "count", "How many."))
    form = body["outputConfig"]["textFormat"]
    described = form["structure"]["jsonSchema"]
    assert form["type"] == "json_schema"
    assert (json.loads(described.pop("schema")), described) == (SCHEMA, {"name": "count", "description": "How many."})
    assert told.emulated == ()


def test_any_object_is_asked_for_in_words() -> None:
    body, told = encoded(shape=Shape())
    assert ("JSON" in body["system"][0]["text"], told.emulated) == (True, ("structured_output",))
    assert "outputConfig" not in body


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"sampling": Sampling(n=2)}, "n", "unsupported_value"),
        ({"sampling": Sampling(temperature=1.5)}, "temperature", "unsupported_value"),
        ({"sampling": Sampling(logit_bias={"5": 1.0})}, "logit_bias", "unsupported_parameter"),
        ({"sampling": Sampling(logprobs=0)}, "logprobs", "unsupported_parameter"),
        ({"sampling": Sampling(presence_penalty=1)}, "presence_penalty", "unsupported_parameter"),
        ({"sampling": Sampling(frequency_penalty=-1)}, "frequency_penalty", "unsupported_parameter"),
        ({"sampling": Sampling(top_k=5)}, "top_k", "unsupported_parameter"),
        ({"thinking": Thinking("high")}, "reasoning_effort", "unsupported_parameter"),
        ({"thinking": Thinking(budget=2000)}, "thinking", "unsupported_parameter"),
    ],
)
def test_what_cannot_be_asked_is_refused(members: dict[str, Any], param: str, code: str) -> None:
    assert refused(**members) == (param, code)


def test_what_a_maker_calls_by_other_names() -> None:
    body, told = encoded(where=at(CLAUDE), sampling=Sampling(top_k=5), thinking=Thinking("low"))
    assert body["additionalModelRequestFields"] == {
        "top_k": 5, "thinking": {"type": "enabled", "budget_tokens": 1024},
    }  # fmt: skip
    assert told.emulated == ("reasoning",)


def test_marks_of_what_is_worth_keeping() -> None:
    turns = (Turn("system", (Text("Long.", KEPT),)), Turn("user", (Text("Longer.", KEPT), Text("Short."))))
    tools = (Tool("now", cached=KEPT),)
    mark = {"cachePoint": {"type": "default", "ttl": "1h"}}
    body, told = encoded(*turns, tools=tools, where=at(CLAUDE))
    assert body["system"] == [{"text": "Long."}, mark]
    assert body["messages"][0]["content"] == [{"text": "Longer."}, mark, {"text": "Short."}]
    assert (body["toolConfig"]["tools"][1], told.ignored) == (mark, ())
    assert len(encoded(*turns, tools=tools, where=at(NOVA))[0]["toolConfig"]["tools"]) == 1
    body, told = encoded(*turns, tools=tools)
    assert (body["system"], told.ignored) == ([{"text": "Long."}], ("cache_control",))


def test_what_changes_nothing_is_told() -> None:
    turns = (Turn("user", (Text("Hi"),), name="ada"), Turn("assistant", (Reasoning("Hm."), Text("Hello"))), HELLO)
    assert encoded(*turns)[1].ignored == ("messages.name", "reasoning_content")


def test_the_operators_fields_find_their_place() -> None:
    where = at(
        CLAUDE,
        maxTokens=7,
        guardrailIdentifier="g1",
        guardrailVersion="1",
        latency="optimized",
        serviceTier="flex",
        top_k=9,
    )
    body, _ = encoded(where=where, sampling=Sampling(max_tokens=100, temperature=0.5, top_k=5))
    assert body["inferenceConfig"] == {"maxTokens": 7, "temperature": 0.5}
    assert body["guardrailConfig"] == {"guardrailIdentifier": "g1", "guardrailVersion": "1"}
    assert (body["performanceConfig"], body["serviceTier"]) == ({"latency": "optimized"}, {"type": "flex"})
    assert body["additionalModelRequestFields"] == {"top_k": 9}


def test_one_tool_at_a_time_is_emulated() -> None:
    assert "parallel_tool_calls" in encoded(tools=(WEATHER,), choice=Choice(parallel=False))[1].emulated
